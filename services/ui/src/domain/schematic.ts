/**
 * The picture of a flow's graph: one box a task, one line for all edges between two tasks, what is upstream and downstream of each.
 * Pure; where the boxes stand is decided by layers.ts.
 */
import type { Edge } from "./graph";
import { type Pair, type Placed, place, type Size, type Spacing } from "./layers";
import { type Family, familyOf, isFinal } from "./states";

export interface SchematicTask {
  readonly id: string;
  readonly name: string | null;
  readonly slug: string;
  readonly mapped: boolean;
  /** Dotted name of its class; the last part decides the shape of its box. */
  readonly type?: string | null;
}

export interface SchematicEdge extends Edge {
  /** Name of the argument that it fills; none where it only says "after". */
  readonly key?: string | null;
  readonly mapped?: boolean;
}

/** How one task of a run stands: its leading state, and the states of its children where it is mapped. */
export interface TaskStanding {
  readonly state: string;
  readonly counts: Readonly<Record<string, number>> | null;
}

export type Shape = "task" | "mapped" | "parameter" | "branch";

export interface Box {
  readonly id: string;
  readonly label: string;
  readonly shape: Shape;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly layer: number;
}

export interface Line {
  readonly from: number;
  readonly to: number;
  readonly keys: readonly string[];
  readonly mapped: boolean;
  readonly points: readonly (readonly [number, number])[];
}

export interface Picture {
  readonly boxes: readonly Box[];
  readonly lines: readonly Line[];
  readonly index: ReadonlyMap<string, number>;
  readonly ins: readonly (readonly number[])[];
  readonly outs: readonly (readonly number[])[];
  readonly width: number;
  readonly height: number;
  /** Whether it goes from top to bottom; else from left to right. */
  readonly down: boolean;
}

export const SPACING: Spacing = { within: 16, lane: 12, between: 38 };
const WIDEST = 232;
const NARROWEST = 84;
/** Room for glyph and padding. */
const TRIM = 43;
/** Room for the number of children. */
const COUNT = 58;

export function shapeOf(task: SchematicTask): Shape {
  if (task.mapped) return "mapped";
  const kind = (task.type ?? "").split(".").at(-1) ?? "";
  if (kind === "Parameter" || kind === "DateTimeParameter") return "parameter";
  return kind === "CompareValue" || kind === "AsBool" || kind === "Merge" ? "branch" : "task";
}

export function labelOf(task: SchematicTask): string {
  return task.name ?? task.slug;
}

/** How wide a name is in the font that it is written in. */
export type Measure = (text: string) => number;

const guess: Measure = (text) => text.length * 7.2;

export function sizeOf(task: SchematicTask, measure: Measure = guess): Size {
  const room = TRIM + (task.mapped ? COUNT : 0) + (shapeOf(task) === "branch" ? 8 : 0);
  const width = Math.min(WIDEST, Math.max(NARROWEST, Math.ceil(measure(labelOf(task))) + room));
  return { width, height: task.mapped ? 50 : 34 };
}

/** Lay out a graph. Edges to tasks that are not there are left out. */
export function draw(
  tasks: readonly SchematicTask[],
  edges: readonly SchematicEdge[],
  measure: Measure = guess,
  down = false,
): Picture {
  const index = new Map(tasks.map((t, i) => [t.id, i]));
  const merged = new Map<string, { pair: Pair; keys: string[]; mapped: boolean }>();
  for (const e of edges) {
    const [from, to] = [index.get(e.upstream_task_id), index.get(e.downstream_task_id)];
    if (from === undefined || to === undefined || from === to) continue;
    const name = `${from} ${to}`;
    const line = merged.get(name) ?? { pair: [from, to] as const, keys: [], mapped: false };
    if (e.key) line.keys.push(e.key);
    if (e.mapped) line.mapped = true;
    merged.set(name, line);
  }
  const found = [...merged.values()];
  const sizes = tasks.map((task) => sizeOf(task, measure));
  const pairs = found.map((l) => l.pair);
  const placed = down
    ? turned(
        place(
          sizes.map(({ width, height }) => ({ width: height, height: width })),
          pairs,
          SPACING,
        ),
      )
    : place(sizes, pairs, SPACING);
  const ins: number[][] = tasks.map(() => []);
  const outs: number[][] = tasks.map(() => []);
  for (const { pair } of found) {
    (outs[pair[0]] as number[]).push(pair[1]);
    (ins[pair[1]] as number[]).push(pair[0]);
  }
  return {
    boxes: tasks.map((task, i) => {
      const { width, height } = sizes[i] as Size;
      return {
        id: task.id,
        label: labelOf(task),
        shape: shapeOf(task),
        left: (placed.x[i] as number) - width / 2,
        top: (placed.y[i] as number) - height / 2,
        width,
        height,
        layer: placed.layer[i] as number,
      };
    }),
    lines: found.map((l, i) => ({
      from: l.pair[0],
      to: l.pair[1],
      keys: l.keys,
      mapped: l.mapped,
      points: placed.routes[i] as Line["points"],
    })),
    index,
    ins,
    outs,
    width: placed.width,
    height: placed.height,
    down,
  };
}

