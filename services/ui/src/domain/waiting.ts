/** Why a run does not run: one sentence from what the reads give. Pure; empty where its state says it all. */

import { isAlive, type Serving, serves, startCommand, whyNobody } from "./serving";
import { familyOf } from "./states";
import { duration, moment, parse, relative } from "./time";
import { listed } from "./words";

export interface Waiting {
  readonly state: string;
  readonly state_message: string | null;
  readonly state_start_time: string | null;
  readonly scheduled_start_time: string;
  readonly waiting_for: string | null;
  readonly labels: readonly string[];
  readonly run_config_type: string;
  readonly attempt: number;
  readonly phase: string | null;
  readonly lease_holder: string | null;
  readonly flow: { readonly archived: boolean; readonly code_hash?: string | null };
}

/** An agent takes a due run within a moment; before that there is nothing to explain. */
const SOON_MS = 2_000;
const LATE_MS = 15_000;

/** `agents` is null while they are not read. */
export function whyNot(run: Waiting, agents: readonly Serving[] | null, now: number): string {
  if (run.waiting_for === "paused") return run.state_message ?? "Paused: it goes on when a person resumes it.";
  if (run.waiting_for) return `Waits for ${run.waiting_for}.`;
  if (run.state === "Submitted") {
    return run.phase === "launching" && run.lease_holder ? `${run.lease_holder} is starting it.` : "";
  }
  if (familyOf(run.state) !== "waiting") return "";
  if (run.state === "Queued") return run.state_message ?? "Waits for a free slot of a concurrency limit.";
  const due = parse(run.state_start_time) ?? parse(run.scheduled_start_time) ?? now;
  const late = now - due;
  if (late < 0) {
    const what = run.state === "Retrying" ? "Is tried again" : "Scheduled for later: begins";
    return `${what} ${relative(due, now)}, at ${moment(due, now)}.${missing(run, agents, now)}`;
  }
  if (late < SOON_MS || (agents === null && late < LATE_MS)) return "";
  const able = (agents ?? []).filter((a) => isAlive(a, now) && serves(a, run));
  if (able.length === 0) return `Due ${duration(late)} ago, and not taken.${missing(run, agents, now)}`;
  if (late < LATE_MS) return "";
  return `Due ${duration(late)} ago. ${listed(able.map((a) => a.name))} could run it and ${able.length === 1 ? "has" : "have"} not taken it: busy to the limit, perhaps.`;
}

/** What must be started for the run to be taken; empty where an agent is there. */
function missing(run: Waiting, agents: readonly Serving[] | null, now: number): string {
  const why = agents === null ? null : whyNobody(run, agents, now);
  if (why === null) return "";
  const command = startCommand(run);
  return command === null ? ` ${why}` : ` ${why} Start one: ${command}`;
}
