/** Graphs of flow versions. They never change, so each is read once for as long as the tab lives. */
import { request } from "../api/http";
import { FLOW_GRAPHS, type FlowGraphRow, type FlowGraphsData } from "./documents/flow";

const held = new Map<string, Promise<FlowGraphRow | null>>();

/** The graphs of these versions, in one request for those not known yet; versions that are gone are left out. */
export async function graphsOf(flowIds: readonly string[]): Promise<FlowGraphRow[]> {
  const missing = [...new Set(flowIds)].filter((id) => !held.has(id));
  if (missing.length > 0) {
    const reading = request<FlowGraphsData>(FLOW_GRAPHS, { flows: missing }).then(({ flow }) => flow);
    for (const id of missing) {
      const one = reading.then((rows) => rows.find((r) => r.id === id) ?? null);
      held.set(id, one);
      // a failed read, or a version that is not there, is asked for again
      one.then(
        (row) => row === null && held.delete(id),
        () => held.delete(id),
      );
    }
  }
  const found = await Promise.all(flowIds.map((id) => held.get(id)));
  return found.filter((row): row is FlowGraphRow => row !== null && row !== undefined);
}
