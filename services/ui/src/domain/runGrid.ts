/**
 * Tasks by runs as numbers: which columns fit, where a cell is, which state stands for a mapped task, what the recent runs say about the
 * flow. Pure arithmetic.
 */
import { topological } from "./graph";
import { median } from "./pulse";
import { type Family, familyOf } from "./states";

export const ROW = 22;
export const BARS = 72;

/** From what a person must see first to what they need not see. */
const GRAVITY: readonly Family[] = ["failed", "cancelled", "running", "waiting", "success"];

/** The state that stands for a mapped task: the gravest among its children's; its own when they say nothing. */
export function gravest(own: string, children: readonly string[]): string {
  let found = own;
  for (const state of children) if (GRAVITY.indexOf(familyOf(state)) < GRAVITY.indexOf(familyOf(found))) found = state;
  return found;
}

export interface GridTask {
  readonly slug: string;
  readonly name: string;
  readonly mapped: boolean;
  /** Of an older version only. */
  readonly gone: boolean;
}

interface TaskOf {
  readonly id: string;
  readonly slug: string;
  readonly name: string | null;
  readonly mapped: boolean;
}
interface GraphOf {
  readonly tasks: readonly TaskOf[];
  readonly edges: readonly { readonly upstream_task_id: string; readonly downstream_task_id: string }[];
}

/** The rows: the tasks of the version shown in the order of its graph, then those that only older versions have. */
export function rowsOf(current: GraphOf, others: readonly GraphOf[]): GridTask[] {
  const position = topological(
    current.tasks.map((t) => t.id),
    current.edges,
  );
  const rows = [...current.tasks]
    .sort((a, b) => (position.get(a.id) as number) - (position.get(b.id) as number))
    .map((t) => ({ slug: t.slug, name: t.name ?? t.slug, mapped: t.mapped, gone: false }));
  const known = new Set(rows.map((r) => r.slug));
  for (const graph of others)
    for (const t of graph.tasks) {
      if (known.has(t.slug)) continue;
      known.add(t.slug);
      rows.push({ slug: t.slug, name: t.name ?? t.slug, mapped: t.mapped, gone: true });
    }
  return rows;
}

export interface Columns {
  readonly count: number;
  readonly pitch: number;
}

/** How many of the newest runs fit, and how wide each is. */
export function columnsFor(runs: number, width: number): Columns {
  const least = 13;
  const count = Math.max(1, Math.min(runs, Math.floor(width / least)));
  return { count, pitch: Math.max(least, Math.min(22, Math.floor(width / count))) };
}

/** Row and column under a point; row -1 is the run itself. Null outside. */
export function cellAt(columns: Columns, rows: number, x: number, y: number): { row: number; column: number } | null {
  const column = Math.floor(x / columns.pitch);
  const row = y < BARS ? -1 : Math.floor((y - BARS) / ROW);
  return x < 0 || y < 0 || column >= columns.count || row >= rows ? null : { row, column };
}

/** Where a key leads; null for keys that mean nothing here. */
export function move(
  at: { row: number; column: number },
  key: string,
  rows: number,
  columns: number,
): { row: number; column: number } | null {
  const to: Record<string, [number, number]> = {
    ArrowLeft: [at.row, at.column - 1],
    ArrowRight: [at.row, at.column + 1],
    ArrowUp: [at.row - 1, at.column],
    ArrowDown: [at.row + 1, at.column],
    Home: [at.row, 0],
    End: [at.row, columns - 1],
    PageUp: [-1, at.column],
    PageDown: [rows - 1, at.column],
  };
  const found = to[key];
  if (!found) return null;
  const within = (n: number, low: number, high: number) => Math.max(low, Math.min(high, n));
  return { row: within(found[0], -1, rows - 1), column: within(found[1], 0, columns - 1) };
}

export interface RunFacts {
  readonly state: string;
  readonly start: number | null;
  readonly end: number | null;
}

export interface Standing {
  /** Runs that succeeded and that failed, of those that ended; cancelled ones say nothing about a flow. */
  readonly succeeded: number;
  readonly failed: number;
  /** Of the successful ones. */
  readonly median: number | null;
}

export function standingOf(runs: readonly RunFacts[]): Standing {
  const of = (family: Family) => runs.filter((r) => familyOf(r.state) === family);
  const took = of("success").flatMap((r) => (r.start !== null && r.end !== null ? [r.end - r.start] : []));
  return { succeeded: of("success").length, failed: of("failed").length, median: median(took) };
}

/** "96 %"; never 100 % while one failed, nor 0 % while one succeeded. */
export function rate({ succeeded, failed }: Standing): string | null {
  const total = succeeded + failed;
  if (total === 0) return null;
  const share = (100 * succeeded) / total;
  const shown = failed > 0 && succeeded > 0 ? Math.min(99, Math.max(1, Math.round(share))) : Math.round(share);
  return `${shown} %`;
}
