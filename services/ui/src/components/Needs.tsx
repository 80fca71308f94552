/** What needs a person: failures, approvals, late runs, schedules that made no run, agents and services that are gone. Each with what to do. */
import { type ReactNode, useState } from "react";
import { asApiError } from "../api/errors";
import { request } from "../api/http";
import { useNow } from "../app/now";
import { agentPath, flowPath, follow, runPath } from "../app/router";
import { restartRun } from "../data/acts";
import { useCell } from "../data/cell";
import type { AgentRow } from "../data/documents/agents";
import type { FlowRunRow } from "../data/documents/flowRunRow";
import { type FailedRun, type NeedsData, RESUME } from "../data/documents/home";
import type { HealthRead } from "../data/health";
import { type Failure, failures, type Late, lateRuns, vanished } from "../domain/needs";
import { labelWords, startCommand } from "../domain/serving";
import { duration, moment, parse, relative } from "../domain/time";
import { counted } from "../domain/words";
import { Command } from "./Command";
import { Glyph } from "./Glyph";
import { Question } from "./Question";

interface Props {
  readonly needs: NeedsData;
  readonly begun: readonly FlowRunRow[];
  readonly agents: readonly AgentRow[];
  readonly health: HealthRead;
}

/** Of each sort at most so many, so that what runs stays in sight. */
const SHOWN = 5;

export function Needs({ needs, begun, agents, health }: Props) {
  const now = useNow();
  const services = useCell(health.view);
  const down = Array.isArray(services) ? services.filter((service) => !service.ready) : [];
  const failed = failures(needs.failed, begun);
  const late = lateRuns(needs.offered, agents, now);
  const gone = vanished(agents, now);
  const count =
    down.length + failed.length + needs.paused.length + needs.holding.length + late.length + needs.idle.length;
  return (
    <section className="needs" aria-label="What needs you">
      <h2>
        Needs you <b>{count === 0 ? "nothing" : count}</b>
      </h2>
      <ul>
        {down.map((service) => (
          <Item key={service.name} state="Failed" kind="service">
            <b>The {service.name} service is not ready.</b>
            <small>{service.reasons.join("; ")}</small>
          </Item>
        ))}
        {needs.paused.map((run) => (
          <Approval key={run.id} run={run} since={run.state_timestamp} message={run.state_message} now={now} />
        ))}
        {needs.holding.flatMap((run) =>
          run.task_runs.map((task) => (
            <Approval
              key={task.id}
              run={run}
              task={{
                id: task.id,
                name: `${task.task.name ?? task.task.slug}${task.map_index < 0 ? "" : ` #${task.map_index}`}`,
                version: task.version,
              }}
              since={null}
              message={task.state_message}
              now={now}
            />
          )),
        )}
        {failed.slice(0, SHOWN).map((failure) => (
          <FailedItem key={failure.run.id} failure={failure} now={now} />
        ))}
        {failed.length > SHOWN && (
          <Item state="Failed" kind="more">
            <a href="/runs?state=failed&range=24h" onClick={follow}>
              {counted(failed.length - SHOWN, "other flow has", "other flows have")} failed runs
            </a>
          </Item>
        )}
        {late.slice(0, SHOWN).map((each) => (
          <LateItem key={each.first.id} late={each} now={now} />
        ))}
        {late.length > SHOWN && (
          <Item state="Scheduled" kind="more">
            <a href="/agents" onClick={follow}>
              {counted(late.length - SHOWN, "other kind of run is", "other kinds of run are")} late
            </a>
          </Item>
        )}
        {needs.idle.map((flow) => (
          <Item key={flow.id} state="Scheduled" kind="schedule">
            <a href={flowPath(flow.flow_group_id)} onClick={follow}>
              <b>{flow.name}</b>
            </a>{" "}
            has its schedule on, and no run is ahead.
            <small>The schedule never fires again or cannot be read, or the scheduler is away.</small>
          </Item>
        ))}
        {gone.map((agent) => (
          <Item key={agent.id} kind="agent">
            The agent{" "}
            <a href={agentPath(agent.id)} onClick={follow}>
              <b>{agent.name}</b>
            </a>{" "}
            has been silent since {moment(parse(agent.last_queried) ?? now, now)}.
          </Item>
        ))}
      </ul>
    </section>
  );
}

