/** Who walks the towpath now: the agents, and whether each is alive. */
import { useNow } from "../app/now";
import { agentPath, follow } from "../app/router";
import type { AgentRow } from "../data/documents/agents";
import { isAlive } from "../domain/serving";
import { parse, relative } from "../domain/time";

export function Agents({ agents }: { agents: readonly AgentRow[] }) {
  const now = useNow();
  const alive = agents.filter((a) => isAlive(a, now));
  const gone = agents.length - alive.length;
  return (
    <aside className="agents" aria-label="Agents">
      <h2>
        <a href="/agents" onClick={follow}>
          Agents
        </a>{" "}
        <b>{alive.length} alive</b>
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
            <a href={agentPath(agent.id)} onClick={follow} className="who">
              {agent.name}
            </a>
            <span className="kind">{agent.type}</span>
            <span className="seen">{relative(parse(agent.last_queried) ?? now, now)}</span>
            {agent.labels.length > 0 && <span className="labels">{agent.labels.join(" · ")}</span>}
          </li>
        ))}
      </ul>
      {gone > 0 && (
        <a href="/agents" onClick={follow} className="faint gone">
          {gone === 1 ? "1 agent is silent" : `${gone} agents are silent`}
        </a>
      )}
    </aside>
  );
}
