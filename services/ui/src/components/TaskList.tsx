/** The tasks of a run in the order of the graph: state, name, when it ran within the run; a mapped task with its children as cells. */
import { memo, useCallback, useMemo, useRef, useState } from "react";
import { useNow } from "../app/now";
import { useTheme } from "../app/theme";
import type { TaskGroup, TaskRun, TaskView } from "../data/taskStore";
import { stateColour } from "../domain/colour";
import { type GridShape, shapeOf } from "../domain/grid";
import type { Selection } from "../domain/selection";
import { type Family, familyOf, isFinal } from "../domain/states";
import { duration, elapsed } from "../domain/time";
import { STATE_KINDS } from "../generated/states";
import { CellGrid } from "./CellGrid";
import { Glyph } from "./Glyph";
import { useViewport, useVirtual } from "./useVirtual";

const ROW = 32;
const INDENT = 30;
const PADDING = 16;
const DETAIL = 26;

interface Props {
  readonly view: TaskView;
  readonly runStart: number | null;
  readonly runEnd: number | null;
  readonly chosen: Selection | null;
  readonly onChoose: (choice: Selection | null) => void;
}

/** Of several states the one that tells most about the task as a whole. */
export function leading(group: TaskGroup, runEnded: boolean): string {
  if (group.children.length === 0) return group.self?.state ?? "Pending";
  const states = Object.keys(group.counts);
  const of = (family: Family) => states.find((s) => familyOf(s) === family);
  const running = of("running");
  if (running) return running;
  // Between two reports no child may be running; the task is, as long as some have begun and others have not.
  if (!runEnded && of("waiting")) return group.start === null ? "Pending" : "Running";
  return of("failed") ?? of("cancelled") ?? group.self?.state ?? "Mapped";
}

export function TaskList({ view, runStart, runEnd, chosen, onChoose }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const viewport = useViewport(scroller);
  const gridWidth = Math.max(120, viewport.width - INDENT - PADDING * 2);
  const heights = useMemo(
    () =>
      view.groups.map((g) =>
        g.children.length === 0 ? ROW : ROW + shapeOf(g.children.length, gridWidth).height + 4 + DETAIL + 6,
      ),
    [view, gridWidth],
  );
  const slice = useVirtual(heights, viewport);
  return (
    <div className="task-scroll" ref={scroller}>
      <ol className="tasks" style={{ height: slice.total }}>
        {view.groups.slice(slice.from, slice.to).map((group, i) => (
          <TaskItem
            key={group.task.id}
            group={group}
            top={slice.offsetOf(slice.from + i)}
            gridWidth={gridWidth}
            runStart={runStart}
            runEnd={runEnd}
            chosen={chosen?.taskId === group.task.id ? (chosen.mapIndex ?? true) : null}
            onChoose={onChoose}
          />
        ))}
      </ol>
    </div>
  );
}

export function nameOf(group: TaskGroup): string {
  return group.task.name ?? group.task.slug;
}

interface ItemProps {
  readonly group: TaskGroup;
  readonly top: number;
  readonly gridWidth: number;
  readonly runStart: number | null;
  readonly runEnd: number | null;
  /** True for the task as a whole, else the index of the child that is selected. */
  readonly chosen: number | true | null;
  readonly onChoose: (choice: Selection | null) => void;
}

const TaskItem = memo(function TaskItem({ group, top, gridWidth, runStart, runEnd, chosen, onChoose }: ItemProps) {
  const name = nameOf(group);
  const state = leading(group, runEnd !== null);
  const mapped = group.children.length > 0;
  const choose = () => onChoose(chosen === true ? null : { taskId: group.task.id, mapIndex: null });
  return (
    <li className="task" style={{ transform: `translateY(${top}px)` }} data-task={name} data-state={state}>
      <button type="button" className="task-row" data-row aria-pressed={chosen !== null} onClick={choose}>
        <Glyph state={state} />
        <span className="task-name">
          {name}
          {mapped && <span className="times"> × {group.children.length.toLocaleString("en")}</span>}
        </span>
        {!mapped && <span className="task-state">{state}</span>}
        <TimeBar group={group} state={state} runStart={runStart} runEnd={runEnd} />
      </button>
      {mapped && (
        <Children
          group={group}
          name={name}
          shape={shapeOf(group.children.length, gridWidth)}
          width={gridWidth}
          chosen={typeof chosen === "number" ? chosen : null}
          onChoose={onChoose}
        />
      )}
    </li>
  );
});

