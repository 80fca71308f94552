/**
 * A second question before something is done that cannot be taken back: what will happen, the focus on "no", nothing sent twice, what the
 * server refuses told in place.
 */
import { type ReactNode, useEffect, useRef, useState } from "react";
import { type ApiError, asApiError } from "../api/errors";
import { Problem } from "./Problem";

interface Props {
  readonly title: string;
  readonly children: ReactNode;
  readonly yes: string;
  readonly no: string;
  readonly danger?: boolean;
  /** For tests and style sheets: what is asked about. */
  readonly what: string;
  readonly onYes: () => Promise<void>;
  readonly onClose: () => void;
}

export function Question({ title, children, yes, no, danger = false, what, onYes, onClose }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  useEffect(() => {
    if (!dialog.current?.open) dialog.current?.showModal();
  }, []);
  const send = async () => {
    if (busy) return;
    setBusy(true);
    setError(null);
    try {
      await onYes();
      dialog.current?.close();
    } catch (cause) {
      setError(asApiError(cause));
      setBusy(false);
    }
  };
  return (
    <dialog ref={dialog} className="ask" aria-labelledby="question-title" onClose={onClose}>
      <h2 id="question-title">{title}</h2>
      {children}
      {error && <Problem error={error} />}
      <footer>
        {/* biome-ignore lint/a11y/noAutofocus: the safe answer holds the focus of a question */}
        <button type="button" className="button" autoFocus onClick={() => dialog.current?.close()}>
          {no}
        </button>
        <button
          type="button"
          className={danger ? "button solid danger" : "button solid"}
          data-confirm={what}
          disabled={busy}
          onClick={() => void send()}
        >
          {yes}
        </button>
      </footer>
    </dialog>
  );
}
