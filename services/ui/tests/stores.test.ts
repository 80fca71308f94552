import { describe, expect, it } from "vitest";
import type { LogRow, TaskRunRow } from "../src/data/documents/run";
import { catchUpFrom, filterLines, LogStore, toRows } from "../src/data/logStore";
import { TaskStore } from "../src/data/taskStore";

const AT = Date.parse("2026-11-22T12:00:00Z");
const iso = (ms: number) => new Date(ms).toISOString();

function taskRun(id: string, over: Partial<TaskRunRow> = {}): TaskRunRow {
  return {
    id,
    task_id: "t1",
    map_index: -1,
    name: null,
    state: "Pending",
    version: 1,
    start_time: null,
    end_time: null,
    state_message: null,
    n_map_states: null,
    ...over,
  };
}

const graph = (n: number) => ({
  tasks: Array.from({ length: n }, (_, i) => ({
    id: `t${i + 1}`,
    name: `task ${i + 1}`,
    slug: `task-${i + 1}`,
    mapped: i === 1,
  })),
  edges: Array.from({ length: n - 1 }, (_, i) => ({ upstream_task_id: `t${i + 1}`, downstream_task_id: `t${i + 2}` })),
});

describe("TaskStore", () => {
  it("takes an event at once, asks for the row, and is not turned back by an older one", () => {
    const store = new TaskStore();
    store.setGraph(graph(1));
    store.merge([taskRun("a")]);
    expect(store.apply([{ task_run_id: "a", state: "Running", version: 2 }], AT)).toEqual(["a"]);
    expect(store.get("a")).toMatchObject({ state: "Running", version: 2, start: AT });
    expect(store.apply([{ task_run_id: "a", state: "Running", version: 2 }], AT + 9)).toEqual([]);
    store.merge([taskRun("a", { version: 1, state: "Pending" })]);
    expect(store.get("a")?.state).toBe("Running");
    store.merge([taskRun("a", { version: 2, state: "Running", start_time: iso(AT - 50) })]);
    expect(store.get("a")?.start).toBe(AT - 50);
  });
  it("ends the same whatever the order of reads and events", () => {
    const rows = [
      taskRun("a"),
      taskRun("a", { version: 2, state: "Running" }),
      taskRun("a", { version: 3, state: "Success" }),
    ];
    const results = [
      [0, 1, 2],
      [2, 1, 0],
      [1, 2, 0],
      [2, 0, 1],
    ].map((order) => {
      const store = new TaskStore();
      for (const i of order) store.merge([rows[i] as TaskRunRow]);
      return store.snapshot().groups[0]?.counts;
    });
    expect(new Set(results.map((r) => JSON.stringify(r)))).toEqual(new Set(['{"Success":1}']));
  });
  it("asks for rows that it has never seen", () => {
    const store = new TaskStore();
    expect(store.apply([{ task_run_id: "new", state: "Running", version: 2 }], AT)).toEqual(["new"]);
    expect(store.snapshot().total).toBe(0);
  });
  it("counts children instead of their mapped parent, in order of their index", () => {
    const store = new TaskStore();
    store.setGraph(graph(3));
    store.merge([
      taskRun("p", { task_id: "t2", state: "Mapped" }),
      taskRun("c1", { task_id: "t2", map_index: 1, state: "Failed", start_time: iso(AT), end_time: iso(AT + 5) }),
      taskRun("c0", { task_id: "t2", map_index: 0, state: "Success", start_time: iso(AT - 9), end_time: iso(AT) }),
      taskRun("z", { task_id: "t1", state: "Success" }),
      taskRun("y", { task_id: "t3" }),
    ]);
    const view = store.snapshot();
    expect(view.groups.map((g) => g.task.id)).toEqual(["t1", "t2", "t3"]);
    expect(view.groups[1]).toMatchObject({ counts: { Success: 1, Failed: 1 }, start: AT - 9, end: AT + 5 });
    expect(view.groups[1]?.children.map((c) => c.id)).toEqual(["c0", "c1"]);
    expect([view.total, view.ended, view.families.failed]).toEqual([4, 3, 1]);
  });
  it("keeps a place for each child of a mapped task, also for those whose rows come later", () => {
    const store = new TaskStore();
    store.setGraph(graph(2));
    store.merge([
      taskRun("p", { task_id: "t2", state: "Mapped", n_map_states: 4 }),
      taskRun("c2", { task_id: "t2", map_index: 2, state: "Success" }),
    ]);
    const group = store.snapshot().groups[1];
    expect(group?.children.map((c) => c.state)).toEqual(["Pending", "Pending", "Success", "Pending"]);
    expect(group?.counts).toEqual({ Pending: 3, Success: 1 });
    store.merge([taskRun("c5", { task_id: "t2", map_index: 5, state: "Running" })]);
    expect(store.snapshot().groups[1]?.children.map((c) => c.id)).toEqual(["", "", "c2", "", "", "c5"]);
  });
  it("keeps the groups that did not change, so that they are not drawn again", () => {
    const store = new TaskStore();
    store.setGraph(graph(2));
    store.merge([taskRun("a", { task_id: "t1" }), taskRun("b", { task_id: "t2" })]);
    const before = store.snapshot();
    expect(store.snapshot()).toBe(before);
    store.apply([{ task_run_id: "b", state: "Running", version: 2 }], AT);
    const after = store.snapshot();
    expect(after.groups[0]).toBe(before.groups[0]);
    expect(after.groups[1]).not.toBe(before.groups[1]);
  });
  it("takes a hundred events on ten thousand task runs in far less than a frame's patience", () => {
    const store = new TaskStore();
    store.setGraph(graph(2));
    store.merge(Array.from({ length: 10_000 }, (_, i) => taskRun(`c${i}`, { task_id: "t2", map_index: i })));
    store.snapshot();
    const began = performance.now();
    store.apply(
      Array.from({ length: 100 }, (_, i) => ({ task_run_id: `c${i}`, state: "Running", version: 2 })),
      AT,
    );
    expect(store.snapshot().families.running).toBe(100);
    expect(performance.now() - began).toBeLessThan(100);
  });
});

