/** The last runs of a flow as a small picture: marks on a waterline, as tall as the run was long, a failure with a keel below it. Pure. */
import { heightOf } from "./pulse";
import { type Family, familyOf, isFinal } from "./states";
import { elapsed, parse } from "./time";

export interface LastRun {
  readonly id: string;
  readonly state: string;
  readonly scheduled_start_time: string;
  readonly start_time: string | null;
  readonly end_time: string | null;
}

/** The newest `count` runs of several versions, oldest first. */
export function newest<R extends LastRun>(versions: readonly { readonly runs: readonly R[] }[], count: number): R[] {
  return versions
    .flatMap((version) => version.runs)
    .sort((a, b) => (parse(b.scheduled_start_time) ?? 0) - (parse(a.scheduled_start_time) ?? 0))
    .slice(0, count)
    .reverse();
}

/** How many of the runs that ended have succeeded; null when none has ended. Cancelled ones say nothing either way. */
export function successRate(runs: readonly LastRun[]): { readonly succeeded: number; readonly of: number } | null {
  const ended = runs.filter((run) => isFinal(run.state) && familyOf(run.state) !== "cancelled");
  if (ended.length === 0) return null;
  return { succeeded: ended.filter((run) => familyOf(run.state) === "success").length, of: ended.length };
}

export interface StripMark {
  readonly family: Family;
  readonly state: string;
  readonly x: number;
  /** 0..1 of the height above the waterline. */
  readonly height: number;
}

/** Marks at the right end of `slots` places, the newest last. */
export function stripMarks(runs: readonly LastRun[], slots: number, now: number): readonly StripMark[] {
  const took = runs.map((run) => elapsed(parse(run.start_time), parse(run.end_time), now) ?? 0);
  const top = Math.max(4_000, ...took) * 1.2;
  const empty = Math.max(0, slots - runs.length);
  return runs.slice(-slots).map((run, i) => ({
    family: familyOf(run.state),
    state: run.state,
    x: empty + i,
    height: heightOf(took[i + Math.max(0, runs.length - slots)] as number, top),
  }));
}

/** "18 Success, 2 Failed", newest kind of state last met first. */
export function stripWords(runs: readonly LastRun[]): string {
  if (runs.length === 0) return "No runs yet";
  const counts = new Map<string, number>();
  for (const run of runs) counts.set(run.state, (counts.get(run.state) ?? 0) + 1);
  const parts = [...counts].sort((a, b) => b[1] - a[1]).map(([state, n]) => `${n} ${state}`);
  return `Last ${runs.length} runs: ${parts.join(", ")}`;
}
