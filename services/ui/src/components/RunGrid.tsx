/**
 * Tasks by recent runs on a canvas, the newest at the right: over each column the duration of its run, below it one cell a task. Pointing and
 * arrows say what a place means, a click or Enter opens it; where its task runs are not read yet, as soon as they are. What keys have chosen
 * stays chosen when runs come and go. Without rows it is the durations alone.
 */
import { memo, useEffect, useId, useLayoutEffect, useRef, useState } from "react";
import { useNowWhile } from "../app/now";
import { type Palette, usePalette } from "../app/palette";
import { navigate, runPath, taskRunPath } from "../app/router";
import { useTheme } from "../app/theme";
import type { FlowRunOfRow } from "../data/documents/flow";
import type { GridCell } from "../data/flowGrid";
import { stateColour, type Theme } from "../domain/colour";
import { ceiling, heightOf } from "../domain/pulse";
import { BARS, type Columns, cellAt, columnsFor, type GridTask, move, ROW } from "../domain/runGrid";
import { familyOf, isFinal } from "../domain/states";
import { duration, elapsed, moment, parse } from "../domain/time";
import { drawCell } from "./cellPaint";
import { StateChip } from "./Glyph";

interface Props {
  readonly label: string;
  /** The newest first. */
  readonly runs: readonly FlowRunOfRow[];
  readonly rows: readonly GridTask[];
  /** Of the runs whose task runs are known. */
  readonly cells: ReadonlyMap<string, ReadonlyMap<string, GridCell>>;
  /** Those of the other runs are on their way. */
  readonly reading?: boolean;
}

interface Place {
  readonly row: number;
  readonly column: number;
}

/** A run, or one of its tasks. */
interface Meant {
  readonly run: string;
  readonly slug: string | null;
}

const WATER = BARS - 12;
const TOP = 8;
const CELL = 11;

