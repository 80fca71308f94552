/** The name of a run, and another one for it: Enter or leaving the field gives it, Escape leaves the old one. */
import { useEffect, useRef, useState } from "react";
import { type ApiError, asApiError } from "../api/errors";
import { renameRun } from "../data/acts";
import { Problem } from "./Problem";

const LONGEST = 200;

interface Props {
  readonly id: string;
  readonly name: string;
  /** Reads the run again. */
  readonly onChanged: () => Promise<void>;
}

export function RunName({ id, name, onChanged }: Props) {
  const [typed, setTyped] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const field = useRef<HTMLInputElement>(null);
  const open = typed !== null;
  useEffect(() => {
    if (open) field.current?.select();
  }, [open]);
  const close = () => {
    setTyped(null);
    setError(null);
  };
  const send = async () => {
    const next = typed?.trim() ?? "";
    if (busy) return;
    if (next === "" || next === name) return close();
    setBusy(true);
    try {
      await renameRun(id, next);
      await onChanged();
      close();
    } catch (cause) {
      setError(asApiError(cause));
    } finally {
      setBusy(false);
    }
  };
  if (!open)
    return (
      <>
        <span className="run-name">{name}</span>{" "}
        <button type="button" className="plain rename" data-action="rename" onClick={() => setTyped(name)}>
          Rename
        </button>
      </>
    );
  return (
    <>
      <input
        ref={field}
        className="run-name"
        aria-label="Name of the run"
        aria-busy={busy}
        maxLength={LONGEST}
        value={typed}
        onChange={(e) => setTyped(e.target.value)}
        onBlur={() => void send()}
        onKeyDown={(e) => {
          if (e.key === "Enter") void send();
          if (e.key === "Escape") close();
        }}
      />
      {error && <Problem error={error} />}
    </>
  );
}
