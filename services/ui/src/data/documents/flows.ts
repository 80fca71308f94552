/** What the list of flows reads and does. */
import type { ScheduleJson } from "../../domain/scheduleWords";

export interface ListedRun {
  readonly id: string;
  readonly state: string;
  readonly scheduled_start_time: string;
  readonly start_time: string | null;
  readonly end_time: string | null;
}

export interface ListedFlow {
  readonly id: string;
  readonly flow_group_id: string;
  readonly name: string;
  readonly version: number;
  readonly archived: boolean;
  readonly is_schedule_active: boolean;
  readonly schedule: ScheduleJson | null;
  readonly project: { readonly name: string };
  readonly flow_group: {
    readonly schedule: ScheduleJson | null;
    /** The newest versions with their last runs. */
    readonly flows: readonly { readonly runs: readonly ListedRun[] }[];
  };
  /** The next run that waits. */
  readonly next: readonly { readonly id: string; readonly scheduled_start_time: string }[];
}

export interface FlowsData {
  readonly flow: readonly ListedFlow[];
}

/**
 * The newest version of each flow group. Runs are read by version, since there they lie in order in an index; the last three versions hold
 * the last runs nearly always.
 */
export const FLOWS = `query Flows($where: flow_bool_exp!, $waiting: [String!], $limit: Int!, $runs: Int!) {
  flow(distinct_on: [flow_group_id], where: $where, order_by: [{flow_group_id: asc}, {version: desc}], limit: $limit) {
    id flow_group_id name version archived is_schedule_active schedule
    project { name }
    flow_group {
      schedule
      flows(order_by: [{version: desc}], limit: 3) {
        runs: flow_runs(where: {state: {_nin: $waiting}}, order_by: [{scheduled_start_time: desc}], limit: $runs) {
          id state scheduled_start_time start_time end_time
        }
      }
    }
    next: flow_runs(where: {state: {_eq: "Scheduled"}, auto_scheduled: {_eq: true}}, order_by: [{scheduled_start_time: asc}], limit: 1) {
      id scheduled_start_time
    }
  }
}`;

export const SCHEDULE_ON = `mutation ScheduleOn($flow: UUID!) { set_schedule_active(input: {flow_id: $flow}) { success error } }`;

export const SCHEDULE_OFF = `mutation ScheduleOff($flow: UUID!) { set_schedule_inactive(input: {flow_id: $flow}) { success error } }`;
