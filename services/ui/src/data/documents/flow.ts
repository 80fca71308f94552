/** What the page of one flow reads. */

export interface FlowRow {
  readonly id: string;
  readonly flow_group_id: string;
  readonly name: string;
  readonly version: number;
  readonly archived: boolean;
  readonly is_schedule_active: boolean;
  readonly project: { readonly name: string };
}

export interface FlowData {
  readonly flow: readonly FlowRow[];
}

/** The newest version of a flow group, or the version that is asked for by its own id. */
export const FLOW = `query Flow($id: uuid!) {
  flow(where: {_or: [{id: {_eq: $id}}, {flow_group_id: {_eq: $id}}]}, order_by: [{version: desc}], limit: 1) {
    id flow_group_id name version archived is_schedule_active project { name }
  }
}`;
