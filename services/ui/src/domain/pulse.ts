/**
 * The pulse strip as numbers: which marks there are, in which order, how high. Height grows with the logarithm of the duration, so that a
 * run of four seconds and one of two hours can stand side by side. A coming run stands as high as its flow usually takes.
 */
import { familyOf } from "./states";
import { elapsed } from "./time";

export interface PulseRun {
  readonly id: string;
  readonly flow: string;
  readonly state: string;
  readonly start: number | null;
  readonly end: number | null;
  readonly due: number;
}

export interface PulseMark<R extends PulseRun = PulseRun> {
  readonly run: R;
  /** 0..1 of the strip's height. */
  readonly height: number;
  readonly coming: boolean;
  /** A coming run whose time has passed. */
  readonly late: boolean;
}

const FLOOR_MS = 1_000;

/** Upper end of the scale: the next round step above the longest run shown. */
export const STEPS = [10_000, 60_000, 600_000, 3_600_000, 21_600_000, 86_400_000, 604_800_000];

export function ceiling(longest: number): number {
  return STEPS.find((s) => s >= longest) ?? longest;
}

export function heightOf(ms: number, top: number): number {
  const share = Math.log(Math.max(ms, FLOOR_MS) / FLOOR_MS) / Math.log(top / FLOOR_MS);
  return Math.min(1, 0.06 + 0.94 * Math.max(0, share));
}

export function median(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? null;
}

/** Marks from the oldest to the one farthest in the future, at most `room` of them; coming ones never take more than a third of it. */
export function layout<R extends PulseRun>(
  runs: readonly R[],
  now: number,
  room: number,
): { marks: PulseMark<R>[]; top: number } {
  const begun = runs
    .filter((r) => familyOf(r.state) !== "waiting")
    .sort((a, b) => (a.start ?? a.due) - (b.start ?? b.due));
  const coming = runs.filter((r) => familyOf(r.state) === "waiting").sort((a, b) => a.due - b.due);
  const comingShown = coming.slice(0, Math.max(0, Math.floor(room / 3)));
  const begunShown = begun.slice(-Math.max(1, room - comingShown.length));

  const usual = new Map<string, number[]>();
  let longest = 0;
  for (const r of begunShown) {
    const took = elapsed(r.start, r.end, now) ?? 0;
    longest = Math.max(longest, took);
    if (r.end !== null) usual.set(r.flow, [...(usual.get(r.flow) ?? []), took]);
  }
  const top = ceiling(longest);
  const marks = begunShown.map((run) => ({
    run,
    height: heightOf(elapsed(run.start, run.end, now) ?? 0, top),
    coming: false,
    late: false,
  }));
  const ahead = comingShown.map((run) => ({
    run,
    height: heightOf(median(usual.get(run.flow) ?? []) ?? 0, top),
    coming: true,
    late: run.due < now - 5_000,
  }));
  return { marks: [...marks, ...ahead], top };
}
