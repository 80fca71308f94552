/** The flows: each by its newest version, with what its schedule says, when it runs next and how its last runs went. */
import { memo, useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { ApiError } from "../api/errors";
import { useNow, useNowWhile } from "../app/now";
import { flowPath, follow, runPath, setQuery, useQuery } from "../app/router";
import { moveRow, useShortcuts } from "../app/shortcuts";
import { useTitle } from "../app/title";
import { EmptyHome } from "../components/EmptyHome";
import { FilterField } from "../components/FilterField";
import { LastRuns } from "../components/LastRuns";
import { Problem } from "../components/Problem";
import { ScheduleSwitch } from "../components/ScheduleSwitch";
import { useCell } from "../data/cell";
import { FLOWS, type FlowsData, type ListedFlow } from "../data/documents/flows";
import { LiveRead } from "../data/liveRead";
import { newest, successRate } from "../domain/lastRuns";
import { scheduleLine } from "../domain/scheduleWords";
import { isFinal, WAITING_STATES } from "../domain/states";
import { moment, parse, relative } from "../domain/time";
import { counted } from "../domain/words";
import "../styles/flows.css";

const RUNS_SHOWN = 20;
const MOST = 500;
const LATE_MS = 15_000;

/** Flows by project, both by name. */
export function byProject(
  flows: readonly ListedFlow[],
  text: string,
): readonly (readonly [string, readonly ListedFlow[]])[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const groups = new Map<string, ListedFlow[]>();
  for (const flow of flows) {
    const hay = `${flow.name} ${flow.project.name}`.toLowerCase();
    if (!words.every((word) => hay.includes(word))) continue;
    groups.set(flow.project.name, [...(groups.get(flow.project.name) ?? []), flow]);
  }
  const named = (a: string, b: string) => a.localeCompare(b);
  return [...groups]
    .sort(([a], [b]) => named(a, b))
    .map(([project, all]) => [project, all.sort((a, b) => named(a.name, b.name))] as const);
}

export function FlowsPage() {
  const query = useQuery();
  const text = query.get("q") ?? "";
  const archived = query.get("archived") === "1";
  const read = useMemo(() => {
    const where = archived ? {} : { archived: { _eq: false } };
    return new LiveRead<FlowsData>(FLOWS, { where, waiting: WAITING_STATES, limit: MOST, runs: RUNS_SHOWN });
  }, [archived]);
  useEffect(() => read.start(), [read]);
  const reread = useCallback(() => read.read(), [read]);
  useTitle("Flows");
  const { data, error } = useCell(read.answer);
  const [refused, setRefused] = useState<ApiError | null>(null);
  const groups = useMemo(() => byProject(data?.flow ?? [], text), [data, text]);
  const count = groups.reduce((sum, [, flows]) => sum + flows.length, 0);
  const shown = refused ?? error;
  if (data && data.flow.length === 0 && !archived)
    return (
      <main className="page">
        <EmptyHome hasFlows={false} />
        <p className="archived-too">
          <button type="button" className="plain" onClick={() => setQuery({ archived: "1" })}>
            Show archived flows
          </button>
        </p>
      </main>
    );
  return (
    <main className="page">
      <Head text={text} archived={archived} count={data ? count : null} />
      {shown && <Problem error={shown} />}
      <div className="flow-list" role="table" aria-label="Flows">
        <div role="row" tabIndex={-1} className="flow-row flow-cols">
          {["Flow", "Schedule", "Next run", "Last runs", "Succeeded"].map((name) => (
            <span key={name} role="columnheader" tabIndex={-1}>
              {name}
            </span>
          ))}
        </div>
        {groups.map(([project, flows]) => (
          <div role="rowgroup" key={project}>
            {groups.length > 1 && <h2 className="flow-project">{project}</h2>}
            {flows.map((flow) => (
              <FlowLine key={flow.flow_group_id} flow={flow} onError={setRefused} onChanged={reread} />
            ))}
          </div>
        ))}
      </div>
      {data && count === 0 && (
        <p className="nothing">
          No flow matches.{" "}
          <button type="button" className="plain" onClick={() => setQuery({ q: null })}>
            Show all
          </button>
        </p>
      )}
      {data && data.flow.length >= MOST && <p className="faint">Only {counted(MOST, "flow")} are shown.</p>}
    </main>
  );
}

function Head({ text, archived, count }: { text: string; archived: boolean; count: number | null }) {
  const input = useRef<HTMLInputElement>(null);
  useShortcuts(
    useMemo(
      () => ({
        j: () => moveRow(1),
        k: () => moveRow(-1),
        "/": () => input.current?.focus(),
        escape: () => setQuery({ q: null }),
      }),
      [],
    ),
  );
  return (
    <header className="room-head">
      <h1>Flows</h1>
      <p className="faint">{count === null ? "" : count.toLocaleString("en")}</p>
      <div className="families">
        <button type="button" aria-pressed={archived} onClick={() => setQuery({ archived: archived ? null : "1" })}>
          Archived too
        </button>
      </div>
      <FilterField
        label="Filter flows by name or project"
        field={input}
        text={text}
        onText={(next) => setQuery({ q: next }, { replace: true })}
        onEnter={() => moveRow(1)}
        onEscape={() => setQuery({ q: null }, { replace: true })}
      />
    </header>
  );
}

const FlowLine = memo(function FlowLine({
  flow,
  onError,
  onChanged,
}: {
  flow: ListedFlow;
  onError: (error: ApiError | null) => void;
  onChanged: () => Promise<void>;
}) {
  const runs = useMemo(() => newest(flow.flow_group.flows, RUNS_SHOWN), [flow]);
  const rate = successRate(runs);
  const line = scheduleLine(flow.flow_group.schedule ?? flow.schedule);
  return (
    <div
      role="row"
      tabIndex={-1}
      className="flow-row"
      data-flow={flow.flow_group_id}
      data-archived={flow.archived || undefined}
    >
      <span role="cell" className="flow-name">
        <a href={flowPath(flow.flow_group_id)} data-row onClick={follow}>
          {flow.name}
        </a>
        <i>
          v{flow.version}
          {flow.archived && ", archived"}
        </i>
      </span>
      <span role="cell" className="flow-schedule" data-off={(line !== null && !flow.is_schedule_active) || undefined}>
        {line === null ? (
          <span className="faint">By hand</span>
        ) : (
          <>
            {!flow.archived && (
              <ScheduleSwitch
                flowId={flow.id}
                name={flow.name}
                on={flow.is_schedule_active}
                onError={onError}
                onChanged={onChanged}
              />
            )}
            <span title={line}>{line}</span>
          </>
        )}
      </span>
      <span role="cell" className="flow-next">
        <Next flow={flow} scheduled={line !== null && flow.is_schedule_active && !flow.archived} />
      </span>
      <span role="cell">
        <Strip runs={runs} />
      </span>
      <span role="cell" className="num flow-rate" data-bad={(rate !== null && rate.succeeded < rate.of) || undefined}>
        {rate === null ? (
          <span className="faint">–</span>
        ) : (
          <>
            {Math.floor((rate.succeeded / rate.of) * 100)} %<i> of {rate.of}</i>
          </>
        )}
      </span>
    </div>
  );
});

/** Ticks only while a run goes on. */
function Strip({ runs }: { runs: ReturnType<typeof newest> }) {
  return <LastRuns runs={runs} now={useNowWhile(runs.some((run) => !isFinal(run.state))) ?? 0} />;
}

function Next({ flow, scheduled }: { flow: ListedFlow; scheduled: boolean }) {
  const now = useNow();
  const next = flow.next[0];
  if (!next) {
    if (!scheduled) return <span className="faint">–</span>;
    return (
      <span
        className="late"
        title="The schedule is on, but no run is ahead: it never fires again, or the scheduler is away."
      >
        none ahead
      </span>
    );
  }
  const due = parse(next.scheduled_start_time) ?? now;
  const late = due < now - LATE_MS;
  return (
    <a href={runPath(next.id)} onClick={follow} className={late ? "late" : undefined} title={moment(due, now)}>
      {late && "was due "}
      {relative(due, now)} {!late && <i>{moment(due, now)}</i>}
    </a>
  );
}