/** When the task ran, on the time axis of the whole run, and how long. */
function TimeBar({
  group,
  state,
  runStart,
  runEnd,
}: {
  group: TaskGroup;
  state: string;
  runStart: number | null;
  runEnd: number | null;
}) {
  const open = group.start !== null && group.end === null;
  return open || runEnd === null ? (
    <LiveBar group={group} state={state} runStart={runStart} runEnd={runEnd} />
  ) : (
    <Bar group={group} state={state} runStart={runStart} until={runEnd} now={runEnd} open={false} />
  );
}

function LiveBar(props: { group: TaskGroup; state: string; runStart: number | null; runEnd: number | null }) {
  const now = useNow();
  return <Bar {...props} until={props.runEnd ?? now} now={props.runEnd ?? now} open={props.runEnd === null} />;
}

function Bar({
  group,
  state,
  runStart,
  until,
  now,
  open,
}: {
  group: TaskGroup;
  state: string;
  runStart: number | null;
  until: number;
  now: number;
  open: boolean;
}) {
  const theme = useTheme();
  const took = elapsed(group.start, group.end, now);
  const begin = runStart ?? group.start ?? until;
  const span = Math.max(1, until - begin);
  const left = group.start === null ? 0 : Math.min(1, Math.max(0, (group.start - begin) / span));
  const width = took === null ? 0 : Math.min(1 - left, took / span);
  return (
    <>
      <span className="when" aria-hidden="true">
        {took !== null && (
          <i
            data-open={(open && group.end === null) || undefined}
            style={{ left: `${left * 100}%`, width: `${width * 100}%`, background: stateColour(state, theme) }}
          />
        )}
      </span>
      <span className="took">{took === null ? "" : duration(took)}</span>
    </>
  );
}

const ORDER = Object.keys(STATE_KINDS);

/** A fixed order, so that counts do not change places while they grow: what ended well first, what waits last. */
function placeOf(state: string): number {
  const families: readonly string[] = ["success", "failed", "cancelled", "running", "waiting"];
  return families.indexOf(familyOf(state)) * 100 + ORDER.indexOf(state);
}

function Children({
  group,
  name,
  shape,
  width,
  chosen,
  onChoose,
}: {
  group: TaskGroup;
  name: string;
  shape: GridShape;
  width: number;
  chosen: number | null;
  onChoose: (choice: Selection | null) => void;
}) {
  const [pointed, setPointed] = useState<number | null>(null);
  const states = Object.entries(group.counts).sort(([a], [b]) => placeOf(a) - placeOf(b));
  const summary = `${name}: ${states.map(([s, n]) => `${n} ${s}`).join(", ")}`;
  const open = useCallback(
    (index: number) => onChoose({ taskId: group.task.id, mapIndex: index }),
    [group.task.id, onChoose],
  );
  const at = pointed ?? chosen;
  const shown = at === null ? null : (group.children[at] ?? null);
  return (
    <div className="children" style={{ marginLeft: INDENT }} onMouseLeave={() => setPointed(null)}>
      <CellGrid
        label={summary}
        runs={group.children}
        shape={shape}
        width={width}
        selected={at}
        onSelect={setPointed}
        onOpen={open}
      />
      <p className="children-said">
        {shown ? (
          <One run={shown} />
        ) : (
          states.map(([state, n]) => (
            <button
              key={state}
              type="button"
              className="plain"
              title={`Go to the next one that is ${state}`}
              onClick={() => {
                const next = group.children.findIndex((c, i) => c.state === state && i > (at ?? -1));
                if (next >= 0) open(next);
              }}
            >
              <Glyph state={state} size={10} /> {n.toLocaleString("en")} <span>{state}</span>
            </button>
          ))
        )}
      </p>
    </div>
  );
}

export function One({ run }: { run: TaskRun }) {
  const now = useNow();
  const took = elapsed(run.start, run.end, now);
  return (
    <span className="one">
      <b>#{run.mapIndex}</b> <Glyph state={run.state} size={10} /> {run.state}
      {took !== null && ` · ${duration(took)}`}
      {run.message && (!isFinal(run.state) || familyOf(run.state) === "failed") && <em> {run.message}</em>}
    </span>
  );
}
