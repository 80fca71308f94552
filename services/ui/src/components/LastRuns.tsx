/** The last runs of a flow as one small picture. Few nodes however many flows there are: one path a state. */
import { memo } from "react";
import { useTheme } from "../app/theme";
import { stateColour } from "../domain/colour";
import { type LastRun, type StripMark, stripMarks, stripWords } from "../domain/lastRuns";

const SLOTS = 20;
const PITCH = 6;
const BAR = 4;
const HEIGHT = 18;
const KEEL = 4;

function pathOf(mark: StripMark): string {
  const x = mark.x * PITCH;
  const h = Math.max(2, Math.round(mark.height * HEIGHT));
  const top = HEIGHT - h;
  // Cancelled and running ones are open: shape tells them from the others without colour.
  if (mark.family === "cancelled") return `M${x} ${HEIGHT}v${-h}h${BAR}v${h}h-1v${1 - h}h${2 - BAR}v${h - 1}z`;
  if (mark.family === "running")
    return `M${x} ${HEIGHT}v${-Math.max(2, h - 4)}h${BAR}v${Math.max(2, h - 4)}zM${x} ${top}h${BAR}v2h${-BAR}z`;
  const keel = mark.family === "failed" ? `M${x} ${HEIGHT + 2}h${BAR}l${-BAR / 2} ${KEEL - 1}z` : "";
  return `M${x} ${HEIGHT}v${-h}h${BAR}v${h}z${keel}`;
}

export const LastRuns = memo(function LastRuns({ runs, now }: { runs: readonly LastRun[]; now: number }) {
  const theme = useTheme();
  const byState = new Map<string, string>();
  for (const mark of stripMarks(runs, SLOTS, now))
    byState.set(mark.state, (byState.get(mark.state) ?? "") + pathOf(mark));
  const width = SLOTS * PITCH - (PITCH - BAR);
  return (
    <svg
      className="last-runs"
      width={width}
      height={HEIGHT + 2 + KEEL}
      viewBox={`0 0 ${width} ${HEIGHT + 2 + KEEL}`}
      role="img"
      aria-label={stripWords(runs)}
    >
      <title>{stripWords(runs)}</title>
      <path d={`M0 ${HEIGHT + 0.5}H${width}`} className="waterline" />
      {[...byState].map(([state, d]) => (
        <path key={state} d={d} fill={stateColour(state, theme)} />
      ))}
    </svg>
  );
});
