/** What the page of one flow reads, follows and does: the group with its versions, graphs, recent and coming runs, the form for a run. */
import type { ParameterJson } from "../../domain/parameters";
import type { ClockJson, ScheduleJson } from "../../domain/scheduleWords";

type Json = Readonly<Record<string, unknown>>;

export interface VersionRow {
  readonly id: string;
  readonly name: string;
  readonly version: number;
  readonly created: string;
  readonly archived: boolean;
  readonly is_schedule_active: boolean;
  readonly description: string | null;
  readonly project: { readonly name: string };
  readonly parameters: readonly ParameterJson[];
  readonly schedule: ScheduleJson | null;
  readonly storage: Json | null;
  readonly core_version: string | null;
  readonly code_hash: string | null;
  readonly code_key_id: string | null;
  readonly code_info: Json | null;
  readonly clocks: readonly { readonly key: string; readonly spec: ClockJson }[];
}

export interface GroupRow {
  readonly id: string;
  readonly description: string | null;
  readonly labels: readonly string[] | null;
  readonly schedule: ScheduleJson | null;
  readonly default_parameters: Json;
  readonly flows: readonly VersionRow[];
  readonly flows_aggregate: { readonly aggregate: { readonly count: number } };
}

export interface FlowData {
  readonly group: readonly GroupRow[];
  /** Set when the id asked for is that of a version. */
  readonly of: readonly { readonly flow_group_id: string; readonly version: number }[];
}

export const VERSIONS_READ = 50;

export const FLOW = `query Flow($id: uuid!) {
  group: flow_group(where: {id: {_eq: $id}}) {
    id description labels schedule default_parameters
    flows(order_by: [{version: desc}], limit: ${VERSIONS_READ}) {
      id name version created archived is_schedule_active description parameters schedule storage core_version
      code_hash code_key_id code_info project { name } clocks(order_by: [{position: asc}]) { key spec }
    }
    flows_aggregate { aggregate { count } }
  }
  of: flow(where: {id: {_eq: $id}}) { flow_group_id version }
}`;

export interface FlowRunOfRow {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly version: number;
  readonly flow_id: string;
  readonly scheduled_start_time: string;
  readonly start_time: string | null;
  readonly end_time: string | null;
  readonly flow: { readonly version: number };
}

export interface ComingRow {
  readonly id: string;
  readonly name: string;
  readonly scheduled_start_time: string;
  readonly auto_scheduled: boolean;
  readonly schedule_clock: string | null;
}

export interface FlowRunsData {
  readonly begun: readonly FlowRunOfRow[];
  readonly coming: readonly ComingRow[];
}

/** The newest runs of all versions, and what waits for its time. */
export const FLOW_RUNS = `query FlowRuns($group: uuid!, $waiting: [String!]!, $begun: Int!, $coming: Int!) {
  begun: flow_run(where: {flow_group_id: {_eq: $group}, _or: [{state: {_nin: $waiting}}, {start_time: {_is_null: false}}]},
      order_by: [{scheduled_start_time: desc}, {id: desc}], limit: $begun) {
    id name state version flow_id scheduled_start_time start_time end_time flow { version }
  }
  coming: flow_run(where: {flow_group_id: {_eq: $group}, state: {_eq: "Scheduled"}, start_time: {_is_null: true}},
      order_by: [{scheduled_start_time: asc}, {id: asc}], limit: $coming) {
    id name scheduled_start_time auto_scheduled schedule_clock
  }
}`;

export interface FlowTaskRow {
  readonly id: string;
  readonly name: string | null;
  readonly slug: string;
  readonly type: string | null;
  readonly description: string | null;
  readonly mapped: boolean;
  readonly max_retries: number;
  readonly retry_delay: string | null;
  readonly trigger: string | null;
  readonly tags: readonly string[];
  readonly cache_key: string | null;
  readonly is_reference_task: boolean;
}

export interface FlowGraphRow {
  readonly id: string;
  readonly tasks: readonly FlowTaskRow[];
  readonly edges: readonly {
    readonly upstream_task_id: string;
    readonly downstream_task_id: string;
    readonly key: string | null;
    readonly mapped: boolean;
  }[];
}

