/** One run: its head, its states, its tasks and its log, side by side where there is room. */
import { useCallback, useEffect, useMemo, useState } from "react";
import { follow } from "../app/router";
import { moveRow, useShortcuts } from "../app/shortcuts";
import { Ledger } from "../components/Ledger";
import { LogPanel } from "../components/LogPanel";
import { Problem } from "../components/Problem";
import { RunHeader } from "../components/RunHeader";
import { type TaskChoice, TaskList } from "../components/TaskList";
import { useCell } from "../data/cell";
import { RunSession } from "../data/runSession";
import { isFinal } from "../domain/states";
import { parse } from "../domain/time";
import "../styles/run.css";

export function RunPage({ id }: { id: string }) {
  const session = useMemo(() => new RunSession(id), [id]);
  useEffect(() => session.start(), [session]);
  const { data, error } = useCell(session.run.answer);
  const tasks = useCell(session.tasks);
  const logs = useCell(session.logs);
  const sessionError = useCell(session.error);
  const [chosen, setChosen] = useState<TaskChoice | null>(null);
  const run = data?.run[0];
  const title = run ? `${run.state} · ${run.flow.name} ${run.name}` : "Run";
  useEffect(() => {
    document.title = `${title} · Towpath`;
  }, [title]);
  useShortcuts(useMemo(() => ({ j: () => moveRow(1), k: () => moveRow(-1), escape: () => setChosen(null) }), []));
  // A new function at each epoch, so that lines drawn before their task was known are drawn again.
  const epoch = tasks.epoch;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the epoch stands for what the store knows
  const labelOf = useCallback(
    (taskRunId: string) => {
      const taskRun = session.taskStore.get(taskRunId);
      if (!taskRun) return "";
      const task = session.taskStore.taskOf(taskRun);
      const name = task?.name ?? task?.slug ?? "";
      return taskRun.mapIndex < 0 ? name : `${name} #${taskRun.mapIndex}`;
    },
    [session, epoch],
  );
  const shownError = error ?? sessionError;
  if (!run)
    return (
      <main className="run">
        {shownError && <Problem error={shownError} />}
        {data && (
          <section className="empty small">
            <h1>There is no such run.</h1>
            <p>It may have been deleted, or it belongs to another tenant.</p>
            <a href="/" onClick={follow}>
              All runs
            </a>
          </section>
        )}
      </main>
    );
  return (
    <main className="run">
      {shownError && <Problem error={shownError} />}
      <RunHeader run={run} tasks={tasks} />
      <Ledger states={run.states} />
      <div className="panes">
        <section className="task-pane" aria-label="Tasks">
          <header className="pane-head">
            <h2>Tasks</h2>
            <span className="faint">{tasks.groups.length.toLocaleString("en")}</span>
          </header>
          <TaskList
            view={tasks}
            runStart={parse(run.start_time)}
            runEnd={parse(run.end_time)}
            chosen={chosen}
            onChoose={setChosen}
          />
        </section>
        <LogPanel
          view={logs}
          running={!isFinal(run.state)}
          chosen={chosen}
          onClear={() => setChosen(null)}
          onEarlier={() => session.loadEarlier()}
          labelOf={labelOf}
        />
      </div>
    </main>
  );
}
