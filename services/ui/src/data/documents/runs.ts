/** What the runs explorer reads and does. */
import type { Condition } from "../../domain/runFilter";
import { type FlowRunRow, RUN_ROW } from "./flowRunRow";

export interface FoundRun extends FlowRunRow {
  readonly labels: readonly string[];
  readonly agent: { readonly id: string; readonly name: string } | null;
}

export interface RunsData {
  readonly flow_run: readonly FoundRun[];
}

export interface RunsVariables {
  readonly where: Condition;
  readonly order: readonly Condition[];
  readonly limit: number;
}

const FOUND = `${RUN_ROW} labels agent { id name }`;

export const RUNS = `query Runs($where: flow_run_bool_exp!, $order: [flow_run_order_by!], $limit: Int!) {
  flow_run(where: $where, order_by: $order, limit: $limit) { ${FOUND} }
}`;

export const RUNS_BY_ID = `query RunsById($ids: [uuid!]!) {
  flow_run(where: {id: {_in: $ids}}) { ${FOUND} }
}`;

export interface RunCountData {
  readonly flow_run_aggregate: { readonly aggregate: { readonly count: number } };
}

export const RUN_COUNT = `query RunCount($where: flow_run_bool_exp!) {
  flow_run_aggregate(where: $where) { aggregate { count } }
}`;

export interface ChoicesData {
  readonly flows: readonly { readonly id: string; readonly flow_group_id: string; readonly name: string }[];
  readonly projects: readonly { readonly id: string; readonly name: string }[];
  readonly agents: readonly { readonly id: string; readonly name: string }[];
}

/** What there is to choose from: the flows by their newest version, the projects, the agents. */
export const CHOICES = `query Choices {
  flows: flow(distinct_on: [flow_group_id], order_by: [{flow_group_id: asc}, {version: desc}], limit: 1000) { id flow_group_id name }
  projects: project(order_by: [{name: asc}], limit: 500) { id name }
  agents: agent(order_by: [{name: asc}, {id: asc}], limit: 200) { id name }
}`;