export const RunGrid = memo(function RunGrid({ label, runs, rows, cells, reading = false }: Props) {
  const id = useId();
  const theme = useTheme();
  const palette = usePalette();
  const now = useNowWhile(runs.some((r) => !isFinal(r.state))) ?? 0;
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(0);
  const [pointed, setPointed] = useState<Place | null>(null);
  const [chosen, setChosen] = useState<Meant | null>(null);
  const [opening, setOpening] = useState<Meant | null>(null);
  useLayoutEffect(() => {
    const element = frame.current;
    if (!element) return;
    const watch = new ResizeObserver(() => setWidth(element.clientWidth));
    watch.observe(element);
    setWidth(element.clientWidth);
    return () => watch.disconnect();
  }, []);
  const columns = columnsFor(runs.length, width);
  const shown = runs.slice(0, columns.count).reverse();
  const took = shown.map((r) => elapsed(parse(r.start_time), parse(r.end_time), now));
  const top = ceiling(Math.max(1_000, ...took.map((t) => t ?? 0)));
  const height = BARS + rows.length * ROW;
  const at =
    placeOf(chosen, shown, rows) ??
    (pointed && pointed.column < shown.length && pointed.row < rows.length ? pointed : null);

  useLayoutEffect(() => {
    const [element, g] = [canvas.current, canvas.current?.getContext("2d")];
    if (!element || !g || width === 0) return;
    const ratio = window.devicePixelRatio || 1;
    element.width = Math.round(width * ratio);
    element.height = Math.round(height * ratio);
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    paint({ g, shown, took, top, rows, cells, columns, width, height, at, palette, theme });
  });

  useEffect(() => {
    if (!opening) return;
    const known = cells.get(opening.run);
    if (opening.slug !== null && !known && reading) return;
    setOpening(null);
    const cell = known?.get(opening.slug ?? "");
    navigate(cell ? taskRunPath(cell.id) : runPath(opening.run));
  }, [opening, cells, reading]);

  const place = (event: React.MouseEvent): Place | null => {
    const box = event.currentTarget.getBoundingClientRect();
    return cellAt(columns, rows.length, event.clientX - box.left, event.clientY - box.top);
  };
  const meaning = (of: Place | null): Meant | null => {
    const run = of && shown[of.column];
    return of && run ? { run: run.id, slug: rows[of.row]?.slug ?? null } : null;
  };
  const onMove = (event: React.MouseEvent) => {
    // a page that moved under a hand at rest is no hand that points
    if (chosen && event.movementX === 0 && event.movementY === 0) return;
    setChosen(null);
    setPointed(place(event));
  };
  const onKey = (event: React.KeyboardEvent) => {
    if (event.metaKey || event.ctrlKey || event.altKey) return;
    if (event.key === "Enter") return setOpening(meaning(at));
    const to = move(at ?? { row: -1, column: shown.length }, event.key, rows.length, shown.length);
    if (!to) return;
    event.preventDefault();
    setOpening(null);
    setPointed(null);
    setChosen(meaning(to));
  };
  return (
    <div
      className="run-grid"
      data-columns={shown.length}
      data-rows={rows.length}
      data-opening={opening !== null || undefined}
      aria-busy={reading}
    >
      <div className="grid-names" aria-hidden="true">
        <span className="grid-scale" style={{ height: BARS }}>
          {duration(top)}
        </span>
        {rows.map((row, i) => (
          <span
            key={row.slug}
            style={{ height: ROW }}
            title={row.gone ? `${row.name}: only in older versions` : row.name}
            data-gone={row.gone || undefined}
            data-at={at?.row === i || undefined}
          >
            {row.name}
            {row.mapped && <i> ×n</i>}
          </span>
        ))}
      </div>
      <div
        ref={frame}
        role="application"
        tabIndex={0}
        className="grid-frame"
        aria-label={`${label}: arrows walk, Enter opens`}
        aria-describedby={id}
        onMouseMove={onMove}
        onMouseLeave={() => setPointed(null)}
        onClick={(e) => setOpening(meaning(place(e)))}
        onKeyDown={onKey}
        data-over={at !== null || undefined}
      >
        <canvas ref={canvas} style={{ width, height }} />
      </div>
      <div className="grid-said" id={id} aria-live="polite">
        {at ? (
          <Said
            run={shown[at.column] as FlowRunOfRow}
            took={took[at.column] ?? null}
            task={rows[at.row] ?? null}
            cells={cells}
            reading={reading}
            now={now}
          />
        ) : (
          <span className="faint">
            {shown.length === 1 ? "The last run" : `The last ${shown.length} runs`}, the newest at the right.
          </span>
        )}
      </div>
    </div>
  );
});

/** Where it is drawn; null where it is drawn no more. */
function placeOf(meant: Meant | null, shown: readonly FlowRunOfRow[], rows: readonly GridTask[]): Place | null {
  if (!meant) return null;
  const column = shown.findIndex((r) => r.id === meant.run);
  const row = rows.findIndex((r) => r.slug === meant.slug);
  return column < 0 || (row < 0 && meant.slug !== null) ? null : { row, column };
}

interface SaidProps {
  readonly run: FlowRunOfRow;
  readonly took: number | null;
  readonly task: GridTask | null;
  readonly cells: Props["cells"];
  readonly reading: boolean;
  readonly now: number;
}

function Said({ run, took, task, cells, reading, now }: SaidProps) {
  const start = parse(run.start_time) ?? parse(run.scheduled_start_time) ?? 0;
  const known = cells.get(run.id);
  const cell = task ? known?.get(task.slug) : undefined;
  const lasted = task ? (cell ? elapsed(cell.start, cell.end, now) : null) : took;
  return (
    <>
      {task && !cell ? (
        <span className="faint">{known || !reading ? "No task run" : "Reading…"}</span>
      ) : (
        <StateChip state={cell?.shown ?? run.state} />
      )}
      {task && <b>{task.name}</b>}
      {cell && cell.shown !== cell.state && <span className="faint">the gravest of its children</span>}
      {lasted !== null && <span>{duration(lasted)}</span>}
      <span className="faint">
        {run.name}, version {run.flow.version}, {moment(start, Date.now())}
      </span>
    </>
  );
}

