/** What is read of agents. */

export interface AgentRow {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
  readonly last_queried: string;
  readonly lease_expires_at: string | null;
}

export interface AgentsData {
  readonly agents: readonly AgentRow[];
}

/** Apart from the runs, since an agent's row changes every few seconds. */
export const AGENTS = `query Agents {
  agents: agent(order_by: [{last_queried: desc}, {id: asc}], limit: 50) { id name type labels last_queried lease_expires_at }
}`;
