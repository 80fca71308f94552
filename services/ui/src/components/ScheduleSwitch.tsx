/** The schedule of a flow on or off. It can be turned back at once, so nothing is asked twice; the server's answer moves it. */
import { useState } from "react";
import { type ApiError, asApiError } from "../api/errors";
import { act } from "../data/acts";
import { SCHEDULE_OFF, SCHEDULE_ON } from "../data/documents/flows";

interface Props {
  readonly flowId: string;
  readonly name: string;
  readonly on: boolean;
  readonly onError: (error: ApiError | null) => void;
  /** Reads whether it is on. */
  readonly onChanged: () => Promise<void>;
}

export function ScheduleSwitch({ flowId, name, on, onError, onChanged }: Props) {
  const [asked, setAsked] = useState<boolean | null>(null);
  // What was asked for holds until the server has done it and said how it is now: somebody else may have turned it back meanwhile.
  const shown = asked ?? on;
  const turn = async () => {
    if (asked !== null) return;
    const next = !shown;
    setAsked(next);
    onError(null);
    try {
      await act(next ? SCHEDULE_ON : SCHEDULE_OFF, { flow: flowId }, "The server left the schedule as it is.");
      await onChanged();
    } catch (cause) {
      onError(asApiError(cause));
    } finally {
      setAsked(null);
    }
  };
  return (
    <button
      type="button"
      role="switch"
      className="switch"
      aria-checked={shown}
      aria-busy={asked !== null || undefined}
      aria-label={`Schedule of ${name}`}
      title={shown ? "The schedule is on" : "The schedule is off"}
      onClick={() => void turn()}
    >
      <span />
    </button>
  );
}