interface Scene {
  readonly g: CanvasRenderingContext2D;
  readonly shown: readonly FlowRunOfRow[];
  readonly took: readonly (number | null)[];
  /** Duration at the top of the scale. */
  readonly top: number;
  readonly rows: readonly GridTask[];
  readonly cells: Props["cells"];
  readonly columns: Columns;
  readonly width: number;
  readonly height: number;
  readonly at: Place | null;
  readonly palette: Palette;
  readonly theme: Theme;
}

function paint(scene: Scene): void {
  const { g, shown, rows, columns, width, height, at, palette } = scene;
  g.clearRect(0, 0, width, height);
  if (at) {
    g.fillStyle = palette.sunk;
    g.fillRect(at.column * columns.pitch, 0, columns.pitch, height);
    if (at.row >= 0) g.fillRect(0, BARS + at.row * ROW, width, ROW);
  }
  g.fillStyle = palette.line;
  g.fillRect(0, TOP, width, 1);
  for (let i = 0; i <= rows.length; i += 1) if (rows.length > 0) g.fillRect(0, BARS + i * ROW - 1, width, 1);
  g.fillStyle = palette.water;
  g.fillRect(0, WATER, width, 1);
  shown.forEach((run, i) => {
    const x = i * columns.pitch;
    bar(scene, run, scene.took[i] ?? null, x);
    const of = scene.cells.get(run.id);
    rows.forEach((row, r) => {
      const cell = of?.get(row.slug);
      if (cell)
        drawCell(
          g,
          cell.shown,
          x + Math.floor((columns.pitch - CELL) / 2),
          BARS + r * ROW + (ROW - CELL - 1) / 2,
          CELL,
          scene.theme,
        );
    });
    // where another version begins
    if (i > 0 && shown[i - 1]?.flow.version !== run.flow.version) {
      g.fillStyle = palette.edge;
      for (let y = TOP; y < height; y += 4) g.fillRect(x, y, 1, 2);
    }
  });
  if (at) {
    g.strokeStyle = palette.accent;
    g.lineWidth = 1.5;
    const [x, y, h] =
      at.row < 0 ? [at.column * columns.pitch, 1, BARS - 2] : [at.column * columns.pitch, BARS + at.row * ROW, ROW - 1];
    g.strokeRect(x + 0.75, y + 0.75, columns.pitch - 1.5, h - 1.5);
  }
}

/** Failures go under the waterline, what is cancelled is open, what runs is lighter at its top: shape tells it, too. */
function bar({ g, top, columns, theme }: Scene, run: FlowRunOfRow, took: number | null, x: number): void {
  const w = Math.min(11, columns.pitch - 3);
  const left = x + Math.floor((columns.pitch - w) / 2);
  const h = Math.max(2, Math.round(heightOf(took ?? 0, top) * (WATER - TOP - 2)));
  const family = familyOf(run.state);
  g.fillStyle = stateColour(run.state, theme);
  g.strokeStyle = g.fillStyle;
  g.lineWidth = 1;
  if (family === "cancelled" || family === "waiting") {
    g.strokeRect(left + 0.5, WATER - h + 0.5, w - 1, h - 1);
    return;
  }
  if (family === "running") {
    g.globalAlpha = 0.45;
    g.fillRect(left, WATER - h, w, h);
    g.globalAlpha = 1;
    g.fillRect(left, WATER - h, w, 2);
    return;
  }
  g.fillRect(left, WATER - h, w, h);
  if (family !== "failed") return;
  g.beginPath();
  g.moveTo(left, WATER + 2);
  g.lineTo(left + w, WATER + 2);
  g.lineTo(left + w / 2, WATER + 8);
  g.fill();
}
