/** Home: what runs, what comes, what has been; who is there to run it. */
import { useEffect, useMemo } from "react";
import { Agents } from "../components/Agents";
import { EmptyHome } from "../components/EmptyHome";
import { Problem } from "../components/Problem";
import { PulseStrip, type StripRun } from "../components/PulseStrip";
import { RunList } from "../components/RunList";
import { useCell } from "../data/cell";
import { AGENTS, type AgentsData } from "../data/documents/agents";
import type { FlowRunRow } from "../data/documents/flowRunRow";
import { HOME, type HomeData } from "../data/documents/home";
import { LiveRead } from "../data/liveRead";
import { WAITING_STATES } from "../domain/states";
import { parse } from "../domain/time";
import "../styles/home.css";

export function toStripRun(row: FlowRunRow): StripRun {
  return {
    id: row.id,
    name: row.name,
    flow: row.flow.name,
    state: row.state,
    start: parse(row.start_time),
    end: parse(row.end_time),
    due: parse(row.scheduled_start_time) ?? 0,
  };
}

export function HomePage() {
  const read = useMemo(() => new LiveRead<HomeData>(HOME, { waiting: WAITING_STATES, begun: 120, coming: 40 }), []);
  const agentsRead = useMemo(() => new LiveRead<AgentsData>(AGENTS, {}), []);
  useEffect(() => read.start(), [read]);
  useEffect(() => agentsRead.start(), [agentsRead]);
  useEffect(() => {
    document.title = "Towpath";
  }, []);
  const { data, error } = useCell(read.answer);
  const agents = useCell(agentsRead.answer).data?.agents ?? null;
  const runs = useMemo(() => (data ? [...data.begun, ...data.coming].map(toStripRun) : []), [data]);
  return (
    <main className="home">
      {error && <Problem error={error} />}
      {data && runs.length === 0 && <EmptyHome hasFlows={data.flows.length > 0} />}
      {data && runs.length > 0 && <PulseStrip runs={runs} />}
      {data && (
        <div className="home-columns" data-empty={runs.length === 0 || undefined}>
          {runs.length > 0 && <RunList runs={runs} />}
          {agents && (runs.length > 0 || agents.length > 0) && <Agents agents={agents} />}
        </div>
      )}
    </main>
  );
}
