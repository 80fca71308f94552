/** What the page of one task run reads: itself with its history, what lies around it in the graph, its neighbours of a map, its log. */
import type { LogRow, StateRow } from "./run";

export interface TaskFacts {
  readonly id: string;
  readonly name: string | null;
  readonly slug: string;
  readonly description: string | null;
  readonly type: string | null;
  readonly trigger: string | null;
  readonly mapped: boolean;
  readonly max_retries: number;
  readonly retry_delay: string | null;
  readonly tags: readonly string[];
  readonly cache_key: string | null;
  readonly upstream_edges: readonly {
    readonly key: string | null;
    readonly mapped: boolean;
    readonly upstream_task: NearTask;
  }[];
  readonly downstream_edges: readonly {
    readonly key: string | null;
    readonly mapped: boolean;
    readonly downstream_task: NearTask;
  }[];
}

export interface NearTask {
  readonly id: string;
  readonly name: string | null;
  readonly slug: string;
}

export interface OneTaskRunRow {
  readonly id: string;
  readonly name: string | null;
  readonly map_index: number;
  readonly cache_key: string | null;
  readonly version: number;
  readonly attempt: number;
  readonly state: string;
  readonly state_message: string | null;
  readonly state_start_time: string | null;
  readonly state_result: { readonly location?: string | null; readonly type?: string } | null;
  readonly cached_until: string | null;
  readonly n_map_states: number | null;
  readonly start_time: string | null;
  readonly end_time: string | null;
  readonly task: TaskFacts;
  readonly flow_run: {
    readonly id: string;
    readonly name: string;
    readonly state: string;
    readonly flow: { readonly name: string };
  };
  readonly states: readonly StateRow[];
  readonly artifacts: readonly { readonly id: string; readonly kind: string; readonly data: unknown }[];
}

export interface TaskRunData {
  readonly task_run: readonly OneTaskRunRow[];
}

export const TASK_RUN = `query TaskRun($id: uuid!) {
  task_run(where: {id: {_eq: $id}}) {
    id name map_index cache_key version attempt state state_message state_start_time state_result start_time end_time
    cached_until: serialized_state(path: "$.cached_result_expiration")
    n_map_states: serialized_state(path: "$.n_map_states")
    task {
      id name slug description type trigger mapped max_retries retry_delay tags cache_key
      upstream_edges { key mapped upstream_task { id name slug } }
      downstream_edges { key mapped downstream_task { id name slug } }
    }
    flow_run { id name state flow { name } }
    states(order_by: [{version: asc}], limit: 200) { id version attempt state timestamp message actor }
    artifacts(order_by: [{id: asc}], limit: 50) { id kind data }
  }
}`;

export interface NearRun {
  readonly id: string;
  readonly task_id: string;
  readonly map_index: number;
  readonly state: string;
}

export interface NearData {
  readonly near: readonly NearRun[];
  readonly siblings: readonly NearRun[];
}

/** Task runs of the tasks around this one, a mapped one by its parent and the child of the same index; and the children beside it. */
export const NEAR = `query Near($run: uuid!, $tasks: [uuid!]!, $task: uuid!, $indexes: [Int!]!, $least: Int!, $most: Int!) {
  near: task_run(where: {flow_run_id: {_eq: $run}, task_id: {_in: $tasks}, map_index: {_in: $indexes}}, order_by: [{map_index: asc}]) {
    id task_id map_index state
  }
  siblings: task_run(where: {flow_run_id: {_eq: $run}, task_id: {_eq: $task}, map_index: {_gte: $least, _lte: $most}}, order_by: [{map_index: asc}]) {
    id task_id map_index state
  }
}`;

export interface TaskLogData {
  readonly log: readonly LogRow[];
}

export const TASK_LOG = `query TaskLog($id: uuid!, $limit: Int!) {
  log(where: {task_run_id: {_eq: $id}}, order_by: [{timestamp: desc}, {id: desc}], limit: $limit) {
    id timestamp level name message task_run_id
  }
}`;
