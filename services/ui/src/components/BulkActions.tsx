/**
 * Cancel or restart many runs. Asked for twice, with what will happen to how many; sent a few at a time; what the server refuses is told
 * run by run, and the rest is done all the same.
 */
import { useEffect, useRef, useState } from "react";
import { asApiError } from "../api/errors";
import { cancelRun, restartRun } from "../data/acts";
import { canCancel, canRestart } from "../domain/states";
import { counted } from "../domain/words";

export type BulkAction = "cancel" | "restart";

export interface BulkRun {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly flow: { readonly name: string };
}

interface Outcome {
  readonly done: number;
  readonly of: number;
  readonly refused: readonly { readonly run: BulkRun; readonly message: string }[];
}

const AT_ONCE = 4;
const VERB: Record<BulkAction, string> = { cancel: "Cancel", restart: "Restart" };

export function affected(action: BulkAction, runs: readonly BulkRun[]): readonly BulkRun[] {
  return runs.filter((run) => (action === "cancel" ? canCancel(run.state) : canRestart(run.state)));
}

/** `work` for each item, a few at a time, in order. */
export async function fewAtATime<T>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < items.length) {
      const item = items[next] as T;
      next += 1;
      await work(item);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, lane));
}

export function BulkActions({ runs, onClear }: { runs: readonly BulkRun[]; onClear: () => void }) {
  const [asked, setAsked] = useState<BulkAction | null>(null);
  return (
    <div className="bulk" role="toolbar" aria-label="Chosen runs">
      <span>
        <b>{runs.length.toLocaleString("en")}</b> chosen
      </span>
      {(["cancel", "restart"] as const).map((action) => (
        <Offer key={action} action={action} count={affected(action, runs).length} onAsk={() => setAsked(action)} />
      ))}
      <button type="button" className="plain" onClick={onClear}>
        Choose none
      </button>
      {asked && <Ask action={asked} runs={runs} onClose={() => setAsked(null)} onDone={onClear} />}
    </div>
  );
}

function Offer({ action, count, onAsk }: { action: BulkAction; count: number; onAsk: () => void }) {
  return (
    <button
      type="button"
      className={action === "cancel" ? "button small danger" : "button small"}
      data-bulk={action}
      disabled={count === 0}
      onClick={onAsk}
    >
      {VERB[action]}
      {count > 0 && ` ${count.toLocaleString("en")}`}…
    </button>
  );
}

interface AskProps {
  readonly action: BulkAction;
  readonly runs: readonly BulkRun[];
  readonly onClose: () => void;
  readonly onDone: () => void;
}

function Ask({ action, runs, onClose, onDone }: AskProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const ending = useRef(false);
  useEffect(() => {
    if (!dialog.current?.open) dialog.current?.showModal();
  }, []);
  const these = affected(action, runs);
  const others = runs.length - these.length;
  const busy = outcome !== null && outcome.done < outcome.of;

  const send = async () => {
    if (outcome) return;
    setOutcome({ done: 0, of: these.length, refused: [] });
    const refused: { run: BulkRun; message: string }[] = [];
    let done = 0;
    await fewAtATime(these, AT_ONCE, async (run) => {
      try {
        if (!ending.current) await (action === "cancel" ? cancelRun(run.id) : restartRun(run.id));
      } catch (cause) {
        refused.push({ run, message: asApiError(cause).message });
      }
      done += 1;
      setOutcome({ done, of: these.length, refused: [...refused] });
    });
    if (refused.length === 0) {
      onClose();
      onDone();
    }
  };

  return (
    <dialog
      ref={dialog}
      className="ask"
      aria-labelledby="bulk-title"
      onClose={() => {
        ending.current = true;
        onClose();
        if (outcome) onDone();
      }}
    >
      <h2 id="bulk-title">
        {VERB[action]} {counted(outcome?.of ?? these.length, "run")}?
      </h2>
      <p>
        {action === "cancel"
          ? "Tasks that are running are stopped, those that have not begun never will. What has succeeded is kept. A cancelled run can be restarted."
          : "A new attempt of each begins as soon as an agent takes it. Tasks that have succeeded are not run again; failed and cancelled ones are."}
      </p>
      {others > 0 && !outcome && (
        <p className="faint">
          {counted(others, "run")} of those chosen {others === 1 ? "stays" : "stay"} as{" "}
          {others === 1 ? "it is" : "they are"}:{" "}
          {action === "cancel"
            ? "ended already, or being stopped."
            : "only failed and cancelled runs can be restarted."}
        </p>
      )}
      {outcome && (
        <p role="status">
          {outcome.done.toLocaleString("en")} of {outcome.of.toLocaleString("en")} asked.
        </p>
      )}
      {outcome && outcome.refused.length > 0 && (
        <ul className="refused">
          {outcome.refused.slice(0, 8).map(({ run, message }) => (
            <li key={run.id}>
              <b>
                {run.flow.name} {run.name}
              </b>{" "}
              {message}
            </li>
          ))}
          {outcome.refused.length > 8 && <li className="faint">and {outcome.refused.length - 8} more</li>}
        </ul>
      )}
      <footer>
        {/* biome-ignore lint/a11y/noAutofocus: the safe answer holds the focus of a question */}
        <button type="button" className="button" autoFocus onClick={() => dialog.current?.close()}>
          {outcome ? (busy ? "Stop here" : "Close") : action === "cancel" ? "Let them run" : "Leave them"}
        </button>
        {!outcome && (
          <button
            type="button"
            className={action === "cancel" ? "button solid danger" : "button solid"}
            data-confirm={action}
            onClick={() => void send()}
          >
            {VERB[action]} {counted(these.length, "run")}
          </button>
        )}
      </footer>
    </dialog>
  );
}