const uuid = (ms: number, n: number) => {
  const head = ms.toString(16).padStart(12, "0");
  return `${head.slice(0, 8)}-${head.slice(8)}-7000-8000-${String(n).padStart(12, "0")}`;
};

function line(n: number, over: Partial<LogRow> = {}): LogRow {
  return {
    id: uuid(AT + n * 10, n),
    timestamp: iso(AT + n * 10),
    level: "INFO",
    name: "towpath.task",
    message: `line ${n}`,
    task_run_id: null,
    ...over,
  };
}

describe("LogStore", () => {
  it("holds each line once, in order of its own time, however often and in whatever order it comes", () => {
    const store = new LogStore();
    expect(store.add([line(3), line(1)])).toBe(2);
    expect(store.add([line(1), line(2), line(3)])).toBe(1);
    expect(store.add([line(0), line(9)])).toBe(2);
    expect(store.snapshot().map((l) => l.message)).toEqual(["line 0", "line 1", "line 2", "line 3", "line 9"]);
  });
  it("keeps the newest lines when it is full, and knows that it is not complete any more", () => {
    const store = new LogStore(3);
    store.complete = true;
    store.add([1, 2, 3, 4, 5].map((n) => line(n)));
    expect(store.snapshot().map((l) => l.message)).toEqual(["line 3", "line 4", "line 5"]);
    expect(store.complete).toBe(false);
  });
  it("catches up from before the newest line received, by the time in its id", () => {
    const from = catchUpFrom(line(0).id, 1_000);
    expect(from < line(0).id).toBe(true);
    expect(from > uuid(AT - 1_001, 0)).toBe(true);
    expect(from <= uuid(AT - 1_000, 0)).toBe(true);
  });
  it("filters by level, text and task", () => {
    const store = new LogStore();
    store.add([
      line(1, { level: "DEBUG", message: "open gauge" }),
      line(2, { level: "WARNING", message: "Battery low", task_run_id: "a" }),
      line(3, { level: "ERROR", message: "gauge lost", task_run_id: "b" }),
      line(4, { level: "SHOUT", message: "an unknown level counts as info" }),
    ]);
    const all = store.snapshot();
    const found = (level: "DEBUG" | "INFO" | "WARNING" | "ERROR", text = "", ids: string[] | null = null) =>
      filterLines(all, { level, text, of: ids && ((id: string) => ids.includes(id)) }).map((l) => l.level);
    expect(found("DEBUG")).toEqual(["DEBUG", "WARNING", "ERROR", "SHOUT"]);
    expect(found("INFO")).toEqual(["WARNING", "ERROR", "SHOUT"]);
    expect(found("WARNING")).toEqual(["WARNING", "ERROR"]);
    expect(found("DEBUG", " GAUGE ")).toEqual(["DEBUG", "ERROR"]);
    expect(found("DEBUG", "", ["a"])).toEqual(["WARNING"]);
  });
  it("draws a traceback as one row a line", () => {
    const store = new LogStore();
    store.add([line(1, { message: "first\n  second\nthird\n" }), line(2)]);
    expect(toRows(store.snapshot()).map((r) => [r.text, r.part])).toEqual([
      ["first", 0],
      ["  second", 1],
      ["third", 2],
      ["line 2", 0],
    ]);
  });
});
