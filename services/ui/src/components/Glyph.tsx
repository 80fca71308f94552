/** A small drawing for each state, so that colour never says anything alone. Drawn on 12 × 12, in the colour of the text around it. */
import { memo } from "react";
import { useTheme } from "../app/theme";
import { stateColour } from "../domain/colour";

export const RING = "M6 1.25a4.75 4.75 0 1 0 0 9.5a4.75 4.75 0 1 0 0-9.5";

/** Strokes (s) and fills (f) by state; what is not here is drawn as a ring. */
export const SHAPES: Record<string, { s?: string; f?: string }> = {
  Pending: { s: RING },
  Scheduled: { s: `${RING}M6 3.4V6l1.8 1.2` },
  Paused: { f: "M3 2.2h2v7.6h-2zM7 2.2h2v7.6h-2z" },
  Resume: { s: "M3.5 2.2v7.6M6 2.6l4 3.4l-4 3.4z" },
  Retrying: { s: "M10 6a4 4 0 1 1-1.3-2.95M10.2 1.2v2.4h-2.4" },
  Queued: { s: "M2 3h8M2 6h8M2 9h5" },
  Submitted: { s: RING, f: "M6 1.25a4.75 4.75 0 0 1 0 9.5z" },
  Running: { f: "M3 1.6l7 4.4l-7 4.4z" },
  Cancelling: { s: RING, f: "M4.2 4.2h3.6v3.6h-3.6z" },
  Finished: { f: "M2.5 2.5h7v7h-7z" },
  Looped: { s: "M2 6a2.2 2.2 0 1 1 4 0a2.2 2.2 0 1 0 4 0a2.2 2.2 0 1 0-4 0a2.2 2.2 0 1 1-4 0" },
  Cancelled: { s: `${RING}M2.8 9.2l6.4-6.4` },
  Success: { s: "M2 6.4l2.8 2.8L10 3.2" },
  Cached: { s: "M2 4.6l2.6 2.6L9.4 2M2.4 10.4h7.2" },
  Mapped: { f: "M2 2h3.3v3.3h-3.3zM6.7 2h3.3v3.3h-3.3zM2 6.7h3.3v3.3h-3.3zM6.7 6.7h3.3v3.3h-3.3z" },
  Skipped: { s: "M2.2 2.6l3.4 3.4l-3.4 3.4M6.4 2.6l3.4 3.4l-3.4 3.4" },
  Failed: { s: "M2.6 2.6l6.8 6.8M9.4 2.6l-6.8 6.8" },
  TimedOut: { s: "M3 1.6h6M3 10.4h6M3.6 1.6c0 3 4.8 5.800 4.800 8.800M8.400 1.6c0 3-4.800 5.800-4.800 8.800" },
  TriggerFailed: { s: "M2 6h3M7 3.600l3.600 4.800M10.600 3.600l-3.600 4.800" },
  ValidationFailed: { s: "M6 1.600v5.600M6 9.600v.8" },
  ClientFailed: { s: "M1.600 6h2.600M7.800 6h2.600M5 3.400l2 5.200" },
};

export const Glyph = memo(function Glyph({ state, size = 12 }: { state: string; size?: number }) {
  const theme = useTheme();
  const shape = SHAPES[state] ?? { s: RING };
  return (
    <svg
      className="glyph"
      width={size}
      height={size}
      viewBox="0 0 12 12"
      aria-hidden="true"
      style={{ color: stateColour(state, theme) }}
    >
      {shape.s && (
        <path
          d={shape.s}
          fill="none"
          stroke="currentColor"
          strokeWidth="1.5"
          strokeLinecap="round"
          strokeLinejoin="round"
        />
      )}
      {shape.f && <path d={shape.f} fill="currentColor" />}
    </svg>
  );
});

export function StateChip({ state }: { state: string }) {
  const theme = useTheme();
  return (
    <span className="chip" data-state={state} style={{ "--c": stateColour(state, theme) } as React.CSSProperties}>
      <Glyph state={state} />
      {state}
    </span>
  );
}
