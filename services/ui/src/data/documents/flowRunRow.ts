/** A flow run as the lists show it. */

export interface FlowRunRow {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly version: number;
  readonly scheduled_start_time: string;
  readonly start_time: string | null;
  readonly end_time: string | null;
  readonly flow: { readonly id: string; readonly name: string };
}

export const RUN_ROW = "id name state version scheduled_start_time start_time end_time flow { id name }";
