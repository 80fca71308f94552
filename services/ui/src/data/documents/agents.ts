/** What is read of agents and of the runs that they could take. */
import type { Serving } from "../../domain/serving";
import { type FlowRunRow, RUN_ROW } from "./flowRunRow";

export interface AgentRow extends Serving {
  readonly id: string;
  readonly core_version: string;
  readonly created: string;
  readonly address: string | null;
  /** What it holds now. */
  readonly holds: readonly FlowRunRow[];
}

export interface AgentsData {
  readonly agents: readonly AgentRow[];
}

const AGENT = `id name type labels run_config_types core_version address created last_queried lease_expires_at
    holds: flow_runs(where: {phase: {_is_null: false}}, order_by: [{scheduled_start_time: asc}], limit: 50) { ${RUN_ROW} }`;

/** Apart from the runs, since an agent's row changes every few seconds. */
export const AGENTS = `query Agents {
  agents: agent(order_by: [{last_queried: desc}, {id: asc}], limit: 100) { ${AGENT} }
}`;

export interface AgentData extends AgentsData {
  readonly recent: readonly FlowRunRow[];
}

export const AGENT_BY_ID = `query Agent($id: uuid!) {
  agents: agent(where: {id: {_eq: $id}}) { ${AGENT} }
  recent: flow_run(where: {agent_id: {_eq: $id}, phase: {_is_null: true}}, order_by: [{scheduled_start_time: desc}, {id: desc}], limit: 25) { ${RUN_ROW} }
}`;

/** A run that is offered: the first of its queue, that is of those with its labels and kind of run config. */
export interface OfferedRun extends FlowRunRow {
  readonly flow: FlowRunRow["flow"] & { readonly code_hash: string | null };
  readonly labels: readonly string[];
  readonly run_config_type: string;
  readonly due_at: string;
}

export interface QueuesData {
  readonly queues: readonly OfferedRun[];
}

/** The queues there are, each with the run that is due first. */
export const QUEUES = `query Queues {
  queues: flow_run(distinct_on: [labels, run_config_type], where: {due_at: {_is_null: false}},
    order_by: [{labels: asc}, {run_config_type: asc}, {due_at: asc}], limit: 200) { ${RUN_ROW} labels run_config_type due_at flow { code_hash } }
}`;

export interface OfferedData {
  readonly offered: readonly OfferedRun[];
  readonly count: { readonly aggregate: { readonly count: number } };
}

/** Runs that are offered and match, the one due first in front, and how many there are. */
export const OFFERED = `query Offered($where: flow_run_bool_exp!, $limit: Int!) {
  offered: flow_run(where: $where, order_by: [{due_at: asc}, {id: asc}], limit: $limit) { ${RUN_ROW} labels run_config_type due_at flow { code_hash } }
  count: flow_run_aggregate(where: $where) { aggregate { count } }
}`;

export const FORGET_AGENT = `mutation ForgetAgent($id: UUID!) { delete_agent(input: {agent_id: $id}) { success error } }`;
