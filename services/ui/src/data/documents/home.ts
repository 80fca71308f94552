/** What home reads. */
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