/** What goes to the right goes down, and the other way round. */
function turned(placed: Placed): Placed {
  return {
    ...placed,
    x: placed.y,
    y: placed.x,
    routes: placed.routes.map((points) => points.map(([x, y]) => [y, x] as const)),
    width: placed.height,
    height: placed.width,
  };
}

/** Everything upstream and downstream of a box, itself included. */
export function related(picture: Picture, at: number): { up: ReadonlySet<number>; down: ReadonlySet<number> } {
  const walk = (next: readonly (readonly number[])[]) => {
    const seen = new Set([at]);
    const open = [at];
    for (let v = open.pop(); v !== undefined; v = open.pop())
      for (const w of next[v] as readonly number[])
        if (!seen.has(w)) {
          seen.add(w);
          open.push(w);
        }
    return seen;
  };
  return { up: walk(picture.ins), down: walk(picture.outs) };
}

/** The box at a point of the picture; `slack` makes small boxes easier to hit. */
export function boxAt(picture: Picture, x: number, y: number, slack = 0): number | null {
  for (let i = 0; i < picture.boxes.length; i += 1) {
    const b = picture.boxes[i] as Box;
    if (x >= b.left - slack && x <= b.left + b.width + slack && y >= b.top - slack && y <= b.top + b.height + slack)
      return i;
  }
  return null;
}

/** Where an arrow key leads from a box: along the edges, or to the next one of its layer; null where there is none. */
export function walk(picture: Picture, from: number, key: string): number | null {
  const [back, on, before, after] = picture.down
    ? ["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"]
    : ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"];
  const mid = (i: number) => {
    const box = picture.boxes[i] as Box;
    return picture.down ? box.left + box.width / 2 : box.top + box.height / 2;
  };
  const nearest = (list: readonly number[]) =>
    list.length === 0
      ? null
      : list.reduce((a, b) => (Math.abs(mid(b) - mid(from)) < Math.abs(mid(a) - mid(from)) ? b : a));
  if (key === back) return nearest(picture.ins[from] as readonly number[]);
  if (key === on) return nearest(picture.outs[from] as readonly number[]);
  if (key !== before && key !== after) return null;
  const layer = (picture.boxes[from] as Box).layer;
  const side = picture.boxes.flatMap((b, i) =>
    b.layer === layer && i !== from && (key === before ? mid(i) < mid(from) : mid(i) > mid(from)) ? [i] : [],
  );
  return nearest(side);
}

/** Where the eye should begin: what runs, else what failed, else the beginning. */
export function focusOf(picture: Picture, standing: ReadonlyMap<string, TaskStanding>): number | null {
  const of = (family: Family) =>
    picture.boxes.findIndex((b) => familyOf(standing.get(b.id)?.state ?? "Pending") === family);
  for (const family of ["running", "failed"] as const) {
    const found = of(family);
    if (found >= 0) return found;
  }
  return picture.boxes.length > 0 ? 0 : null;
}

/** Counts of children by family, in the order in which a bar is filled. */
export function shares(counts: Readonly<Record<string, number>>): {
  total: number;
  ended: number;
  by: Record<Family, number>;
} {
  const by: Record<Family, number> = { running: 0, waiting: 0, success: 0, failed: 0, cancelled: 0 };
  let total = 0;
  let ended = 0;
  for (const [state, n] of Object.entries(counts)) {
    by[familyOf(state)] += n;
    total += n;
    if (isFinal(state)) ended += n;
  }
  return { total, ended, by };
}
