/**
 * One run: its head, and two panes: its tasks (as a graph, on a time axis, as a list with cells, or all details) and its log. What is open,
 * selected and filtered stands in the address; what is selected in one view is selected in all of them.
 */
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef } from "react";
import { useLogFilter } from "../app/logFilter";
import { navigate, setQuery, taskRunPath, useQuery } from "../app/router";
import { moveRow, useShortcuts } from "../app/shortcuts";
import { useTitle } from "../app/title";
import { Inspector } from "../components/Inspector";
import { LogPanel } from "../components/LogPanel";
import { NotThere } from "../components/NotThere";
import { Problem } from "../components/Problem";
import { RunDetails } from "../components/RunDetails";
import { RunHeader } from "../components/RunHeader";
import { Schematic } from "../components/Schematic";
import { type Tab, Tabs } from "../components/Tabs";
import { leading, nameOf, TaskList } from "../components/TaskList";
import { Timeline } from "../components/Timeline";
import { useCell } from "../data/cell";
import type { RunRow } from "../data/documents/run";
import { RunSession } from "../data/runSession";
import type { TaskView } from "../data/taskStore";
import type { TaskStanding } from "../domain/schematic";
import { fromQuery, type Selection, same, toQuery } from "../domain/selection";
import { isFinal } from "../domain/states";
import { parse } from "../domain/time";

const TABS = ["graph", "timeline", "tasks", "log", "details"] as const;
type TabName = (typeof TABS)[number];

export function RunPage({ id }: { id: string }) {
  const session = useMemo(() => new RunSession(id), [id]);
  // Asked for before the empty page is painted: what is waited for is on its way meanwhile.
  useLayoutEffect(() => session.start(), [session]);
  const { data, error } = useCell(session.run.answer);
  const sessionError = useCell(session.error);
  const run = data?.run[0];
  useTitle(run ? `${run.state} · ${run.flow.name} ${run.name}` : "Run");
  const shownError = error ?? sessionError;
  return (
    <main className="run" aria-busy={data === null}>
      {shownError && <Problem error={shownError} />}
      {run && <Room session={session} run={run} />}
      {data && !run && <NotThere title="There is no such run." />}
    </main>
  );
}

function Room({ session, run }: { session: RunSession; run: RunRow }) {
  const tasks = useCell(session.tasks);
  const query = useQuery();
  const tab = (TABS as readonly string[]).includes(query.get("tab") ?? "") ? (query.get("tab") as TabName) : "graph";
  const openTab = useCallback((name: string) => setQuery({ tab: name === "graph" ? null : name }), []);
  const rows = useMemo(() => tasks.groups.map((g) => g.task), [tasks.groups]);
  const [slug, child] = [query.get("task"), query.get("child")];
  const found = useMemo(() => fromQuery(rows, slug, child), [rows, slug, child]);
  const selection = useStable(found);
  const select = useCallback((next: Selection | null) => setQuery(toQuery(rows, next), { replace: true }), [rows]);
  const open = useCallback(
    (what: Selection) => {
      const taskRun = session.taskStore.find(what.taskId, what.mapIndex);
      if (taskRun) navigate(taskRunPath(taskRun.id));
    },
    [session],
  );
  useShortcuts(
    useMemo(
      () => ({
        j: () => moveRow(1),
        k: () => moveRow(-1),
        escape: () => select(null),
        ...Object.fromEntries(TABS.map((name, i) => [String(i + 1), () => openTab(name)])),
      }),
      [openTab, select],
    ),
  );
  const reread = useCallback(() => session.run.read(), [session]);
  const chosen =
    selection && selection.mapIndex !== null ? session.taskStore.find(selection.taskId, selection.mapIndex) : null;
  const wordless = chosen && chosen.message === null ? `${chosen.id} ${chosen.version}` : null;
  useEffect(() => {
    if (wordless) session.loadWords(wordless.split(" ")[0] as string);
  }, [session, wordless]);
  const ended = isFinal(run.state);
  const group = selection ? tasks.groups.find((g) => g.task.id === selection.taskId) : undefined;
  const tabs: readonly Tab[] = [
    { id: "graph", label: "Graph", keys: "1" },
    { id: "timeline", label: "Timeline", keys: "2" },
    { id: "tasks", label: "Tasks", keys: "3", note: tasks.total.toLocaleString("en") },
    { id: "log", label: "Log", keys: "4" },
    { id: "details", label: "Details", keys: "5" },
  ];
  return (
    <>
      <RunHeader run={run} tasks={tasks} onSelect={select} onChanged={reread} />
      <Tabs label="Views of the run" tabs={tabs} open={tab} onOpen={openTab} />
      <div
        className="panes"
        data-tab={tab}
        {...(tab === "log" ? { role: "tabpanel", id: "panel-log", "aria-labelledby": "tab-log" } : {})}
      >
        {tab !== "log" && (
          <section className="task-pane" role="tabpanel" id={`panel-${tab}`} aria-labelledby={`tab-${tab}`}>
            <View tab={tab} run={run} tasks={tasks} selection={selection} onSelect={select} onOpen={open} />
            {group && tab !== "details" && (
              <Inspector
                group={group}
                child={selection?.mapIndex == null ? null : (group.children[selection.mapIndex] ?? null)}
                ended={ended}
                onClear={() => select(null)}
              />
            )}
          </section>
        )}
        <Logs session={session} run={run} tasks={tasks} selection={selection} onSelect={select} />
      </div>
    </>
  );
}

