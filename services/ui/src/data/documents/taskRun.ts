/** What the page of one task run reads. */

export interface OneTaskRunRow {
  readonly id: string;
  readonly name: string | null;
  readonly map_index: number;
  readonly state: string;
  readonly state_message: string | null;
  readonly start_time: string | null;
  readonly end_time: string | null;
  readonly task: { readonly name: string | null; readonly slug: string };
  readonly flow_run: { readonly id: string; readonly name: string; readonly flow: { readonly name: string } };
}

export interface TaskRunData {
  readonly task_run: readonly OneTaskRunRow[];
}

export const TASK_RUN = `query TaskRun($id: uuid!) {
  task_run(where: {id: {_eq: $id}}) {
    id name map_index state state_message start_time end_time
    task { name slug }
    flow_run { id name flow { name } }
  }
}`;