export interface FlowGraphsData {
  readonly flow: readonly FlowGraphRow[];
}

/** Graphs of versions, which never change. */
export const FLOW_GRAPHS = `query FlowGraphs($flows: [uuid!]!) {
  flow(where: {id: {_in: $flows}}) {
    id
    tasks(order_by: [{id: asc}]) {
      id name slug type description mapped max_retries retry_delay trigger tags cache_key is_reference_task
    }
    edges { upstream_task_id downstream_task_id key mapped }
  }
}`;

export interface SerializedTask {
  readonly slug?: string;
  readonly timeout?: number | null;
  readonly cache_for?: number | null;
  readonly cache_validator?: { readonly fn?: string } | null;
}

export interface FlowInnerData {
  readonly flow: readonly {
    readonly run_config: Json | null;
    readonly tasks: readonly SerializedTask[] | null;
    readonly flow_group: { readonly run_config: Json | null };
  }[];
}

/** What some roles may not see: passwords stand in run configs. */
export const FLOW_INNER = `query FlowInner($flow: uuid!) {
  flow(where: {id: {_eq: $flow}}) { run_config tasks: serialized_flow(path: "$.tasks") flow_group { run_config } }
}`;

export interface KeyData {
  readonly signing_key: readonly { readonly name: string | null }[];
}

export const SIGNING_KEY = `query SigningKey($key: String!) { signing_key(where: {key_id: {_eq: $key}}) { name } }`;

export interface GridStateRow {
  readonly id: string;
  readonly flow_run_id: string;
  readonly task_id: string;
  readonly state: string;
  readonly start_time: string | null;
  readonly end_time: string | null;
}

export interface GridStatesData {
  readonly task_run: readonly GridStateRow[];
}

/** One row a task and run: children of mapped tasks are left out. */
export const GRID_STATES = `query GridStates($runs: [uuid!]!, $limit: Int!) {
  task_run(where: {flow_run_id: {_in: $runs}, map_index: {_eq: -1}}, limit: $limit) {
    id flow_run_id task_id state start_time end_time
  }
}`;

export interface GridChildrenData {
  readonly task_run: readonly { readonly flow_run_id: string; readonly task_id: string; readonly state: string }[];
}

/** Which states of children there are besides the good ones: one row a run, task and state, however many children there are. */
export const GRID_CHILDREN = `query GridChildren($runs: [uuid!]!, $well: [String!]!) {
  task_run(where: {flow_run_id: {_in: $runs}, map_index: {_gte: 0}, state: {_nin: $well}}, distinct_on: [flow_run_id, task_id, state],
      order_by: [{flow_run_id: asc}, {task_id: asc}, {state: asc}]) { flow_run_id task_id state }
}`;

export interface ChildCountsData {
  readonly mapped_children: { readonly state_counts: Readonly<Record<string, number>> | null } | null;
}

export const CHILD_COUNTS = `query ChildCounts($id: UUID!) { mapped_children(task_run_id: $id) { state_counts } }`;

export interface RunLikeData {
  readonly flow_run: readonly {
    readonly name: string;
    readonly parameters: Json;
    readonly labels: readonly string[];
  }[];
}

/** What a past run was given. */
export const RUN_LIKE = `query RunLike($id: uuid!) { flow_run(where: {id: {_eq: $id}}) { name parameters labels } }`;

export interface CreatedRun {
  readonly create_flow_run: { readonly id: string };
}

export const CREATE_RUN = `mutation CreateRun($input: create_flow_run_input!) { create_flow_run(input: $input) { id } }`;

interface Success {
  readonly success: boolean;
  readonly error: string | null;
}

export interface Done {
  readonly done: Success;
}

const act = (operation: string, mutation: string) =>
  `mutation ${operation}($id: UUID!) { done: ${mutation}(input: {flow_id: $id}) { success error } }`;

export const ARCHIVE = act("Archive", "archive_flow");
export const DELETE = act("Delete", "delete_flow");
