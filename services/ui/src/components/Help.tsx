/** The keys of the page and what each state means, from proto. Opened by "?". */
import { useEffect, useRef } from "react";
import { STATE_KINDS } from "../generated/states";
import { Glyph } from "./Glyph";

const KEYS: readonly (readonly [string, string])[] = [
  ["j  k", "next, previous row"],
  ["Enter", "open the row"],
  ["x", "choose the row, to cancel or restart many"],
  ["/", "filter"],
  ["Esc", "clear the filter"],
  ["f", "follow the log, or stay"],
  ["← ↑ ↓ →", "walk the graph, the timeline, mapped children"],
  ["+  −  0", "closer, farther, all of it"],
  ["1  5", "the views of a run or a flow, first to last"],
  ["r", "run the flow that is open"],
  ["u", "from a task run up to its run"],
  ["g  h", "home"],
  ["g  r", "runs"],
  ["g  f", "flows"],
  ["g  a", "agents"],
  ["t", "light or dark"],
  ["?", "this page"],
];

export function Help({ open, onClose }: { open: boolean; onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current;
    if (open && element && !element.open) element.showModal();
    if (!open && element?.open) element.close();
  }, [open]);
  return (
    <dialog ref={dialog} className="help" aria-labelledby="help-title" onClose={onClose}>
      <header>
        <h2 id="help-title">Keys and states</h2>
        <button type="button" className="quiet" onClick={onClose}>
          Close
        </button>
      </header>
      <div className="help-columns">
        <dl className="keys">
          {KEYS.map(([key, what]) => (
            <div key={key}>
              <dt>
                {key.split("  ").map((k) => (
                  <kbd key={k}>{k}</kbd>
                ))}
              </dt>
              <dd>{what}</dd>
            </div>
          ))}
        </dl>
        <dl className="kinds">
          {Object.entries(STATE_KINDS).map(([name, kind]) => (
            <div key={name}>
              <dt>
                <Glyph state={name} /> {name}
              </dt>
              <dd>{kind.meaning}</dd>
            </div>
          ))}
        </dl>
      </div>
    </dialog>
  );
}
