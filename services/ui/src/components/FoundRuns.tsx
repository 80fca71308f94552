/** The table of the runs explorer: draws only the rows that are seen, however many there are. One row, one link; `x` chooses it. */
import { memo, type RefObject, useEffect, useMemo, useRef } from "react";
import { useNow } from "../app/now";
import { follow, runPath } from "../app/router";
import type { FoundRun } from "../data/documents/runs";
import type { RunsView } from "../data/runsStore";
import { familyOf } from "../domain/states";
import { duration, elapsed, moment, parse, relative } from "../domain/time";
import { StateChip } from "./Glyph";
import { useViewport, useVirtual } from "./useVirtual";

const ROW = 32;
const TALL_ROW = 54;
const NARROW = 640;
const NEAR_THE_END = 60;
const SETTLED_MS = 400;
const LATE_MS = 15_000;

interface Props {
  readonly view: RunsView<FoundRun>;
  readonly count: number | null;
  readonly loadingMore: boolean;
  readonly chosen: ReadonlySet<string>;
  readonly scroller: RefObject<HTMLDivElement | null>;
  readonly onChoose: (id: string) => void;
  readonly onMore: () => void;
  readonly onSeen: (ids: readonly string[]) => void;
  readonly onPoint: (inside: boolean) => void;
}

export function FoundRuns(props: Props) {
  const { view, count, loadingMore, chosen, scroller, onChoose, onMore, onSeen, onPoint } = props;
  const viewport = useViewport(scroller);
  const row = viewport.width < NARROW ? TALL_ROW : ROW;
  const heights = useMemo(() => new Array<number>(view.rows.length).fill(row), [view.rows.length, row]);
  const slice = useVirtual(heights, viewport);
  const shown = view.rows.slice(slice.from, slice.to);
  const nearEnd = slice.to > view.rows.length - NEAR_THE_END;
  const length = view.rows.length;
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked for again when a page has come and the end is still near
  useEffect(() => {
    if (nearEnd) onMore();
  }, [nearEnd, length, onMore]);
  const ids = shown.map((r) => r.id).join();
  useEffect(() => {
    const timer = setTimeout(() => onSeen(ids === "" ? [] : ids.split(",")), SETTLED_MS);
    return () => clearTimeout(timer);
  }, [ids, onSeen]);
  return (
    <div
      className="found-scroll"
      ref={scroller}
      onPointerEnter={() => onPoint(true)}
      onPointerLeave={() => onPoint(false)}
    >
      <div role="rowgroup" className="found-rows" style={{ height: slice.total }}>
        {shown.map((run, i) => (
          <FoundRow
            key={run.id}
            run={run}
            top={slice.offsetOf(slice.from + i)}
            index={slice.from + i + 2}
            chosen={chosen.has(run.id)}
            onChoose={onChoose}
          />
        ))}
      </div>
      {view.loaded && length > 0 && (
        <p className="found-end" aria-live="polite" data-read={length}>
          {view.complete
            ? `That is all: ${length.toLocaleString("en")} ${length === 1 ? "run" : "runs"}.`
            : loadingMore
              ? "Reading more…"
              : `${length.toLocaleString("en")} of ${count?.toLocaleString("en") ?? "…"} read. More come as you scroll.`}
        </p>
      )}
    </div>
  );
}

interface RowProps {
  readonly run: FoundRun;
  readonly top: number;
  readonly index: number;
  readonly chosen: boolean;
  readonly onChoose: (id: string) => void;
}

const FoundRow = memo(function FoundRow({ run, top, index, chosen, onChoose }: RowProps) {
  const box = useRef<HTMLInputElement>(null);
  return (
    <div
      role="row"
      tabIndex={-1}
      className="found"
      aria-rowindex={index}
      aria-selected={chosen}
      data-run={run.id}
      style={{ transform: `translateY(${top}px)` }}
    >
      <span role="cell" className="found-pick">
        <input
          ref={box}
          type="checkbox"
          tabIndex={-1}
          checked={chosen}
          aria-label={`Choose ${run.flow.name} ${run.name}`}
          onChange={() => onChoose(run.id)}
        />
      </span>
      <span role="cell">
        <StateChip state={run.state} />
      </span>
      <span role="cell" className="found-flow">
        <a href={runPath(run.id)} data-row onClick={follow}>
          {run.flow.name}
          <span className="sr">, run {run.name}</span>
        </a>
      </span>
      <span role="cell" className="found-name">
        {run.name}
      </span>
      <span role="cell" className="found-where" title={run.labels.join(" · ")}>
        {run.agent?.name}
        {run.labels.length > 0 && <i>{run.labels.join(" · ")}</i>}
      </span>
      <Times run={run} />
    </div>
  );
});

function Times({ run }: { run: FoundRun }) {
  const now = useNow();
  const start = parse(run.start_time);
  const due = parse(run.scheduled_start_time) ?? now;
  const took = elapsed(start, parse(run.end_time), now);
  const waiting = familyOf(run.state) === "waiting";
  const late = waiting && run.state !== "Paused" && due < now - LATE_MS;
  return (
    <>
      <span role="cell" className="num found-when" title={new Date(start ?? due).toLocaleString()}>
        {waiting ? (
          <span data-late={late || undefined}>
            {relative(due, now)}, {moment(due, now)}
          </span>
        ) : (
          moment(start ?? due, now)
        )}
      </span>
      <span role="cell" className="num found-took">
        {took === null ? <span className="faint">–</span> : duration(took)}
      </span>
    </>
  );
}
