/** One task run: which task of which run it is, and how it stands. */
import { useEffect, useMemo } from "react";
import { follow, runPath } from "../app/router";
import { StateChip } from "../components/Glyph";
import { Problem } from "../components/Problem";
import { useCell } from "../data/cell";
import { TASK_RUN, type TaskRunData } from "../data/documents/taskRun";
import { LiveRead } from "../data/liveRead";

export function TaskRunPage({ id }: { id: string }) {
  const read = useMemo(() => new LiveRead<TaskRunData>(TASK_RUN, { id }), [id]);
  useEffect(() => read.start(), [read]);
  const { data, error } = useCell(read.answer);
  const taskRun = data?.task_run[0];
  const task = taskRun ? (taskRun.task.name ?? taskRun.task.slug) : null;
  const name = task && taskRun && taskRun.map_index >= 0 ? `${task} #${taskRun.map_index}` : task;
  useEffect(() => {
    document.title = `${name ?? "Task run"} · Towpath`;
  }, [name]);
  return (
    <main className="page">
      {error && <Problem error={error} />}
      {taskRun && (
        <header>
          <h1>
            {name} <StateChip state={taskRun.state} />
          </h1>
          <p className="faint">
            <a href={runPath(taskRun.flow_run.id)} onClick={follow}>
              {taskRun.flow_run.flow.name} {taskRun.flow_run.name}
            </a>
          </p>
          {taskRun.state_message && <p>{taskRun.state_message}</p>}
        </header>
      )}
      {data && !taskRun && (
        <section className="empty small">
          <h1>There is no such task run.</h1>
          <p>It may have been deleted, or it belongs to another tenant.</p>
          <a href="/" onClick={follow}>
            Home
          </a>
        </section>
      )}
    </main>
  );
}
