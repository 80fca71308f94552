/** What home reads and does. */
import type { OfferedRun } from "./agents";
import { type FlowRunRow, RUN_ROW } from "./flowRunRow";

export interface HomeData {
  readonly begun: readonly FlowRunRow[];
  readonly coming: readonly FlowRunRow[];
  readonly flows: readonly { readonly id: string }[];
}

export const HOME = `query Home($waiting: [String!], $begun: Int!, $coming: Int!) {
  begun: flow_run(where: {state: {_nin: $waiting}}, order_by: [{scheduled_start_time: desc}, {id: desc}], limit: $begun) { ${RUN_ROW} }
  coming: flow_run(where: {state: {_in: $waiting}}, order_by: [{scheduled_start_time: asc}, {id: asc}], limit: $coming) { ${RUN_ROW} }
  flows: flow(where: {archived: {_eq: false}}, limit: 1) { id }
}`;

export interface FailedRun extends FlowRunRow {
  readonly state_message: string | null;
  readonly state_timestamp: string;
}

export interface PausedTaskRun {
  readonly id: string;
  readonly map_index: number;
  readonly version: number;
  readonly state_message: string | null;
  readonly task: { readonly name: string | null; readonly slug: string };
}

export interface NeedsData {
  /** Failed lately and not restarted: a restarted run is Scheduled again. */
  readonly failed: readonly FailedRun[];
  /** Runs that wait for a person, themselves or with one of their tasks. */
  readonly paused: readonly FailedRun[];
  readonly holding: readonly (FlowRunRow & { readonly task_runs: readonly PausedTaskRun[] })[];
  /** Offered runs, the one due first in front: those that are late are among the first. */
  readonly offered: readonly OfferedRun[];
  /** Flows whose schedule is on and has made no run that is ahead. */
  readonly idle: readonly { readonly id: string; readonly flow_group_id: string; readonly name: string }[];
}

export const NEEDS = `query Needs($failed: [String!], $waiting: [String!], $open: [String!], $since: timestamptz!) {
  failed: flow_run(where: {state: {_in: $failed}, state_timestamp: {_gte: $since}}, order_by: [{state_timestamp: desc}], limit: 60) {
    ${RUN_ROW} state_message state_timestamp
  }
  paused: flow_run(where: {state: {_eq: "Paused"}}, order_by: [{state_timestamp: asc}], limit: 20) { ${RUN_ROW} state_message state_timestamp }
  holding: flow_run(where: {state: {_in: $open}, task_runs: {state: {_eq: "Paused"}}}, order_by: [{scheduled_start_time: asc}], limit: 20) {
    ${RUN_ROW}
    task_runs(where: {state: {_eq: "Paused"}}, order_by: [{id: asc}], limit: 5) { id map_index version state_message task { name slug } }
  }
  offered: flow_run(where: {due_at: {_is_null: false}}, order_by: [{due_at: asc}], limit: 100) { ${RUN_ROW} labels run_config_type due_at flow { code_hash } }
  idle: flow(where: {is_schedule_active: {_eq: true}, archived: {_eq: false},
      _or: [{schedule: {_is_null: false}}, {flow_group: {schedule: {_is_null: false}}}],
      _not: {flow_runs: {state: {_in: $waiting}}}}, order_by: [{name: asc}], limit: 10) { id flow_group_id name }
}`;

interface Count {
  readonly aggregate: { readonly count: number };
}

export interface TodayData {
  readonly success: Count;
  readonly failed: Count;
  readonly cancelled: Count;
  readonly running: Count;
  readonly coming: Count;
}

export const TODAY = `query Today($success: [String!], $failed: [String!], $running: [String!], $waiting: [String!], $midnight: timestamptz!, $tomorrow: timestamptz!) {
  success: flow_run_aggregate(where: {state: {_in: $success}, state_timestamp: {_gte: $midnight}}) { aggregate { count } }
  failed: flow_run_aggregate(where: {state: {_in: $failed}, state_timestamp: {_gte: $midnight}}) { aggregate { count } }
  cancelled: flow_run_aggregate(where: {state: {_eq: "Cancelled"}, state_timestamp: {_gte: $midnight}}) { aggregate { count } }
  running: flow_run_aggregate(where: {state: {_in: $running}}) { aggregate { count } }
  coming: flow_run_aggregate(where: {state: {_in: $waiting}, scheduled_start_time: {_lt: $tomorrow}}) { aggregate { count } }
}`;

export const RESUME = `mutation Resume($states: [set_state_input!]!) { set_states(input: {states: $states}) { results } }`;
