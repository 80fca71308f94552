/** What the page of one run reads, follows and does: the run, its graph, its task runs, its log. */
import type { FlowRunRow } from "./flowRunRow";

export interface StateRow {
  readonly id: string;
  readonly version: number;
  readonly attempt: number;
  readonly state: string;
  readonly timestamp: string;
  readonly message: string | null;
  readonly actor: string | null;
}

/** A run that created this one, or was created by it. */
export interface RelatedRun {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly flow: { readonly name: string };
}

export interface RunRow extends FlowRunRow {
  readonly flow: {
    readonly id: string;
    readonly name: string;
    readonly version: number;
    readonly flow_group_id: string;
    readonly archived: boolean;
    readonly code_hash: string | null;
  };
  readonly auto_scheduled: boolean;
  readonly run_config_type: string;
  readonly state_start_time: string | null;
  readonly due_at: string | null;
  readonly phase: string | null;
  readonly fence: number;
  readonly lease_expires_at: string | null;
  readonly heartbeat: string | null;
  readonly parent: RelatedRun | null;
  readonly children: readonly RelatedRun[];
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

const RELATED = "id name state flow { name }";

/** The run itself: small, so that `live` may send the whole of it at each change. */
export const RUN = `query Run($id: uuid!) {
  run: flow_run(where: {id: {_eq: $id}}) {
    id name state version scheduled_start_time start_time end_time flow { id name version flow_group_id archived code_hash }
    parameters labels attempt state_message times_resurrected waiting_for lease_holder
    auto_scheduled run_config_type state_start_time due_at phase fence lease_expires_at heartbeat
    agent { id name }
    parent { ${RELATED} }
    children(order_by: [{id: asc}], limit: 50) { ${RELATED} }
    states(order_by: [{version: asc}], limit: 200) { id version attempt state timestamp message actor }
  }
}`;

export interface TaskRow {
  readonly id: string;
  readonly name: string | null;
  readonly slug: string;
  readonly mapped: boolean;
  readonly type?: string | null;
}

export interface EdgeRow {
  readonly upstream_task_id: string;
  readonly downstream_task_id: string;
  readonly key?: string | null;
  readonly mapped?: boolean;
}

export interface FlowGraph {
  readonly tasks: readonly TaskRow[];
  readonly edges: readonly EdgeRow[];
}

export interface GraphData {
  readonly run: readonly { readonly flow: FlowGraph }[];
}

/** The graph of a registered flow version never changes: read once, by the run, so that it need not wait for it. */
export const GRAPH = `query Graph($run: uuid!) {
  run: flow_run(where: {id: {_eq: $run}}) {
    flow {
      tasks(order_by: [{id: asc}]) { id name slug mapped type }
      edges { upstream_task_id downstream_task_id key mapped }
    }
  }
}`;

export interface TaskRunRow {
  readonly id: string;
  readonly task_id: string;
  readonly map_index: number;
  readonly state: string;
  readonly version: number;
  readonly start_time: string | null;
  readonly end_time: string | null;
  /** Left out where thousands are read. */
  readonly name?: string | null;
  readonly state_message?: string | null;
  /** Of a mapped parent: how many children there will be; their rows come as they begin. */
  readonly n_map_states?: number | null;
}

export interface TaskRunsData {
  readonly tasks?: readonly TaskRunRow[];
  readonly said?: readonly TaskRunRow[];
  readonly task_run: readonly TaskRunRow[];
}

const BARE = "id task_id map_index state version start_time end_time";
const WHOLE = `${BARE} name state_message n_map_states: serialized_state(path: "$.n_map_states")`;

/**
 * All task runs of a run: one for each task with all there is to say, children without their words, and what some of the troubled ones
 * said. Ten thousand are one answer; more come page by page along the id.
 */
export const TASK_RUNS = `query TaskRuns($run: uuid!, $after: uuid!, $limit: Int!, $troubled: [String!]) {
  tasks: task_run(where: {flow_run_id: {_eq: $run}, map_index: {_lt: 0}}) { ${WHOLE} }
  task_run(where: {flow_run_id: {_eq: $run}, map_index: {_gte: 0}, id: {_gt: $after}}, order_by: [{id: asc}], limit: $limit) { ${BARE} }
  said: task_run(where: {flow_run_id: {_eq: $run}, map_index: {_gte: 0}, state: {_in: $troubled}}, limit: 200) { ${WHOLE} }
}`;

export const TASK_RUNS_BY_ID = `query TaskRunsById($run: uuid!, $ids: [uuid!]!) {
  task_run(where: {flow_run_id: {_eq: $run}, id: {_in: $ids}}) { ${WHOLE} }
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

/** The log of one task, children included, or of one child: what is not in the tail that was read. */
export const LOG_OF = `query LogOf($run: uuid!, $task: uuid!, $least: Int!, $most: Int!, $limit: Int!) {
  log(where: {flow_run_id: {_eq: $run}, task_run: {task_id: {_eq: $task}, map_index: {_gte: $least, _lte: $most}}}, order_by: [{timestamp: desc}, {id: desc}], limit: $limit) { ${LOG_ROW} }
}`;

/** Lines of these levels, wherever in the log they are. */
export const LOG_LEVELS = `query LogLevels($run: uuid!, $levels: [String!]!, $limit: Int!) {
  log(where: {flow_run_id: {_eq: $run}, level: {_in: $levels}}, order_by: [{timestamp: desc}, {id: desc}], limit: $limit) { ${LOG_ROW} }
}`;

export interface ArtifactRow {
  readonly id: string;
  readonly kind: string;
  readonly data: unknown;
  readonly created: string;
  readonly task_run: {
    readonly id: string;
    readonly map_index: number;
    readonly task: { readonly name: string | null; readonly slug: string };
  };
}

export interface ArtifactsData {
  readonly artifacts: readonly ArtifactRow[];
}

export const ARTIFACTS = `query Artifacts($run: uuid!) {
  artifacts: task_run_artifact(where: {task_run: {flow_run_id: {_eq: $run}}}, order_by: [{id: asc}], limit: 200) {
    id kind data created task_run { id map_index task { name slug } }
  }
}`;

export const CANCEL = `mutation Cancel($id: UUID!) { cancel_flow_run(input: {flow_run_id: $id}) { state } }`;

export const RENAME = `mutation Rename($id: UUID!, $name: String!) {
  set_flow_run_name(input: {flow_run_id: $id, name: $name}) { success error }
}`;

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
