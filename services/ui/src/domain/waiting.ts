/** Why a run does not run: one sentence from what the reads give. Pure; empty where its state says it all. */

import { familyOf } from "./states";
import { duration, moment, parse, relative } from "./time";

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
  readonly flow: { readonly archived: boolean };
}

export interface Walker {
  readonly name: string;
  readonly labels: readonly string[];
  readonly alive: boolean;
}

/** An agent takes a due run within a moment; before that there is nothing to explain. */
const SOON_MS = 2_000;
const LATE_MS = 15_000;

/** The agent's labels have all of the run's; a run without labels goes to an agent without labels. */
export function serves(agent: Walker, labels: readonly string[]): boolean {
  return labels.length === 0 ? agent.labels.length === 0 : labels.every((l) => agent.labels.includes(l));
}

function asked(labels: readonly string[]): string {
  if (labels.length === 0) return "an agent without labels";
  return labels.length === 1 ? `an agent with the label ${labels[0]}` : `an agent with the labels ${labels.join(", ")}`;
}

function start(labels: readonly string[]): string {
  return `towpath agent local start${labels.map((l) => ` --label ${l}`).join("")}`;
}

/** `agents` is null while they are not read. */
export function whyNot(run: Waiting, agents: readonly Walker[] | null, now: number): string {
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
    return `${what} ${relative(due, now)}, at ${moment(due, now)}.${missing(run, agents)}`;
  }
  if (late < SOON_MS || (agents === null && late < LATE_MS)) return "";
  const fitting = (agents ?? []).filter((a) => serves(a, run.labels));
  if (fitting.some((a) => a.alive)) {
    const names = fitting.filter((a) => a.alive).map((a) => a.name);
    return late < LATE_MS
      ? ""
      : `Due ${duration(late)} ago. ${names.join(", ")} could run it and has not taken it: it may be full, or serve other run configs than ${run.run_config_type}.`;
  }
  return `Due ${duration(late)} ago, and no agent that is alive serves it.${missing(run, agents)}`;
}

/** What must be started for the run to be taken; empty where an agent is there. */
function missing(run: Waiting, agents: readonly Walker[] | null): string {
  if (agents?.some((a) => a.alive && serves(a, run.labels))) return "";
  if (agents === null) return "";
  const gone = agents.find((a) => serves(a, run.labels));
  const others = agents.filter((a) => a.alive);
  const hint = gone
    ? ` ${gone.name}, which served it, is not alive.`
    : others.length > 0
      ? ` Alive now: ${others.map((a) => `${a.name} (${a.labels.length > 0 ? a.labels.join(", ") : "no labels"})`).join(", ")}.`
      : "";
  return ` It asks for ${asked(run.labels)}: ${start(run.labels)}.${hint}`;
}
