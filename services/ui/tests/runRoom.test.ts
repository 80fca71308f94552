// The pure parts of the run room: time axis, load, critical path, selection, tracebacks, and why a run waits.
import { describe, expect, it } from "vitest";
import { fromQuery, same, toQuery } from "../src/domain/selection";
import {
  criticalPath,
  holdTime,
  loadBy,
  loadOf,
  rowsOf,
  since,
  type TimeRow,
  ticks,
  wholeRange,
  zoomTime,
} from "../src/domain/timeline";
import { parseTraceback } from "../src/domain/traceback";
import { type Waiting, whyNot } from "../src/domain/waiting";

const group = (id: string, start: number | null, end: number | null, children: TimeRow[] = []) => ({
  task: { id, name: null, slug: id },
  children: children.map((c, mapIndex) => ({ mapIndex, state: c.state, start: c.start, end: c.end })),
  start,
  end,
});
const row = (start: number | null, end: number | null, more: Partial<TimeRow> = {}): TimeRow => ({
  taskId: "t",
  mapIndex: null,
  label: "t",
  state: "Success",
  start,
  end,
  span: false,
  ...more,
});

describe("the timeline", () => {
  it("has a row for each task, and under a mapped one a row for each child", () => {
    const rows = rowsOf([group("a", 0, 5), group("b", 5, 9, [row(5, 7), row(null, null)])], () => "Mapped");
    expect(rows.map((r) => [r.taskId, r.mapIndex, r.span])).toEqual([
      ["a", null, false],
      ["b", null, true],
      ["b", 0, false],
      ["b", 1, false],
    ]);
  });
  it("shows the whole with room, zooms around the pointer, and never loses the run", () => {
    const range = { from: 1_000, to: 11_000 };
    const all = wholeRange(range, 1_000);
    expect(all.from).toBeLessThan(1_000);
    expect(all.from + 1_000 * all.perPx).toBeGreaterThan(11_000);
    const near = zoomTime(all, 4, 300, range, 1_000);
    expect(near.from + 300 * near.perPx).toBeCloseTo(all.from + 300 * all.perPx);
    expect(zoomTime(all, 1e9, 0, range, 1_000).perPx).toBe(0.02);
    expect(holdTime({ from: 1e9, perPx: 1 }, range, 1_000).from).toBe(10_900);
    expect(holdTime({ from: -1e9, perPx: 1 }, range, 1_000).from).toBe(100);
  });
  it("puts ticks at round times since the start, never too close", () => {
    const found = ticks({ from: 900, perPx: 10 }, 1_000, 1_000);
    expect(found.map((t) => t.label)).toEqual(["0", "1 s", "2 s", "3 s", "4 s", "5 s", "6 s", "7 s", "8 s", "9 s"]);
    expect(since(1_250, 50)).toBe("1.25 s");
    expect(since(150_000, 30_000)).toBe("2:30 m");
    expect(since(3_900_000, 300_000)).toBe("1:05 h");
  });
  it("counts what ran at once, the most within each pixel", () => {
    const load = loadOf([row(0, 10), row(5, 8), row(6, null), row(null, null), row(0, 99, { span: true })]);
    expect([...loadBy(load, { from: 0, perPx: 1 }, 12)]).toEqual([1, 1, 1, 1, 1, 2, 3, 3, 3, 2, 2, 1]);
    // what begins where another ends does not run beside it
    expect([...loadBy(loadOf([row(0, 5), row(5, 9)]), { from: 0, perPx: 10 }, 1)]).toEqual([1]);
  });
  it("follows back what the end waited for", () => {
    const edges = [
      ["a", "c"],
      ["b", "c"],
      ["c", "d"],
      ["a", "e"],
    ].map(([from, to]) => ({ upstream_task_id: from as string, downstream_task_id: to as string }));
    const groups = [group("a", 0, 4), group("b", 0, 9), group("c", 9, 12), group("d", 12, 20), group("e", 4, 6)];
    expect([...criticalPath(groups, edges)]).toEqual(["d", "c", "b"]);
    expect([...criticalPath([group("a", 0, 4), group("e", 4, null)], edges)]).toEqual(["e", "a"]);
    expect(criticalPath([group("a", null, null)], edges).size).toBe(0);
  });
});

