/** One agent: whether it is alive, what it serves, what it runs, has run, and could run. */
import { type ReactNode, useEffect, useMemo, useState } from "react";
import { useNow } from "../app/now";
import { follow, navigate, runPath } from "../app/router";
import { moveRow, useShortcuts } from "../app/shortcuts";
import { useTitle } from "../app/title";
import { Command } from "../components/Command";
import { StateChip } from "../components/Glyph";
import { NotThere } from "../components/NotThere";
import { Problem } from "../components/Problem";
import { Question } from "../components/Question";
import { act } from "../data/acts";
import { useCell } from "../data/cell";
import {
  AGENT_BY_ID,
  type AgentData,
  type AgentRow,
  FORGET_AGENT,
  OFFERED,
  type OfferedData,
} from "../data/documents/agents";
import type { FlowRunRow } from "../data/documents/flowRunRow";
import { LiveRead } from "../data/liveRead";
import { couldRun, isAlive, labelWords, startCommand } from "../domain/serving";
import { familyOf } from "../domain/states";
import { duration, elapsed, moment, parse, relative } from "../domain/time";
import { listed } from "../domain/words";
import "../styles/agents.css";

const OFFERED_SHOWN = 15;

export function AgentPage({ id }: { id: string }) {
  const read = useMemo(() => new LiveRead<AgentData>(AGENT_BY_ID, { id }), [id]);
  useEffect(() => read.start(), [read]);
  const { data, error } = useCell(read.answer);
  const agent = data?.agents[0];
  useTitle(agent?.name ?? "Agent");
  useShortcuts(useMemo(() => ({ j: () => moveRow(1), k: () => moveRow(-1) }), []));
  return (
    <main className="page agent-page">
      {error && <Problem error={error} />}
      {agent && data && (
        <>
          <Head agent={agent} />
          <div className="agent-columns">
            <div>
              <Runs title="Runs now" runs={agent.holds} none="It runs nothing at the moment." />
              <Runs title="Has run" runs={data.recent} none="It has run nothing yet." />
            </div>
            <CouldRun agent={agent} />
          </div>
        </>
      )}
      {data && !agent && (
        <NotThere title="There is no such agent." to="/agents" name="All agents">
          It may have been forgotten: an agent that registers again under another name or with other labels is another
          one.
        </NotThere>
      )}
    </main>
  );
}

function Head({ agent }: { agent: AgentRow }) {
  const now = useNow();
  const [asked, setAsked] = useState(false);
  const alive = isAlive(agent, now);
  const seen = parse(agent.last_queried) ?? now;
  const forget = async () => {
    await act(FORGET_AGENT, { id: agent.id }, "The server kept the agent.");
    navigate("/agents");
  };
  const facts: readonly (readonly [string, ReactNode])[] = [
    ["Type", agent.type],
    ["Labels", agent.labels.length > 0 ? agent.labels.join(" · ") : "none"],
    ["Starts", agent.run_config_types.length > 0 ? agent.run_config_types.join(" · ") : "any run config"],
    ["Version", agent.core_version || "unknown"],
    ["Last asked for work", `${relative(seen, now)}, ${moment(seen, now)}`],
    ["Known since", moment(parse(agent.created) ?? now, now)],
    ...(agent.address ? ([["Address", agent.address]] as const) : []),
  ];
  return (
    <header className="agent-head">
      <div className="room-head">
        <span className="alive" data-gone={!alive || undefined} />
        <h1>{agent.name}</h1>
        <p data-alive={alive}>{alive ? "alive" : `silent since ${moment(seen, now)}`}</p>
        {!alive && (
          <button type="button" className="button" data-action="forget" onClick={() => setAsked(true)}>
            Forget…
          </button>
        )}
      </div>
      <dl className="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {!alive && (
        <div className="silent-note">
          <p>
            It takes no runs until it is started again
            {agent.holds.length > 0 && "; what it held is given to another one as soon as its lease has ended"}.
          </p>
          <Command text={startCommand({ labels: agent.labels, run_config_type: "UniversalRun" }) ?? ""} />
        </div>
      )}
      {asked && (
        <Question
          title={`Forget ${agent.name}?`}
          what="forget"
          yes="Forget it"
          no="Keep it"
          danger
          onYes={forget}
          onClose={() => setAsked(false)}
        >
          <p>Its runs stay, without its name. When it is started again it registers again.</p>
        </Question>
      )}
    </header>
  );
}

function Runs({ title, runs, none }: { title: string; runs: readonly FlowRunRow[]; none: string }) {
  return (
    <section className="agent-runs" aria-label={title}>
      <h2>{title}</h2>
      {runs.length === 0 ? (
        <p className="faint">{none}</p>
      ) : (
        <ul>
          {runs.map((run) => (
            <RunLine key={run.id} run={run} />
          ))}
        </ul>
      )}
    </section>
  );
}

function RunLine({ run }: { run: FlowRunRow }) {
  const now = useNow();
  const start = parse(run.start_time);
  const due = parse(run.scheduled_start_time) ?? now;
  const took = elapsed(start, parse(run.end_time), now);
  return (
    <li data-run={run.id}>
      <StateChip state={run.state} />
      <a href={runPath(run.id)} data-row onClick={follow}>
        {run.flow.name} <span>{run.name}</span>
      </a>
      <span className="num">{familyOf(run.state) === "waiting" ? relative(due, now) : moment(start ?? due, now)}</span>
      <span className="num">{took === null ? "" : duration(took)}</span>
    </li>
  );
}

function CouldRun({ agent }: { agent: AgentRow }) {
  const now = useNow();
  const key = JSON.stringify(couldRun(agent));
  const read = useMemo(
    () => new LiveRead<OfferedData>(OFFERED, { where: JSON.parse(key), limit: OFFERED_SHOWN }),
    [key],
  );
  useEffect(() => read.start(), [read]);
  const { data, error } = useCell(read.answer);
  const count = data?.count.aggregate.count ?? 0;
  const types = agent.run_config_types.length > 0 ? ` as ${listed(agent.run_config_types, "or")}` : "";
  return (
    <section className="could-run" aria-label="Could run">
      <h2>Could run {data && <b>{count.toLocaleString("en")}</b>}</h2>
      {error && <Problem error={error} />}
      <p className="faint">
        Offered runs with{" "}
        {agent.labels.length === 0
          ? "no labels"
          : agent.labels.length === 1
            ? labelWords(agent.labels)
            : `one or more of ${labelWords(agent.labels)}, and no other`}
        {types}.
      </p>
      <ul>
        {data?.offered.map((run) => {
          const due = parse(run.due_at) ?? now;
          return (
            <li key={run.id}>
              <a href={runPath(run.id)} data-row onClick={follow}>
                {run.flow.name}
              </a>
              <i>{run.labels.join(" · ")}</i>
              <span className="num" title={moment(due, now)}>
                {relative(due, now)}
              </span>
            </li>
          );
        })}
      </ul>
      {data && count > data.offered.length && (
        <p className="faint">and {(count - data.offered.length).toLocaleString("en")} more</p>
      )}
    </section>
  );
}
