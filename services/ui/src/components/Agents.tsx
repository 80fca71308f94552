/** Who walks the towpath now: the agents, and whether each is alive. */
import { useNow } from "../app/now";
import type { AgentRow } from "../data/documents/agents";
import { parse, relative } from "../domain/time";

/** An agent of Prefect 1 has no lease; it asks for work at least once a minute. */
const QUIET_MS = 60_000;

export function isAlive(agent: AgentRow, now: number): boolean {
  const lease = parse(agent.lease_expires_at);
  return (lease !== null && lease > now) || now - (parse(agent.last_queried) ?? 0) < QUIET_MS;
}

export function Agents({ agents }: { agents: readonly AgentRow[] }) {
  const now = useNow();
  const alive = agents.filter((a) => isAlive(a, now));
  const gone = agents.length - alive.length;
  return (
    <aside className="agents" aria-label="Agents">
      <h2>
        Agents <b>{alive.length} alive</b>
      </h2>
      {alive.length === 0 && (
        <p className="note">
          No agent is alive, so nothing will be run. Start one:
          <code>towpath agent local start</code>
        </p>
      )}
      <ul>
        {alive.map((agent) => (
          <li key={agent.id}>
            <span className="alive" aria-hidden="true" />
            <span className="who">{agent.name}</span>
            <span className="kind">{agent.type}</span>
            <span className="seen">{relative(parse(agent.last_queried) ?? now, now)}</span>
            {agent.labels.length > 0 && <span className="labels">{agent.labels.join(" · ")}</span>}
          </li>
        ))}
      </ul>
      {gone > 0 && (
        <p className="faint">{gone === 1 ? "1 agent was seen before." : `${gone} agents were seen before.`}</p>
      )}
    </aside>
  );
}
