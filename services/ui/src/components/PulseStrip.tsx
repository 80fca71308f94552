/** The pulse strip: one mark per run, newest at the right, height by duration, coming runs as outlines beyond "now". Each mark is a link. */
import { memo, useLayoutEffect, useRef, useState } from "react";
import { useNow } from "../app/now";
import { follow, runPath } from "../app/router";
import { useTheme } from "../app/theme";
import { stateColour } from "../domain/colour";
import { heightOf, layout, type PulseMark, type PulseRun, STEPS } from "../domain/pulse";
import { familyOf } from "../domain/states";
import { coarse, duration, elapsed, moment, relative } from "../domain/time";

export interface StripRun extends PulseRun {
  readonly name: string;
}

/** Width of one mark with its gap: as wide as the number of runs allows. */
const NARROW = 7;
const WIDE = 18;

function useWidth(): [React.RefObject<HTMLDivElement | null>, number] {
  const ref = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(960);
  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    setWidth(element.clientWidth);
    return () => observer.disconnect();
  }, []);
  return [ref, width];
}

export function PulseStrip({ runs }: { runs: readonly StripRun[] }) {
  const now = useNow();
  const [ref, width] = useWidth();
  const [shown, setShown] = useState<PulseMark<StripRun> | null>(null);
  const { marks, top } = layout(runs, now, Math.max(12, Math.floor((width - 20) / NARROW)));
  const pitch = Math.min(WIDE, Math.max(NARROW, Math.floor((width - 20) / Math.max(1, marks.length))));
  const begun = marks.filter((m) => !m.coming);
  const coming = marks.filter((m) => m.coming);
  const lines = STEPS.filter((s) => s <= top).slice(-4);
  const show = (mark: PulseMark<StripRun> | null) => setShown(mark);
  const at = shown ? (marks.find((m) => m.run.id === shown.run.id) ?? null) : null;
  return (
    <section
      className="pulse"
      aria-label="Pulse: recent and coming runs"
      style={{ "--pitch": `${pitch}px` } as React.CSSProperties}
    >
      <div className="pulse-scale" aria-hidden="true">
        {lines.map((ms) => (
          <span key={ms} style={{ bottom: `${heightOf(ms, top) * 100}%` }}>
            {coarse(ms).replace("24 h", "1 d")}
          </span>
        ))}
      </div>
      {/* The strip has one tab stop; the list below has the same runs for those who go through them by keyboard. */}
      <div className="pulse-water" ref={ref} onMouseLeave={() => show(null)}>
        {lines.map((ms) => (
          <i key={ms} className="pulse-line" style={{ bottom: `${heightOf(ms, top) * 100}%` }} />
        ))}
        <ol className="pulse-marks" aria-label={`${begun.length} runs that have begun`}>
          {begun.map((m) => (
            <Bar key={m.run.id} mark={m} onShow={show} />
          ))}
        </ol>
        <i className="pulse-now">
          <span>now</span>
        </i>
        <ol className="pulse-marks coming" aria-label={`${coming.length} coming runs`}>
          {coming.map((m) => (
            <Bar key={m.run.id} mark={m} onShow={show} />
          ))}
        </ol>
      </div>
      <p className="pulse-said" aria-live="off">
        {at ? (
          <Said mark={at} now={now} />
        ) : (
          <Ends
            begun={begun}
            coming={coming}
            now={now}
            left={begun.length * pitch < 90 ? null : Math.max(0, width - 17 - marks.length * pitch)}
          />
        )}
      </p>
    </section>
  );
}

const Bar = memo(
  function Bar({ mark, onShow }: { mark: PulseMark<StripRun>; onShow: (mark: PulseMark<StripRun>) => void }) {
    const theme = useTheme();
    const { run } = mark;
    return (
      <li>
        <a
          href={runPath(run.id)}
          tabIndex={-1}
          className="bar"
          data-family={familyOf(run.state)}
          data-late={mark.late || undefined}
          aria-label={`${run.flow} ${run.name}, ${run.state}`}
          onClick={follow}
          onMouseEnter={() => onShow(mark)}
          style={{ "--h": mark.height.toFixed(3), "--c": stateColour(run.state, theme) } as React.CSSProperties}
        >
          <i />
        </a>
      </li>
    );
  },
  (a, b) =>
    a.mark.run.id === b.mark.run.id &&
    a.mark.run.state === b.mark.run.state &&
    a.mark.late === b.mark.late &&
    a.mark.height.toFixed(3) === b.mark.height.toFixed(3),
);

function Said({ mark: { run, coming, late }, now }: { mark: PulseMark<StripRun>; now: number }) {
  const took = elapsed(run.start, run.end, now);
  return (
    <>
      <b>{run.flow}</b> {run.name} · {run.state}
      {coming
        ? ` · ${late ? "was due" : "due"} ${relative(run.due, now)}`
        : took !== null
          ? ` · ${duration(took)}`
          : ""}
      {run.start !== null && ` · ${moment(run.start, now)}`}
    </>
  );
}

function Ends({
  begun,
  coming,
  now,
  left,
}: {
  begun: readonly PulseMark[];
  coming: readonly PulseMark[];
  now: number;
  left: number | null;
}) {
  const first = begun[0]?.run;
  const last = coming.at(-1)?.run;
  return (
    <>
      <span style={{ marginLeft: left ?? 0 }}>
        {first && left !== null ? relative(first.start ?? first.due, now) : ""}
      </span>
      <span>{last ? relative(last.due, now) : ""}</span>
    </>
  );
}
