/** Home: what needs somebody, what runs, what comes, what has been; who is there to run it, and how the services are. */
import { useEffect, useMemo } from "react";
import { serverNow } from "../api/clock";
import { Agents } from "../components/Agents";
import { EmptyHome } from "../components/EmptyHome";
import { Needs } from "../components/Needs";
import { Problem } from "../components/Problem";
import { PulseStrip, type StripRun } from "../components/PulseStrip";
import { RunList } from "../components/RunList";
import { Services } from "../components/Services";
import { Today } from "../components/Today";
import { useCell } from "../data/cell";
import { AGENTS, type AgentsData } from "../data/documents/agents";
import type { FlowRunRow } from "../data/documents/flowRunRow";
import { HOME, type HomeData, NEEDS, type NeedsData } from "../data/documents/home";
import { HealthRead } from "../data/health";
import { LiveRead } from "../data/liveRead";
import { familyOf, isFinal, STATE_NAMES, WAITING_STATES } from "../domain/states";
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

const SINCE_MS = 24 * 3_600_000;
const OPEN_STATES = STATE_NAMES.filter((name) => !isFinal(name) && familyOf(name) !== "failed");
const FAILED_STATES = STATE_NAMES.filter((name) => familyOf(name) === "failed" && isFinal(name));

function useReads() {
  const reads = useMemo(
    () => ({
      home: new LiveRead<HomeData>(HOME, { waiting: WAITING_STATES, begun: 120, coming: 40 }),
      agents: new LiveRead<AgentsData>(AGENTS, {}),
      needs: new LiveRead<NeedsData>(NEEDS, {
        failed: FAILED_STATES,
        waiting: WAITING_STATES,
        open: OPEN_STATES,
        since: new Date(serverNow() - SINCE_MS).toISOString(),
      }),
      health: new HealthRead(),
    }),
    [],
  );
  useEffect(() => {
    const ends = [reads.home.start(), reads.agents.start(), reads.needs.start(), reads.health.start()];
    return () => {
      for (const end of ends) end();
    };
  }, [reads]);
  return reads;
}

export function HomePage() {
  const reads = useReads();
  useEffect(() => {
    document.title = "Towpath";
  }, []);
  const { data, error } = useCell(reads.home.answer);
  const needs = useCell(reads.needs.answer);
  const agentsRead = useCell(reads.agents.answer);
  const agents = agentsRead.data?.agents ?? null;
  const runs = useMemo(() => (data ? [...data.begun, ...data.coming].map(toStripRun) : []), [data]);
  const shown = error ?? needs.error ?? agentsRead.error;
  const busy = runs.length > 0;
  return (
    <main className="home" aria-busy={!data && !error ? true : undefined}>
      {shown && <Problem error={shown} />}
      {data && !busy && <EmptyHome hasFlows={data.flows.length > 0} />}
      {data && busy && (
        <>
          <Today changed={data} />
          <PulseStrip runs={runs} />
        </>
      )}
      {data && (
        <div className="home-columns" data-empty={!busy || undefined}>
          {busy && (
            <div>
              {needs.data && agents && (
                <Needs needs={needs.data} begun={data.begun} agents={agents} health={reads.health} />
              )}
              <RunList runs={runs} />
            </div>
          )}
          {agents && (busy || agents.length > 0) && (
            <div className="home-side">
              <Agents agents={agents} />
              <Services health={reads.health} />
            </div>
          )}
        </div>
      )}
    </main>
  );
}
