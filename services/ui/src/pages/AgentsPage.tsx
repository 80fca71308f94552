/** The agents: who is alive, what each runs and could run, and which runs nobody takes. */
import { useEffect, useMemo } from "react";
import { useNow } from "../app/now";
import { agentPath, follow, runPath } from "../app/router";
import { moveRow, useShortcuts } from "../app/shortcuts";
import { useTitle } from "../app/title";
import { Command } from "../components/Command";
import { Glyph } from "../components/Glyph";
import { Problem } from "../components/Problem";
import { Unserved } from "../components/Unserved";
import { useCell } from "../data/cell";
import {
  AGENTS,
  type AgentRow,
  type AgentsData,
  type OfferedRun,
  QUEUES,
  type QueuesData,
} from "../data/documents/agents";
import { LiveRead } from "../data/liveRead";
import { isAlive, serves, startCommand } from "../domain/serving";
import { duration, elapsed, moment, parse, relative } from "../domain/time";
import "../styles/agents.css";

const HELD_SHOWN = 3;

export function AgentsPage() {
  const read = useMemo(() => new LiveRead<AgentsData>(AGENTS, {}), []);
  const queuesRead = useMemo(() => new LiveRead<QueuesData>(QUEUES, {}), []);
  useEffect(() => read.start(), [read]);
  useEffect(() => queuesRead.start(), [queuesRead]);
  useTitle("Agents");
  useShortcuts(useMemo(() => ({ j: () => moveRow(1), k: () => moveRow(-1) }), []));
  const { data, error } = useCell(read.answer);
  const queues = useCell(queuesRead.answer);
  const shown = error ?? queues.error;
  return (
    <main className="page agents-page">
      {shown && <Problem error={shown} />}
      {data && <List agents={data.agents} queues={queues.data?.queues ?? []} />}
    </main>
  );
}

function List({ agents, queues }: { agents: readonly AgentRow[]; queues: readonly OfferedRun[] }) {
  const now = useNow();
  const alive = agents.filter((agent) => isAlive(agent, now)).sort((a, b) => a.name.localeCompare(b.name));
  const silent = agents.filter((agent) => !isAlive(agent, now));
  return (
    <>
      <header className="room-head">
        <h1>Agents</h1>
        <p className="faint">{alive.length} alive</p>
      </header>
      <Unserved queues={queues} agents={agents} />
      {alive.length === 0 && !queues.some((run) => startCommand(run) !== null) && (
        <section className="no-agent">
          <p>No agent is alive, so nothing will be run. One for this machine:</p>
          <Command text="towpath agent local start" />
        </section>
      )}
      {agents.length > 0 && (
        <div role="table" aria-label="Agents" className="agent-list">
          <div role="row" tabIndex={-1} className="agent-row agent-cols">
            {["Agent", "Labels", "Runs now", "Could run next"].map((name) => (
              <span key={name} role="columnheader" tabIndex={-1}>
                {name}
              </span>
            ))}
          </div>
          <div role="rowgroup">
            {alive.map((agent) => (
              <AgentLine key={agent.id} agent={agent} queues={queues} now={now} alive />
            ))}
          </div>
          {silent.length > 0 && (
            <div role="rowgroup">
              <h2 className="agent-section">Silent</h2>
              {silent.map((agent) => (
                <AgentLine key={agent.id} agent={agent} queues={queues} now={now} alive={false} />
              ))}
            </div>
          )}
        </div>
      )}
    </>
  );
}

interface LineProps {
  readonly agent: AgentRow;
  readonly queues: readonly OfferedRun[];
  readonly now: number;
  readonly alive: boolean;
}

function AgentLine({ agent, queues, now, alive }: LineProps) {
  const seen = parse(agent.last_queried) ?? now;
  const next = queues
    .filter((run) => serves(agent, run))
    .sort((a, b) => (parse(a.due_at) ?? 0) - (parse(b.due_at) ?? 0))[0];
  return (
    <div role="row" tabIndex={-1} className="agent-row" data-agent={agent.id} data-alive={alive}>
      <span role="cell" className="agent-who">
        <span className="alive" data-gone={!alive || undefined} />
        <a href={agentPath(agent.id)} data-row onClick={follow}>
          {agent.name}
        </a>
        <i>
          {agent.type}
          {alive ? ", alive" : `, silent since ${moment(seen, now)}`}
        </i>
      </span>
      <span role="cell" className="agent-labels">
        {agent.labels.length > 0 ? agent.labels.join(" · ") : <span className="faint">none</span>}
      </span>
      <span role="cell" className="agent-holds">
        {agent.holds.length === 0 && <span className="faint">{alive ? "nothing" : "–"}</span>}
        {agent.holds.slice(0, HELD_SHOWN).map((run) => (
          <a key={run.id} href={runPath(run.id)} onClick={follow}>
            <Glyph state={run.state} /> {run.flow.name}{" "}
            <i>{duration(elapsed(parse(run.start_time) ?? now, null, now) ?? 0)}</i>
          </a>
        ))}
        {agent.holds.length > HELD_SHOWN && <i>and {agent.holds.length - HELD_SHOWN} more</i>}
      </span>
      <span role="cell" className="agent-next">
        {next && alive ? (
          <a href={runPath(next.id)} onClick={follow}>
            {next.flow.name} <i>{relative(parse(next.due_at) ?? now, now)}</i>
          </a>
        ) : (
          <span className="faint">{alive ? "nothing" : "–"}</span>
        )}
      </span>
    </div>
  );
}
