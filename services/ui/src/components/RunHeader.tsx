/** Who the run is, how it stands, how far it has come, and what can be done with it. */
import { useEffect, useMemo } from "react";
import { useNow } from "../app/now";
import { flowPath, follow, runPath } from "../app/router";
import { useCell } from "../data/cell";
import { AGENTS, type AgentsData } from "../data/documents/agents";
import type { RelatedRun, RunRow } from "../data/documents/run";
import { LiveRead } from "../data/liveRead";
import type { TaskRun, TaskView } from "../data/taskStore";
import type { Selection } from "../domain/selection";
import type { Serving } from "../domain/serving";
import { familyOf, isFinal } from "../domain/states";
import { duration, elapsed, moment, parse, relative } from "../domain/time";
import { whyNot } from "../domain/waiting";
import { Glyph, StateChip } from "./Glyph";
import { RunActions } from "./RunActions";
import { RunName } from "./RunName";

interface Props {
  readonly run: RunRow;
  readonly tasks: TaskView;
  readonly onSelect: (selection: Selection) => void;
  /** Reads the run again. */
  readonly onChanged: () => Promise<void>;
}

export function RunHeader({ run, tasks, onSelect, onChanged }: Props) {
  return (
    <header className="run-head">
      <div className="run-title">
        <h1>
          <a href={flowPath(run.flow.flow_group_id)} onClick={follow} title="The flow">
            {run.flow.name}
          </a>{" "}
          <RunName id={run.id} name={run.name} onChanged={onChanged} />
        </h1>
        <StateChip state={run.state} />
        <RunActions id={run.id} state={run.state} version={run.version} name={`${run.flow.name} · ${run.name}`} />
      </div>
      <Facts run={run} />
      <Reason run={run} />
      {familyOf(run.state) === "failed" && <Culprits tasks={tasks} onSelect={onSelect} />}
      <Progress view={tasks} state={run.state} />
    </header>
  );
}

/** Parameters shown in the head; all of them are among the details. */
const FEW = 5;

function Facts({ run }: { run: RunRow }) {
  const now = useNow();
  const start = parse(run.start_time);
  const due = parse(run.scheduled_start_time) ?? now;
  const took = elapsed(start, parse(run.end_time), now);
  const late = start !== null && start - due > 5_000 ? start - due : null;
  const parameters = Object.entries(run.parameters);
  const few = parameters.slice(0, FEW);
  return (
    <dl className="facts">
      {start === null ? (
        <div>
          <dt>Due</dt>
          <dd>
            {relative(due, now)}, {moment(due, now)}
          </dd>
        </div>
      ) : (
        <div>
          <dt>Start</dt>
          <dd>
            {moment(start, now)}
            {late !== null && run.attempt === 1 && <span className="faint"> {duration(late)} after due</span>}
          </dd>
        </div>
      )}
      {took !== null && (
        <div>
          <dt>Duration</dt>
          <dd className="ticking">{duration(took)}</dd>
        </div>
      )}
      <div>
        <dt>Version</dt>
        <dd>{run.flow.version}</dd>
      </div>
      {run.attempt > 1 && (
        <div>
          <dt>Attempt</dt>
          <dd>{run.attempt}</dd>
        </div>
      )}
      {run.times_resurrected > 0 && (
        <div>
          <dt>Lives used</dt>
          <dd>{run.times_resurrected}</dd>
        </div>
      )}
      {run.agent && (
        <div>
          <dt>Agent</dt>
          <dd>{run.agent.name}</dd>
        </div>
      )}
      {run.labels.length > 0 && (
        <div>
          <dt>Labels</dt>
          <dd>{run.labels.join(" · ")}</dd>
        </div>
      )}
      {few.map(([name, value]) => {
        const text = JSON.stringify(value);
        return (
          <div key={name} className="parameter" title={text}>
            <dt>{name}</dt>
            <dd>{text}</dd>
          </div>
        );
      })}
      {parameters.length > FEW && (
        <div>
          <dd className="faint">{parameters.length - FEW} more parameters</dd>
        </div>
      )}
      {run.parent && <Relations title="Created by" runs={[run.parent]} />}
      {run.children.length > 0 && <Relations title="Created" runs={run.children} />}
    </dl>
  );
}

