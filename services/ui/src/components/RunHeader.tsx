/** Who the run is, how it stands, how far it has come, and what can be done with it. */
import { useNow } from "../app/now";
import { follow } from "../app/router";
import type { RunRow } from "../data/documents/run";
import type { TaskView } from "../data/taskStore";
import { familyOf, isFinal } from "../domain/states";
import { duration, elapsed, moment, parse, relative } from "../domain/time";
import { StateChip } from "./Glyph";
import { RunActions } from "./RunActions";

export function RunHeader({ run, tasks }: { run: RunRow; tasks: TaskView }) {
  return (
    <header className="run-head">
      <div className="run-title">
        <a href="/" onClick={follow} className="up" aria-label="All runs">
          Runs
        </a>
        <h1>
          {run.flow.name} <span>{run.name}</span>
        </h1>
        <StateChip state={run.state} />
        <RunActions id={run.id} state={run.state} version={run.version} name={`${run.flow.name} · ${run.name}`} />
      </div>
      <Facts run={run} />
      <Reason run={run} />
      <Progress view={tasks} state={run.state} />
    </header>
  );
}

function Facts({ run }: { run: RunRow }) {
  const now = useNow();
  const start = parse(run.start_time);
  const due = parse(run.scheduled_start_time) ?? now;
  const took = elapsed(start, parse(run.end_time), now);
  const late = start !== null && start - due > 5_000 ? start - due : null;
  const parameters = Object.entries(run.parameters);
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
      {parameters.map(([name, value]) => {
        const text = JSON.stringify(value);
        return (
          <div key={name} className="parameter" title={text}>
            <dt>{name}</dt>
            <dd>{text}</dd>
          </div>
        );
      })}
    </dl>
  );
}

const LATE_MS = 15_000;

/** A sentence on why the run does not go on, or ended as it did; empty where its state says it all. */
export function reasonOf(run: RunRow, now: number): string {
  const family = familyOf(run.state);
  if (run.waiting_for) return `Waits for ${run.waiting_for}.`;
  if (family === "failed" || family === "cancelled") return run.state_message ?? "";
  if (family !== "waiting") return "";
  if (run.state !== "Scheduled" && run.state !== "Pending") return run.state_message ?? "";
  const due = parse(run.scheduled_start_time) ?? now;
  if (now - due < LATE_MS) return "";
  const flags = run.labels.map((l) => ` --label ${l}`).join("");
  const asks = run.labels.length > 0 ? `an agent with the labels ${run.labels.join(", ")}` : "an agent without labels";
  return `Was due ${relative(due, now)}, and no agent has taken it. It asks for ${asks}: towpath agent local start${flags}`;
}

/** Why the run stands as it does, when that is not plain from its state. */
function Reason({ run }: { run: RunRow }) {
  const now = useNow();
  const family = familyOf(run.state);
  const text = reasonOf(run, now);
  return text === "" ? null : (
    <p className="reason" data-family={family}>
      {text}
    </p>
  );
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
