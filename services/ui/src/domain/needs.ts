/** What needs a person, put together from what home reads: pure, so that each rule can be read and tested by itself. */
import { isAlive, type Need, type Serving, whyNobody } from "./serving";
import { familyOf } from "./states";
import { parse } from "./time";

export interface FailedLike {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly scheduled_start_time: string;
  readonly state_message: string | null;
  readonly state_timestamp: string;
  readonly flow: { readonly id: string; readonly name: string };
}

export interface Failure<R> {
  /** The newest failed run of the flow. */
  readonly run: R;
  readonly times: number;
}

interface Begun {
  readonly state: string;
  readonly scheduled_start_time: string;
  readonly flow: { readonly name: string };
}

/**
 * Failures by flow, the newest first. A flow whose later run has succeeded needs nobody: what failed has been made good by the schedule or
 * by hand.
 */
export function failures<R extends FailedLike>(failed: readonly R[], begun: readonly Begun[]): readonly Failure<R>[] {
  const due = (run: { readonly scheduled_start_time: string }) => parse(run.scheduled_start_time) ?? 0;
  const madeGood = new Map<string, number>();
  for (const run of begun) {
    if (familyOf(run.state) !== "success") continue;
    madeGood.set(run.flow.name, Math.max(madeGood.get(run.flow.name) ?? 0, due(run)));
  }
  const groups = new Map<string, { run: R; times: number }>();
  for (const run of failed) {
    if (due(run) < (madeGood.get(run.flow.name) ?? Number.NEGATIVE_INFINITY)) continue;
    const group = groups.get(run.flow.name);
    if (!group) groups.set(run.flow.name, { run, times: 1 });
    else group.times += 1;
  }
  return [...groups.values()];
}

export interface LateRun extends Need {
  readonly id: string;
  readonly due_at: string;
}

export interface Late<R> {
  readonly first: R;
  readonly count: number;
  /** Why nobody takes them; null where somebody alive could, and has no room. */
  readonly why: string | null;
}

const LATE_MS = 15_000;

/** Late runs by what they ask of an agent. */
export function lateRuns<R extends LateRun>(
  offered: readonly R[],
  agents: readonly Serving[],
  now: number,
): readonly Late<R>[] {
  const groups = new Map<string, { first: R; count: number; why: string | null }>();
  for (const run of offered) {
    if ((parse(run.due_at) ?? now) > now - LATE_MS) continue;
    const key = `${run.run_config_type} ${JSON.stringify(run.labels)}`;
    const group = groups.get(key);
    if (group) group.count += 1;
    else groups.set(key, { first: run, count: 1, why: whyNobody(run, agents, now) });
  }
  return [...groups.values()];
}

const FORGOTTEN_MS = 24 * 3_600_000;

/** Agents that asked for work within the last day and have gone silent, unless another one like it is alive. */
export function vanished<A extends Serving>(agents: readonly A[], now: number): readonly A[] {
  const like = (a: Serving, b: Serving) => a.name === b.name && a.type === b.type;
  return agents.filter(
    (agent) =>
      !isAlive(agent, now) &&
      now - (parse(agent.last_queried) ?? 0) < FORGOTTEN_MS &&
      !agents.some((other) => like(agent, other) && isAlive(other, now)),
  );
}
