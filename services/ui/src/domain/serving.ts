/**
 * Which agent takes which runs: the rule of the queue, for people. An agent takes runs whose labels it serves (a run without labels goes to
 * an agent without labels) and whose run config it can start. Agents of Prefect 1 do not say what they can start, and have no lease; they
 * take runs of flows that their own client has registered, which have no signed code, and ours take the others.
 */
import { parse, relative } from "./time";
import { listed } from "./words";

export interface Serving {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
  readonly run_config_types: readonly string[];
  /** Which version of Prefect 1 it is; empty for an agent of Towpath. */
  readonly core_version?: string;
  readonly last_queried: string;
  readonly lease_expires_at: string | null;
}

/** What a run asks of an agent. */
export interface Need {
  readonly labels: readonly string[];
  readonly run_config_type: string;
  /** `code_hash` is null for a flow that Prefect 1's client has registered. */
  readonly flow?: { readonly code_hash?: string | null };
}

/** An agent asks for work at least once a minute, or it is silent (towpath_proto.timers.AGENT_ALIVE). */
const ALIVE_MS = 60_000;
/** What the agent that comes with Towpath can start. */
const LOCAL_TYPES: ReadonlySet<string> = new Set(["LocalRun", "UniversalRun"]);

export function isAlive(agent: Pick<Serving, "last_queried" | "lease_expires_at">, now: number): boolean {
  const lease = parse(agent.lease_expires_at);
  return (lease !== null && lease > now) || now - (parse(agent.last_queried) ?? 0) < ALIVE_MS;
}

function labelsFit(agent: Serving, need: Need): boolean {
  if (need.labels.length === 0) return agent.labels.length === 0;
  return need.labels.every((label) => agent.labels.includes(label));
}

function typeFits(agent: Serving, need: Need): boolean {
  return agent.run_config_types.length === 0 || agent.run_config_types.includes(need.run_config_type);
}

const ofPrefect = (agent: Pick<Serving, "core_version">) => Boolean(agent.core_version);
const forPrefect = (need: Need) => need.flow?.code_hash === null;

export function serves(agent: Serving, need: Need): boolean {
  return labelsFit(agent, need) && typeFits(agent, need) && ofPrefect(agent) === forPrefect(need);
}

/** "the labels gpu and north", "no labels". */
export function labelWords(labels: readonly string[]): string {
  if (labels.length === 0) return "no labels";
  return labels.length === 1 ? `the label ${labels[0]}` : `the labels ${listed(labels)}`;
}

/** A name as a shell takes it. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** The command that starts an agent for such runs; null where the agent that comes with Towpath cannot run them. */
export function startCommand(need: Need): string | null {
  if (!LOCAL_TYPES.has(need.run_config_type)) return null;
  return [
    `${forPrefect(need) ? "prefect" : "towpath"} agent local start`,
    ...need.labels.map((label) => `--label ${quoted(label)}`),
  ].join(" ");
}

/** Why no living agent takes such runs; null when one does. */
export function whyNobody(need: Need, agents: readonly Serving[], now: number): string | null {
  const alive = agents.filter((agent) => isAlive(agent, now));
  if (alive.some((agent) => serves(agent, need))) return null;
  const silent = agents
    .filter((agent) => !isAlive(agent, now) && serves(agent, need))
    .sort((a, b) => (parse(b.last_queried) ?? 0) - (parse(a.last_queried) ?? 0))[0];
  if (silent)
    return `${silent.name} would take them, and was last seen ${relative(parse(silent.last_queried) ?? now, now)}.`;
  if (alive.length === 0) return "No agent is alive.";
  const alike = alive.filter((agent) => ofPrefect(agent) === forPrefect(need));
  if (alike.length === 0)
    return forPrefect(need)
      ? "Prefect 1's client has registered the flow, and no agent of that client is alive."
      : "All agents that are alive are Prefect 1's, which take flows of their own client only.";
  const byLabels = alike.filter((agent) => labelsFit(agent, need));
  if (byLabels.length > 0)
    return `${listed(byLabels.map((agent) => agent.name))} ${byLabels.length === 1 ? "has" : "have"} ${labelWords(need.labels)}, and cannot start a ${need.run_config_type}.`;
  if (need.labels.length === 0) return "All agents that are alive have labels, and take runs with labels only.";
  return `No agent that is alive has ${labelWords(need.labels)}.`;
}

/** The condition on runs that an agent could take, now or when they are due, in the server's dialect. */
export function couldRun(
  agent: Pick<Serving, "labels" | "run_config_types" | "core_version">,
): Readonly<Record<string, unknown>> {
  const native = agent.run_config_types.length > 0;
  return {
    due_at: { _is_null: false },
    labels: agent.labels.length === 0 ? { _eq: [] } : { _contained_in: agent.labels, _neq: [] },
    flow: { code_hash: { _is_null: ofPrefect(agent) } },
    ...(native ? { run_config_type: { _in: agent.run_config_types } } : {}),
  };
}
