/** The states of a run from first to last, like the locks of a flight: each with its time, and how long it took to the next. */
import { useState } from "react";
import { useNow } from "../app/now";
import type { StateRow } from "../data/documents/run";
import { coarse, duration, moment, parse } from "../domain/time";
import { Glyph } from "./Glyph";

const SHOWN = 8;

export function Ledger({ states }: { states: readonly StateRow[] }) {
  const now = useNow();
  const [open, setOpen] = useState(false);
  const shown = open || states.length <= SHOWN ? states : states.slice(-SHOWN);
  const skipped = states.length - shown.length;
  return (
    <section className="ledger" aria-label="States of this run">
      <ol>
        {skipped > 0 && (
          <li className="skipped">
            <button type="button" className="plain" onClick={() => setOpen(true)}>
              {skipped} earlier
            </button>
          </li>
        )}
        {shown.map((state, i) => {
          const at = parse(state.timestamp) ?? 0;
          const previous = shown[i - 1];
          const before = previous ? parse(previous.timestamp) : null;
          const newAttempt = previous !== undefined && previous.attempt !== state.attempt;
          return (
            <li key={state.id} title={[state.message, state.actor && `by ${state.actor}`].filter(Boolean).join(" · ")}>
              {before !== null && (
                <span className="gap" data-attempt={newAttempt || undefined}>
                  {newAttempt
                    ? `attempt ${state.attempt}`
                    : at - before < 60_000
                      ? duration(at - before)
                      : coarse(at - before)}
                </span>
              )}
              <span className="lock">
                <Glyph state={state.state} />
                <span>
                  {state.state}
                  <time dateTime={state.timestamp}>{moment(at, now)}</time>
                </span>
              </span>
            </li>
          );
        })}
      </ol>
    </section>
  );
}