interface ItemProps {
  /** Whose glyph stands in front; without it the mark of somebody who is gone. */
  readonly state?: string;
  readonly kind: string;
  readonly action?: ReactNode;
  readonly children: ReactNode;
}

function Item({ state, kind, action, children }: ItemProps) {
  return (
    <li data-need={kind} data-faint={!state || undefined}>
      {state ? <Glyph state={state} /> : <span className="alive" data-gone />}
      <div>{children}</div>
      {action}
    </li>
  );
}

function RunName({ run }: { run: FlowRunRow }) {
  return (
    <a href={runPath(run.id)} onClick={follow}>
      <b>{run.flow.name}</b> {run.name}
    </a>
  );
}

function FailedItem({ failure: { run, times }, now }: { failure: Failure<FailedRun>; now: number }) {
  const [asked, setAsked] = useState(false);
  const at = parse(run.state_timestamp) ?? now;
  const word = run.state === "Failed" ? "failed" : `ended ${run.state}`;
  return (
    <Item
      state={run.state}
      kind="failed"
      action={
        <button type="button" className="button small" data-action="restart" onClick={() => setAsked(true)}>
          Restart…
        </button>
      }
    >
      <RunName run={run} /> {word} {relative(at, now)}
      {times > 1 && <span className="faint">, {times} times within a day</span>}
      {run.state_message && <small title={run.state_message}>{run.state_message}</small>}
      {asked && (
        <Question
          title="Restart this run?"
          what="restart"
          yes="Restart the run"
          no="Leave it"
          onYes={() => restartRun(run.id)}
          onClose={() => setAsked(false)}
        >
          <p className="ask-name">
            {run.flow.name} · {run.name}
          </p>
          <p>A new attempt begins as soon as an agent takes it. Tasks that have succeeded are not run again.</p>
        </Question>
      )}
    </Item>
  );
}

interface ApprovalProps {
  readonly run: FlowRunRow;
  readonly task?: { readonly id: string; readonly name: string; readonly version: number };
  readonly since: string | null;
  readonly message: string | null;
  readonly now: number;
}

function Approval({ run, task, since, message, now }: ApprovalProps) {
  const [asked, setAsked] = useState(false);
  const resume = async () => {
    const target = task
      ? { task_run_id: task.id, version: task.version }
      : { flow_run_id: run.id, version: run.version };
    const { set_states: said } = await request<{
      set_states: { results: readonly { status: string; message?: string | null; code?: string | null }[] };
    }>(RESUME, { states: [{ ...target, state: { type: "Resume", message: "Approved on the page." } }] });
    const refused = said.results.find((result) => result.status === "ERROR");
    if (refused)
      throw asApiError([{ message: refused.message ?? "The server refused.", extensions: { code: refused.code } }]);
  };
  return (
    <Item
      state="Paused"
      kind="paused"
      action={
        <button type="button" className="button small" data-action="approve" onClick={() => setAsked(true)}>
          Approve…
        </button>
      }
    >
      <RunName run={run} /> {task ? `waits for approval at ${task.name}` : "waits for approval"}
      {since && ` since ${moment(parse(since) ?? now, now)}`}
      {message && <small title={message}>{message}</small>}
      {asked && (
        <Question
          title="Let it go on?"
          what="approve"
          yes="Approve"
          no="Not yet"
          onYes={resume}
          onClose={() => setAsked(false)}
        >
          <p className="ask-name">
            {run.flow.name} · {run.name}
            {task && ` · ${task.name}`}
          </p>
          <p>
            What waits is run as soon as an agent or its process takes it. That cannot be taken back, but the run can be
            cancelled.
          </p>
        </Question>
      )}
    </Item>
  );
}

function LateItem({ late: { first, count, why }, now }: { late: Late<NeedsData["offered"][number]>; now: number }) {
  const command = startCommand(first);
  const by = duration(Math.max(0, now - (parse(first.due_at) ?? now)));
  return (
    <Item state="Scheduled" kind="late">
      <RunName run={first} /> {count > 1 && `and ${counted(count - 1, "other run")} with ${labelWords(first.labels)} `}
      {count > 1 ? "are" : "is"} late by {by}.
      <small>{why ?? "An agent that is alive could take it, and has not yet."}</small>
      {why !== null && command && <Command text={command} />}
    </Item>
  );
}
