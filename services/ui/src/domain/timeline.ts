/** The arithmetic of the timeline: rows, ticks, how many ran at once, the critical path, and the part of time that is looked at. Pure. */
import type { Edge } from "./graph";

export interface TimeRow {
  readonly taskId: string;
  /** Null for the task as a whole. */
  readonly mapIndex: number | null;
  readonly label: string;
  readonly state: string;
  readonly start: number | null;
  /** Null while it goes on. */
  readonly end: number | null;
  /** A mapped task: its bar is the span of its children. */
  readonly span: boolean;
}

interface GroupLike {
  readonly task: { readonly id: string; readonly name: string | null; readonly slug: string };
  readonly children: readonly {
    readonly mapIndex: number;
    readonly state: string;
    readonly start: number | null;
    readonly end: number | null;
  }[];
  readonly start: number | null;
  readonly end: number | null;
}

/** A row for each task in the order of the graph, and under a mapped one a row for each child. */
export function rowsOf<G extends GroupLike>(groups: readonly G[], stateOf: (group: G) => string): TimeRow[] {
  const rows: TimeRow[] = [];
  for (const group of groups) {
    const { id: taskId, name, slug } = group.task;
    rows.push({
      taskId,
      mapIndex: null,
      label: name ?? slug,
      state: stateOf(group),
      start: group.start,
      end: group.end,
      span: group.children.length > 0,
    });
    for (const { mapIndex, state, start, end } of group.children)
      rows.push({ taskId, mapIndex, label: `#${mapIndex}`, state, start, end, span: false });
  }
  return rows;
}

/** The part of time on the screen: its left end, and how much a pixel is. */
export interface Window {
  readonly from: number;
  readonly perPx: number;
}

export interface Range {
  readonly from: number;
  readonly to: number;
}

/** All of it, with a little room on both sides. */
export function wholeRange(range: Range, width: number): Window {
  const span = Math.max(100, range.to - range.from);
  return { from: range.from - span * 0.01, perPx: (span * 1.08) / Math.max(1, width) };
}

const LEAST_PER_PX = 0.02;

/** Zoom by `factor` around pixel `x`; neither closer than 50 px a millisecond nor farther than the whole. */
export function zoomTime(window: Window, factor: number, x: number, range: Range, width: number): Window {
  const most = wholeRange(range, width).perPx * 1.5;
  const perPx = Math.min(most, Math.max(LEAST_PER_PX, window.perPx / factor));
  return { perPx, from: window.from + x * window.perPx - x * perPx };
}

/** Keep some of the range on the screen. */
export function holdTime(window: Window, range: Range, width: number): Window {
  const room = width * window.perPx;
  const least = range.from - room * 0.9;
  const most = range.to - room * 0.1;
  return { ...window, from: Math.min(most, Math.max(least, window.from)) };
}

const STEPS = [
  0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000,
  300_000, 600_000, 900_000, 1_800_000, 3_600_000, 7_200_000, 10_800_000, 21_600_000, 43_200_000, 86_400_000,
  172_800_000, 604_800_000,
];

/** Ticks at round distances from `zero`, at least `room` pixels apart. */
export function ticks(window: Window, width: number, zero: number, room = 84): { at: number; label: string }[] {
  const step = STEPS.find((s) => s / window.perPx >= room) ?? (STEPS.at(-1) as number);
  const found: { at: number; label: string }[] = [];
  const first = Math.ceil((window.from - zero) / step);
  for (let i = first; i <= first + 200; i += 1) {
    const at = zero + i * step;
    if (at > window.from + width * window.perPx) break;
    if (i >= 0) found.push({ at, label: since(i * step, step) });
  }
  return found;
}

/** Time since the beginning in the units of the step: 0.25 s, 40 s, 2:30 m, 1:05 h. */
export function since(ms: number, step: number): string {
  if (ms === 0) return "0";
  const two = (n: number) => String(n).padStart(2, "0");
  if (ms < 1_000 && step < 1_000) return `${Number(ms.toFixed(1))} ms`;
  const s = ms / 1_000;
  if (s < 60) return `${step < 1_000 ? s.toFixed(step < 10 ? 3 : step < 100 ? 2 : 1) : Math.round(s)} s`;
  if (s < 3_600) {
    const rest = step < 1_000 ? (s % 60).toFixed(step < 10 ? 3 : 1).padStart(4, "0") : two(Math.round(s % 60));
    return `${Math.floor(s / 60)}:${rest} m`;
  }
  if (s < 172_800) return `${Math.floor(s / 3_600)}:${two(Math.floor((s % 3_600) / 60))} h`;
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3_600)} h`;
}

/** Starts and ends of what has begun, each sorted: all that is needed to say how many ran at once. */
export interface Load {
  readonly starts: Float64Array;
  readonly ends: Float64Array;
}

export function loadOf(rows: readonly TimeRow[]): Load {
  const starts: number[] = [];
  const ends: number[] = [];
  for (const row of rows) {
    if (row.span || row.start === null) continue;
    starts.push(row.start);
    if (row.end !== null) ends.push(Math.max(row.end, row.start));
  }
  return { starts: Float64Array.from(starts).sort(), ends: Float64Array.from(ends).sort() };
}

/** The most that ran at once within each pixel. */
export function loadBy(load: Load, window: Window, width: number): Uint32Array {
  const found = new Uint32Array(Math.max(0, Math.ceil(width)));
  let begun = 0;
  let ended = 0;
  for (let x = 0; x < found.length; x += 1) {
    const to = window.from + (x + 1) * window.perPx;
    let most = begun - ended;
    while (begun < load.starts.length && (load.starts[begun] as number) < to) {
      while (ended < load.ends.length && (load.ends[ended] as number) <= (load.starts[begun] as number)) ended += 1;
      begun += 1;
      most = Math.max(most, begun - ended);
    }
    while (ended < load.ends.length && (load.ends[ended] as number) < to) ended += 1;
    found[x] = Math.max(0, most);
  }
  return found;
}

/**
 * The chain of tasks that the end of the run waited for: from the one that ended last back over whichever input ended last. What goes on
 * counts as ending last.
 */
export function criticalPath(groups: readonly GroupLike[], edges: readonly Edge[]): ReadonlySet<string> {
  const ends = new Map<string, number>();
  for (const g of groups) if (g.start !== null) ends.set(g.task.id, g.end ?? Number.POSITIVE_INFINITY);
  const ups = new Map<string, string[]>();
  for (const e of edges) {
    const list = ups.get(e.downstream_task_id);
    if (list) list.push(e.upstream_task_id);
    else ups.set(e.downstream_task_id, [e.upstream_task_id]);
  }
  const last = (ids: Iterable<string>) => {
    let found: string | null = null;
    for (const id of ids)
      if (ends.has(id) && (found === null || (ends.get(id) as number) > (ends.get(found) as number))) found = id;
    return found;
  };
  const path = new Set<string>();
  for (let at = last(ends.keys()); at !== null && !path.has(at); at = last(ups.get(at) ?? [])) path.add(at);
  return path;
}
