/** One task run: how it stands and came to stand, what it was given and gives on, its neighbours, its error in words, its log. */
import { useCallback, useEffect, useMemo, useState } from "react";
import { request } from "../api/http";
import { useLogFilter } from "../app/logFilter";
import { useNow } from "../app/now";
import { follow, navigate, runPath, taskRunPath } from "../app/router";
import { useShortcuts } from "../app/shortcuts";
import { useTitle } from "../app/title";
import { Glyph, StateChip } from "../components/Glyph";
import { LogPanel } from "../components/LogPanel";
import { NotThere } from "../components/NotThere";
import { type Pair, Pairs } from "../components/Pairs";
import { Problem } from "../components/Problem";
import { Artifact, StateTable } from "../components/RunDetails";
import { TracebackView } from "../components/TracebackView";
import { useCell } from "../data/cell";
import {
  NEAR,
  type NearData,
  type NearRun,
  type NearTask,
  type OneTaskRunRow,
  TASK_RUN,
  type TaskRunData,
} from "../data/documents/taskRun";
import { LiveRead } from "../data/liveRead";
import { TaskLog } from "../data/taskLog";
import { familyOf, isFinal } from "../domain/states";
import { duration, elapsed, moment, parse, relative } from "../domain/time";
import { parseTraceback } from "../domain/traceback";

/** Children shown to either side. */
const BESIDE = 12;

export function TaskRunPage({ id }: { id: string }) {
  const read = useMemo(() => new LiveRead<TaskRunData>(TASK_RUN, { id }), [id]);
  useEffect(() => read.start(), [read]);
  const { data, error } = useCell(read.answer);
  const taskRun = data?.task_run[0];
  const name = taskRun ? nameOf(taskRun) : "Task run";
  useTitle(`${taskRun ? `${taskRun.state} · ` : ""}${name}`);
  return (
    <main className="run task-run" aria-busy={data === null}>
      {error && <Problem error={error} />}
      {taskRun && <Room taskRun={taskRun} name={name} />}
      {data && !taskRun && <NotThere title="There is no such task run." />}
    </main>
  );
}

function nameOf(taskRun: OneTaskRunRow): string {
  const task = taskRun.task.name ?? taskRun.task.slug;
  return taskRun.map_index >= 0 ? `${task} #${taskRun.map_index}` : task;
}

function Room({ taskRun, name }: { taskRun: OneTaskRunRow; name: string }) {
  const { flow_run: run } = taskRun;
  const live = !isFinal(run.state);
  const log = useMemo(() => new TaskLog(taskRun.id, run.id), [taskRun.id, run.id]);
  useEffect(() => log.start(live), [log, live]);
  const lines = useCell(log.view);
  const logError = useCell(log.error);
  const near = useNear(taskRun);
  const back = `${runPath(run.id)}?task=${encodeURIComponent(taskRun.task.slug)}${taskRun.map_index >= 0 ? `&child=${taskRun.map_index}` : ""}`;
  useShortcuts(useMemo(() => ({ u: () => navigate(back) }), [back]));
  const traceback = useMemo(() => {
    if (familyOf(taskRun.state) !== "failed" && taskRun.state !== "Retrying") return null;
    for (let i = lines.lines.length - 1; i >= 0; i -= 1) {
      const found = parseTraceback(lines.lines[i]?.message ?? "");
      if (found) return found;
    }
    return null;
  }, [lines.lines, taskRun.state]);
  return (
    <>
      <header className="run-head">
        <div className="run-title">
          <a href={back} onClick={follow} className="up" aria-keyshortcuts="u">
            {run.flow.name} {run.name}
          </a>
          <h1>{name}</h1>
          <StateChip state={taskRun.state} />
        </div>
        <Facts taskRun={taskRun} />
        {taskRun.state_message && familyOf(taskRun.state) !== "success" && (
          <p className="reason" data-family={familyOf(taskRun.state)}>
            {taskRun.state_message}
            <RetryAt taskRun={taskRun} />
          </p>
        )}
      </header>
      {logError && <Problem error={logError} />}
      <div className="panes" data-tab="task-run">
        <div className="task-pane">
          <div className="details" tabIndex={0}>
            {traceback && <TracebackView traceback={traceback} />}
            <section>
              <h2>States</h2>
              <StateTable states={taskRun.states} />
            </section>
            <Neighbours taskRun={taskRun} near={near} />
            <More taskRun={taskRun} />
          </div>
        </div>
        <Log view={lines} running={live} name={name} />
      </div>
    </>
  );
}

/** What lies around it; read again when its state or that of its run changes, since they move together. */
function useNear(taskRun: OneTaskRunRow): NearData {
  const [found, setFound] = useState<NearData>({ near: [], siblings: [] });
  const { id: run, state: runState } = taskRun.flow_run;
  const { task, map_index: index, version } = taskRun;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the states stand for what may have changed around it
  useEffect(() => {
    const stop = new AbortController();
    const tasks = [
      ...task.upstream_edges.map((e) => e.upstream_task.id),
      ...task.downstream_edges.map((e) => e.downstream_task.id),
    ];
    const [least, most] = index >= 0 ? [index - BESIDE, index + BESIDE] : [0, BESIDE * 2];
    request<NearData>(
      NEAR,
      { run, tasks, task: task.id, indexes: index >= 0 ? [-1, index] : [-1], least: Math.max(0, least), most },
      stop.signal,
    )
      .then(setFound)
      .catch(() => {});
    return () => stop.abort();
  }, [run, runState, task.id, index, version]);
  return found;
}

