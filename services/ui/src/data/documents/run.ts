/** What the page of one run reads, follows and does: the run, its graph, its task runs, its log. */
import { type FlowRunRow, RUN_ROW } from "./flowRunRow";

export interface StateRow {
  readonly id: string;
  readonly version: number;
  readonly attempt: number;
  readonly state: string;
  readonly timestamp: string;
  readonly message: string | null;
  readonly actor: string | null;
}

export interface RunRow extends FlowRunRow {
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly labels: readonly string[];
  readonly attempt: number;
  readonly state_message: string | null;
  readonly times_resurrected: number;
  readonly waiting_for: string | null;
  readonly lease_holder: string | null;
  readonly agent: { readonly id: string; readonly name: string } | null;
  readonly states: readonly StateRow[];
}

export interface RunData {
  readonly run: readonly RunRow[];
}

/** The run itself: small, so that `live` may send the whole of it at each change. */
export const RUN = `query Run($id: uuid!) {
  run: flow_run(where: {id: {_eq: $id}}) {
    ${RUN_ROW} parameters labels attempt state_message times_resurrected waiting_for lease_holder
    agent { id name }
    states(order_by: [{version: asc}], limit: 200) { id version attempt state timestamp message actor }
  }
}`;

export interface TaskRow {
  readonly id: string;
  readonly name: string | null;
  readonly slug: string;
  readonly mapped: boolean;
}

export interface GraphData {
  readonly flow: readonly {
    readonly tasks: readonly TaskRow[];
    readonly edges: readonly { readonly upstream_task_id: string; readonly downstream_task_id: string }[];
  }[];
}

/** The graph of a registered flow version never changes: read once. */
export const GRAPH = `query Graph($flow: uuid!) {
  flow(where: {id: {_eq: $flow}}) {
    tasks(order_by: [{id: asc}]) { id name slug mapped }
    edges { upstream_task_id downstream_task_id }
  }
}`;

export interface TaskRunRow {
  readonly id: string;
  readonly task_id: string;
  readonly map_index: number;
  readonly name: string | null;
  readonly state: string;
  readonly version: number;
  readonly start_time: string | null;
  readonly end_time: string | null;
  readonly state_message: string | null;
  /** Of a mapped parent: how many children there will be; their rows come as they begin. */
  readonly n_map_states: number | null;
}

export interface TaskRunsData {
  readonly task_run: readonly TaskRunRow[];
}

const TASK_RUN_ROW = `id task_id map_index name state version start_time end_time state_message
    n_map_states: serialized_state(path: "$.n_map_states")`;

/** All task runs of a run, page by page along the id. */
export const TASK_RUNS = `query TaskRuns($run: uuid!, $after: uuid!, $limit: Int!) {
  task_run(where: {flow_run_id: {_eq: $run}, id: {_gt: $after}}, order_by: [{id: asc}], limit: $limit) { ${TASK_RUN_ROW} }
}`;

export const TASK_RUNS_BY_ID = `query TaskRunsById($run: uuid!, $ids: [uuid!]!) {
  task_run(where: {flow_run_id: {_eq: $run}, id: {_in: $ids}}) { ${TASK_RUN_ROW} }
}`;

export interface LogRow {
  readonly id: string;
  readonly timestamp: string;
  readonly level: string;
  readonly name: string | null;
  readonly message: string | null;
  readonly task_run_id: string | null;
}

export interface LogsData {
  readonly log: readonly LogRow[];
}

const LOG_ROW = "id timestamp level name message task_run_id";

/** The newest lines; a run's log opens at its tail. */
export const LOG_TAIL = `query LogTail($run: uuid!, $limit: Int!) {
  log(where: {flow_run_id: {_eq: $run}}, order_by: [{timestamp: desc}, {id: desc}], limit: $limit) { ${LOG_ROW} }
}`;

/** Lines before the oldest one held; `at` is included since lines may share a timestamp, and the store knows doubles by their id. */
export const LOG_BEFORE = `query LogBefore($run: uuid!, $at: timestamptz!, $limit: Int!) {
  log(where: {flow_run_id: {_eq: $run}, timestamp: {_lte: $at}}, order_by: [{timestamp: desc}, {id: desc}], limit: $limit) { ${LOG_ROW} }
}`;

/** Lines received since an id (ids are made in order of receipt). */
export const LOG_SINCE = `query LogSince($run: uuid!, $after: uuid!, $limit: Int!) {
  log(where: {flow_run_id: {_eq: $run}, id: {_gt: $after}}, order_by: [{id: asc}], limit: $limit) { ${LOG_ROW} }
}`;

export const CANCEL = `mutation Cancel($id: UUID!) { cancel_flow_run(input: {flow_run_id: $id}) { state } }`;

export const RESTART = `mutation Restart($id: UUID!) { restart_flow_run(input: {flow_run_id: $id}) { success error } }`;

export interface TaskEvents {
  readonly task_run_events: {
    /** `task_run.states`, or `missed` when some may have been lost. */
    readonly type: string;
    readonly occurred_at: string | null;
    readonly count: number;
    readonly changes: readonly {
      readonly task_run_id: string;
      readonly state: string;
      readonly version: number;
      readonly message: string | null;
    }[];
  };
}

export const TASK_EVENTS = `subscription TaskEvents($run: UUID!) {
  task_run_events(flow_run_id: $run) { type occurred_at count changes { task_run_id state version message } }
}`;

export interface LogStream {
  readonly log_stream: { readonly logs: readonly LogRow[] };
}

/** Begins with what is stored with a timestamp later than `after`. */
export const LOG_STREAM = `subscription LogStream($run: UUID!, $after: DateTime) {
  log_stream(flow_run_id: $run, after: $after) { logs { ${LOG_ROW} } }
}`;
