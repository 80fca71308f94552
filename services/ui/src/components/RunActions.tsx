/**
 * Cancel and restart. What is done cannot be taken back, so it is asked for twice, the second time with the consequence spelt out and the
 * focus on "no"; if the run moves on while the question stands, the question is withdrawn; nothing is sent twice.
 */
import { useEffect, useRef, useState } from "react";
import { type ApiError, asApiError } from "../api/errors";
import { cancelRun, restartRun } from "../data/acts";
import { canCancel, canRestart } from "../domain/states";
import { Problem } from "./Problem";

type Action = "cancel" | "restart";

const WORDS: Record<Action, { title: string; text: string; yes: string; no: string; doing: string }> = {
  cancel: {
    title: "Cancel this run?",
    text: "Tasks that are running are stopped, those that have not begun never will. What has succeeded is kept. A cancelled run can be restarted.",
    yes: "Cancel the run",
    no: "Let it run",
    doing: "Cancelling…",
  },
  restart: {
    title: "Restart this run?",
    text: "A new attempt begins as soon as an agent takes it. Tasks that have succeeded are not run again; failed and cancelled ones are.",
    yes: "Restart the run",
    no: "Leave it",
    doing: "Restarting…",
  },
};

interface Props {
  readonly id: string;
  readonly state: string;
  readonly version: number;
  readonly name: string;
}

export function actionFor(state: string): Action | null {
  if (canCancel(state)) return "cancel";
  return canRestart(state) ? "restart" : null;
}

export function RunActions({ id, state, version, name }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [asked, setAsked] = useState<{ action: Action; version: number } | null>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const action = actionFor(state);
  // A run that only made progress can still be cancelled; one that ended meanwhile cannot.
  const moved = asked !== null && asked.action !== action;

  useEffect(() => {
    const element = dialog.current;
    if (asked && element && !element.open) element.showModal();
    if (!asked && element?.open) element.close();
  }, [asked]);

  const send = async () => {
    if (!asked || busy || moved) return;
    setBusy(true);
    setError(null);
    try {
      await (asked.action === "cancel" ? cancelRun(id) : restartRun(id));
      setAsked(null);
    } catch (cause) {
      setError(asApiError(cause));
    } finally {
      setBusy(false);
    }
  };

  const words = WORDS[asked?.action ?? action ?? "cancel"];
  return (
    <div className="actions">
      {state === "Cancelling" && <span className="faint">Being stopped…</span>}
      {action && (
        <button
          type="button"
          className={action === "cancel" ? "button danger" : "button"}
          data-action={action}
          onClick={() => {
            setError(null);
            setAsked({ action, version });
          }}
        >
          {action === "cancel" ? "Cancel…" : "Restart…"}
        </button>
      )}
      <dialog ref={dialog} aria-labelledby="ask-title" onClose={() => setAsked(null)} className="ask">
        <h2 id="ask-title">{moved ? "The run has moved on" : words.title}</h2>
        <p className="ask-name">{name}</p>
        <p>{moved ? `It is ${state} now, so there is nothing to ${asked?.action} any more.` : words.text}</p>
        {error && <Problem error={error} />}
        <footer>
          {/* biome-ignore lint/a11y/noAutofocus: the safe answer holds the focus of a question */}
          <button type="button" className="button" autoFocus onClick={() => setAsked(null)}>
            {moved ? "Close" : words.no}
          </button>
          {!moved && (
            <button
              type="button"
              className={asked?.action === "cancel" ? "button solid danger" : "button solid"}
              data-confirm={asked?.action}
              disabled={busy}
              onClick={() => void send()}
            >
              {busy ? words.doing : words.yes}
            </button>
          )}
        </footer>
      </dialog>
    </div>
  );
}