describe("the selection", () => {
  const tasks = [{ id: "1", name: "measure", slug: "measure-1" }];
  it("stands in the address by slug and index, and comes back the same", () => {
    const chosen = { taskId: "1", mapIndex: 4 };
    expect(toQuery(tasks, chosen)).toEqual({ task: "measure-1", child: "4" });
    expect(fromQuery(tasks, "measure-1", "4")).toEqual(chosen);
    expect(same(fromQuery(tasks, "measure-1", null), { taskId: "1", mapIndex: null })).toBe(true);
  });
  it("is none where the address names what is not there", () => {
    expect(fromQuery(tasks, "gone-1", null)).toBeNull();
    expect(fromQuery(tasks, "measure-1", "-1")?.mapIndex).toBeNull();
    expect(toQuery(tasks, null)).toEqual({ task: null, child: null });
  });
});

describe("a traceback", () => {
  const text = `Task 'audit' failed: ValueError('x')
Traceback (most recent call last):
  File "/venv/lib/python3.11/site-packages/towpath/engine/execution.py", line 46, in run_task
    value = task.run(**inputs)
            ^^^^^^^^^^^^^^^^^^
  File "/home/me/locks.py", line 32, in audit
    raise ValueError("x")
ValueError: x
on two lines`;
  it("is taken apart into frames of the author's and of others, and the error", () => {
    const found = parseTraceback(text);
    expect(found?.said).toBe("Task 'audit' failed: ValueError('x')");
    expect(found?.error).toBe("ValueError: x\non two lines");
    expect(found?.frames.map((f) => [f.where, f.line, f.own, f.code])).toEqual([
      ["run_task", 46, false, ["value = task.run(**inputs)"]],
      ["audit", 32, true, ['raise ValueError("x")']],
    ]);
  });
  it("is the last one of chained errors, and none where there is none", () => {
    const chained = `${text}\n\nDuring handling of the above exception, another exception occurred:\n\n${text.replaceAll("ValueError", "KeyError")}`;
    expect(parseTraceback(chained)?.error).toContain("KeyError");
    expect(parseTraceback("No traceback here")).toBeNull();
  });
});

describe("why a run waits", () => {
  const now = Date.UTC(2026, 10, 28, 12);
  const run = (more: Partial<Waiting>): Waiting => ({
    state: "Scheduled",
    state_message: null,
    state_start_time: null,
    scheduled_start_time: new Date(now - 60_000).toISOString(),
    waiting_for: null,
    labels: [],
    run_config_type: "UniversalRun",
    attempt: 1,
    phase: null,
    lease_holder: null,
    flow: { archived: false },
    ...more,
  });
  const agent = (labels: string[], alive = true) => ({
    name: "amber",
    type: "LocalAgent",
    labels,
    run_config_types: ["LocalRun", "UniversalRun"],
    last_queried: new Date(alive ? now : now - 600_000).toISOString(),
    lease_expires_at: null,
  });
  it("is said of its time, of the agents, of a condition", () => {
    const later = { scheduled_start_time: new Date(now + 600_000).toISOString() };
    expect(whyNot(run(later), [agent([])], now)).toMatch(/^Scheduled for later: begins in 10 m, at /);
    expect(whyNot(run({ ...later, state: "Retrying" }), [agent([])], now)).toMatch(/^Is tried again in 10 m/);
    expect(whyNot(run({ labels: ["gpu"] }), [agent([])], now)).toBe(
      "Due 1 m 00 s ago, and not taken. No agent that is alive has the label gpu. Start one: towpath agent local start --label gpu",
    );
    expect(whyNot(run({}), [agent([], false)], now)).toContain("amber would take them, and was last seen");
    expect(whyNot(run({}), [agent([])], now)).toContain("amber could run it and has not taken it");
    expect(whyNot(run({ waiting_for: "paused" }), null, now)).toContain("Paused");
    expect(whyNot(run({ state: "Queued" }), null, now)).toContain("free slot");
  });
  it("is nothing while there is nothing to explain", () => {
    expect(whyNot(run({ state: "Running" }), null, now)).toBe("");
    expect(whyNot(run({ scheduled_start_time: new Date(now - 500).toISOString() }), [], now)).toBe("");
    expect(whyNot(run({}), null, now - 50_000)).toBe("");
  });
});