/** A sentence on why the run does not go on, or ended as it did; empty where its state says it all. */
export function reasonOf(run: RunRow, agents: readonly Serving[] | null, now: number): string {
  const family = familyOf(run.state);
  if (family === "failed" || family === "cancelled") return run.state_message ?? "";
  return whyNot(run, agents, now);
}

/** A run that is neither waiting nor being started has no use for the agents, whose rows change every few seconds. */
function Reason({ run }: { run: RunRow }) {
  const waits = familyOf(run.state) === "waiting" && run.waiting_for === null;
  return waits ? <Waiting run={run} /> : <Said run={run} agents={null} />;
}

function Waiting({ run }: { run: RunRow }) {
  const read = useMemo(() => new LiveRead<AgentsData>(AGENTS, {}), []);
  useEffect(() => read.start(), [read]);
  const agents = useCell(read.answer).data?.agents ?? null;
  return <Said run={run} agents={agents} />;
}

function Said({ run, agents }: { run: RunRow; agents: readonly Serving[] | null }) {
  const now = useNow();
  const family = familyOf(run.state);
  const text = reasonOf(run, agents, now);
  return text === "" ? null : (
    <p className="reason" data-family={family}>
      {text}
    </p>
  );
}

/** The tasks that failed by themselves, first to fail first: what came after them only followed. */
function Culprits({ tasks, onSelect }: { tasks: TaskView; onSelect: (selection: Selection) => void }) {
  const failed = useMemo(() => culprits(tasks.groups), [tasks.groups]);
  if (failed.length === 0) return null;
  return (
    <ul className="culprits">
      {failed.slice(0, 2).map((run) => (
        <li key={run.id}>
          <button
            type="button"
            onClick={() => onSelect({ taskId: run.taskId, mapIndex: run.mapIndex < 0 ? null : run.mapIndex })}
          >
            <Glyph state={run.state} size={11} /> <b>{run.label}</b> <span>{run.message}</span>
          </button>
        </li>
      ))}
      {failed.length > 2 && <li className="faint">and {(failed.length - 2).toLocaleString("en")} more</li>}
    </ul>
  );
}

/** Runs of other flows that belong to this one; the first few of many. */
function Relations({ title, runs }: { title: string; runs: readonly RelatedRun[] }) {
  return (
    <div className="relations">
      <dt>{title}</dt>
      <dd>
        {runs.slice(0, 3).map((r) => (
          <a key={r.id} href={runPath(r.id)} onClick={follow}>
            <Glyph state={r.state} size={10} /> {r.flow.name} {r.name}
          </a>
        ))}
        {runs.length > 3 && <span className="faint">and {runs.length - 3} more</span>}
      </dd>
    </div>
  );
}

export function culprits(groups: TaskView["groups"]): (TaskRun & { readonly label: string })[] {
  const found: (TaskRun & { readonly label: string })[] = [];
  for (const group of groups) {
    const name = group.task.name ?? group.task.slug;
    const runs = group.children.length > 0 ? group.children : group.self ? [group.self] : [];
    for (const run of runs)
      if (familyOf(run.state) === "failed" && run.state !== "TriggerFailed")
        found.push({ ...run, label: run.mapIndex < 0 ? name : `${name} #${run.mapIndex}` });
  }
  return found.sort((a, b) => (a.end ?? 0) - (b.end ?? 0));
}

function Progress({ view, state }: { view: TaskView; state: string }) {
  if (view.total === 0) return <div key="unknown" className="tow" />;
  const share = view.ended / view.total;
  const failed = view.families.failed;
  return (
    <div key="known" className="tow" data-family={familyOf(state)} style={{ "--p": share } as React.CSSProperties}>
      <progress max={view.total} value={view.ended} aria-label="Task runs that have ended" />
      <p>
        <span>
          <b data-ended={view.ended}>{view.ended.toLocaleString("en")}</b> of {view.total.toLocaleString("en")} task
          runs ended
        </span>
        {view.families.running > 0 && !isFinal(state) && (
          <span>{view.families.running.toLocaleString("en")} running</span>
        )}
        {failed > 0 && <span className="bad">{failed.toLocaleString("en")} failed</span>}
      </p>
    </div>
  );
}