function Facts({ taskRun }: { taskRun: OneTaskRunRow }) {
  const now = useNow();
  const start = parse(taskRun.start_time);
  const took = elapsed(start, parse(taskRun.end_time), now);
  return (
    <dl className="facts">
      {start !== null && <Fact name="Start" value={moment(start, now)} />}
      {took !== null && <Fact name="Duration" value={duration(took)} />}
      {(taskRun.attempt > 1 || taskRun.task.max_retries > 0) && (
        <Fact name="Attempt" value={`${taskRun.attempt} of at most ${taskRun.task.max_retries + 1}`} />
      )}
      {taskRun.n_map_states !== null && <Fact name="Children" value={taskRun.n_map_states.toLocaleString("en")} />}
      {taskRun.state_result?.location && <Fact name="Result" value={taskRun.state_result.location} />}
    </dl>
  );
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div title={value}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function RetryAt({ taskRun }: { taskRun: OneTaskRunRow }) {
  const now = useNow();
  const at = parse(taskRun.state_start_time);
  return taskRun.state === "Retrying" && at !== null
    ? ` Tried again ${relative(at, now)}, at ${moment(at, now)}.`
    : null;
}

function Neighbours({ taskRun, near }: { taskRun: OneTaskRunRow; near: NearData }) {
  const { task } = taskRun;
  const runOf = (id: string) => {
    const found = near.near.filter((r) => r.task_id === id);
    return found.find((r) => r.map_index === taskRun.map_index) ?? found.find((r) => r.map_index < 0);
  };
  const ups = task.upstream_edges.map((e) => ({ ...e, to: e.upstream_task }));
  const downs = task.downstream_edges.map((e) => ({ ...e, to: e.downstream_task }));
  const parent = near.near.find((r) => r.task_id === task.id && r.map_index < 0);
  return (
    <>
      {ups.length > 0 && <Edges title="Comes after" edges={ups} runOf={runOf} />}
      {downs.length > 0 && <Edges title="Goes on to" edges={downs} runOf={runOf} />}
      {near.siblings.length > 0 && (
        <section>
          <h2>
            {taskRun.map_index >= 0 ? "Beside it" : "Its first children"}
            {parent && taskRun.map_index >= 0 && (
              <a href={taskRunPath(parent.id)} onClick={follow} className="plain">
                the mapped task
              </a>
            )}
          </h2>
          <ol className="beside">
            {near.siblings.map((r) => (
              <li key={r.id}>
                <a
                  href={taskRunPath(r.id)}
                  onClick={follow}
                  aria-current={r.id === taskRun.id ? "page" : undefined}
                  aria-label={`#${r.map_index}, ${r.state}`}
                >
                  <Glyph state={r.state} size={11} /> {r.map_index}
                </a>
              </li>
            ))}
          </ol>
        </section>
      )}
    </>
  );
}

interface Neighbour {
  readonly key: string | null;
  readonly mapped: boolean;
  readonly to: NearTask;
}

function Edges(props: { title: string; edges: readonly Neighbour[]; runOf: (taskId: string) => NearRun | undefined }) {
  return (
    <section>
      <h2>{props.title}</h2>
      <ul className="around">
        {props.edges.map((e) => {
          const run = props.runOf(e.to.id);
          const name = e.to.name ?? e.to.slug;
          const how = e.key === null ? "only after it" : e.mapped ? `${e.key}, one by one` : e.key;
          return (
            <li key={`${e.to.id} ${e.key}`}>
              {run ? (
                <a href={taskRunPath(run.id)} onClick={follow}>
                  <Glyph state={run.state} /> {name}
                  {run.map_index >= 0 && ` #${run.map_index}`}
                </a>
              ) : (
                <span>{name}</span>
              )}
              <span className="faint">
                {run?.state}
                {run && " · "}
                {how}
              </span>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function More({ taskRun }: { taskRun: OneTaskRunRow }) {
  const now = useNow();
  const { task } = taskRun;
  const until = parse(taskRun.cached_until);
  const facts: readonly Pair[] = [
    ["Task run id", taskRun.id],
    ["Slug", task.slug],
    ["Class", task.type],
    ["Description", task.description],
    ["Trigger", task.trigger?.split(".").at(-1)?.replaceAll("_", " ") ?? null],
    [
      "Retries",
      task.max_retries > 0 ? `${task.max_retries}${task.retry_delay ? `, ${task.retry_delay} apart` : ""}` : null,
    ],
    ["Tags", task.tags.join(", ") || null],
    ["Result", taskRun.state_result?.location ?? null],
    ["Kept by", taskRun.state_result?.type ?? null],
    ["Cache key", taskRun.cache_key ?? task.cache_key],
    ["Cached until", until === null ? null : moment(until, now)],
  ];
  return (
    <>
      <section>
        <h2>Facts</h2>
        <Pairs pairs={facts} />
      </section>
      {taskRun.artifacts.length > 0 && (
        <section>
          <h2>Artifacts</h2>
          {taskRun.artifacts.map((a) => (
            <article key={a.id} className="artifact">
              <Artifact kind={a.kind} data={a.data} />
            </article>
          ))}
        </section>
      )}
    </>
  );
}

function Log({
  view,
  running,
  name,
}: {
  view: Parameters<typeof LogPanel>[0]["view"];
  running: boolean;
  name: string;
}) {
  const filter = useLogFilter();
  const nobody = useCallback(() => "", []);
  return (
    <LogPanel
      view={view}
      running={running}
      {...filter}
      chosen={null}
      onClear={() => {}}
      onEarlier={async () => {}}
      labelOf={nobody}
      fileName={`${name.replaceAll(/[^\w.-]+/g, "-")}.log`}
    />
  );
}