interface ViewProps {
  readonly tab: TabName;
  readonly run: RunRow;
  readonly tasks: TaskView;
  readonly selection: Selection | null;
  readonly onSelect: (selection: Selection | null) => void;
  readonly onOpen: (selection: Selection) => void;
}

function View({ tab, run, tasks, selection, onSelect, onOpen }: ViewProps) {
  const [start, end] = [parse(run.start_time), parse(run.end_time)];
  switch (tab) {
    case "timeline":
      return (
        <Timeline view={tasks} runStart={start} runEnd={end} selected={selection} onSelect={onSelect} onOpen={onOpen} />
      );
    case "tasks":
      return <TaskList view={tasks} runStart={start} runEnd={end} chosen={selection} onChoose={onSelect} />;
    case "details":
      return <RunDetails run={run} />;
    default:
      return <Graph run={run} tasks={tasks} selection={selection} onSelect={onSelect} onOpen={onOpen} />;
  }
}

function Graph({ run, tasks, selection, onSelect, onOpen }: Omit<ViewProps, "tab">) {
  const ended = isFinal(run.state);
  // The graph of a version never changes: laid out once, however often states do.
  const key = tasks.groups.length;
  // biome-ignore lint/correctness/useExhaustiveDependencies: only a task more or less is another graph
  const graph = useMemo(() => ({ tasks: tasks.groups.map((g) => g.task), edges: tasks.edges }), [key, tasks.edges]);
  const standing = useMemo(
    () =>
      new Map<string, TaskStanding>(
        tasks.groups.map((g) => [
          g.task.id,
          { state: leading(g, ended), counts: g.children.length > 0 ? g.counts : null },
        ]),
      ),
    [tasks.groups, ended],
  );
  const choose = useCallback(
    (taskId: string | null) => onSelect(taskId === null ? null : { taskId, mapIndex: null }),
    [onSelect],
  );
  const open = useCallback((taskId: string) => onOpen({ taskId, mapIndex: null }), [onOpen]);
  if (key === 0) return <div className="schematic" aria-busy="true" />;
  return (
    <Schematic
      label={`Tasks of ${run.flow.name}`}
      tasks={graph.tasks}
      edges={graph.edges}
      standing={standing}
      selected={selection?.taskId ?? null}
      onSelect={choose}
      onOpen={open}
    />
  );
}

interface LogsProps {
  readonly session: RunSession;
  readonly run: RunRow;
  readonly tasks: TaskView;
  readonly selection: Selection | null;
  readonly onSelect: (selection: Selection | null) => void;
}

function Logs({ session, run, tasks, selection, onSelect }: LogsProps) {
  const logs = useCell(session.logs);
  const filter = useLogFilter();
  const { level } = filter;
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
  const group = tasks.groups.find((g) => g.task.id === selection?.taskId);
  const name = group ? nameOf(group) : null;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the epoch stands for what the store knows
  const chosen = useMemo(() => {
    if (!selection || name === null) return null;
    const of = (taskRunId: string) => {
      const taskRun = session.taskStore.get(taskRunId);
      return (
        taskRun?.taskId === selection.taskId && (selection.mapIndex === null || taskRun.mapIndex === selection.mapIndex)
      );
    };
    return { label: selection.mapIndex === null ? name : `${name} #${selection.mapIndex}`, of };
  }, [selection, name, session, epoch]);
  const loaded = logs.loaded;
  useEffect(() => {
    if (loaded && selection) void session.loadLogsOf(selection.taskId, selection.mapIndex);
  }, [session, selection, loaded]);
  useEffect(() => {
    if (loaded) void session.loadLogsFrom(level);
  }, [session, level, loaded]);
  return (
    <LogPanel
      view={logs}
      running={!isFinal(run.state)}
      {...filter}
      chosen={chosen}
      onClear={() => onSelect(null)}
      onEarlier={(all) => session.loadEarlier(all)}
      labelOf={labelOf}
      fileName={`${run.flow.name}-${run.name}.log`}
    />
  );
}

/** The same object as long as the same is selected, so that what hangs on it is not done again at each event. */
function useStable(next: Selection | null): Selection | null {
  const held = useRef(next);
  if (!same(held.current, next)) held.current = next;
  return held.current;
}
