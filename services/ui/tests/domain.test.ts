import { describe, expect, it } from "vitest";
import { offsetFrom } from "../src/api/clock";
import { backoff } from "../src/api/connection";
import { routeOf } from "../src/app/router";
import { contrast, type Rgb, SURFACE, stateColour, type Theme } from "../src/domain/colour";
import { topological } from "../src/domain/graph";
import { cellAt, originOf, shapeOf, step } from "../src/domain/grid";
import { heightOf, layout, type PulseRun } from "../src/domain/pulse";
import { canCancel, canRestart, familyOf, isA, isFinal, WAITING_STATES } from "../src/domain/states";
import { coarse, duration, parse, relative } from "../src/domain/time";
import { STATE_KINDS } from "../src/generated/states";

const NOW = Date.parse("2026-11-22T12:00:00Z");

describe("states", () => {
  it("follows the hierarchy of proto", () => {
    expect(isA("Retrying", "Pending")).toBe(true);
    expect(isA("TimedOut", "Failed")).toBe(true);
    expect(isA("Success", "Failed")).toBe(false);
    expect(isFinal("Cached")).toBe(true);
    expect(isFinal("Cancelling")).toBe(false);
  });
  it("puts every kind into one family, and an unknown state among those that wait", () => {
    const families = Object.fromEntries(Object.keys(STATE_KINDS).map((s) => [s, familyOf(s)]));
    expect(families).toMatchObject({
      Queued: "waiting",
      Submitted: "running",
      Cancelling: "running",
      Mapped: "success",
    });
    expect(families).toMatchObject({
      TriggerFailed: "failed",
      ClientFailed: "failed",
      Cancelled: "cancelled",
      Looped: "success",
    });
    expect(familyOf("Drifting")).toBe("waiting");
    expect(familyOf("constructor")).toBe("waiting");
  });
  it("offers to cancel what has not ended and to restart what has ended badly, never both", () => {
    for (const state of Object.keys(STATE_KINDS)) expect(canCancel(state) && canRestart(state)).toBe(false);
    expect([canCancel("Running"), canCancel("Scheduled"), canCancel("Cancelling"), canCancel("Success")]).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect([canRestart("Failed"), canRestart("TimedOut"), canRestart("Cancelled"), canRestart("Success")]).toEqual([
      true,
      true,
      true,
      false,
    ]);
  });
  it("asks the server for the coming runs by the whole Pending family", () => {
    expect([...WAITING_STATES].sort()).toEqual(["Paused", "Pending", "Queued", "Resume", "Retrying", "Scheduled"]);
  });
  it("shows every state with at least 3:1 against the surface of both themes", () => {
    for (const theme of ["light", "dark"] as Theme[])
      for (const state of Object.keys(STATE_KINDS)) {
        const rgb = stateColour(state, theme).match(/\d+/g)?.map(Number) as unknown as Rgb;
        expect(contrast(rgb, SURFACE[theme]), `${state} on ${theme}`).toBeGreaterThanOrEqual(3);
      }
  });
});

describe("time", () => {
  it("says durations in the two largest units", () => {
    expect([0, 0.4, 12, 4_210, 9_960, 59_400, 187_000, 7_500_000, 273_600_000].map(duration)).toEqual([
      "0 s",
      "< 1 ms",
      "12 ms",
      "4.2 s",
      "10 s",
      "59 s",
      "3 m 07 s",
      "2 h 05 m",
      "3 d 4 h",
    ]);
  });
  it("says distances in time in one unit", () => {
    expect([relative(NOW - 1_000, NOW), relative(NOW - 240_000, NOW), relative(NOW + 3_600_000, NOW)]).toEqual([
      "now",
      "4 m ago",
      "in 1 h",
    ]);
    expect(coarse(259_200_000)).toBe("3 d");
  });
  it("reads what is no time as none", () => {
    expect([parse(null), parse("yesterday"), parse("2026-11-22T12:00:00+00:00")]).toEqual([null, null, NOW]);
  });
  it("takes the server's clock only when it is more than two seconds off", () => {
    const header = new Date(NOW).toUTCString();
    expect(offsetFrom(header, NOW, NOW + 300)).toBe(0);
    expect(offsetFrom(header, NOW - 60_000, NOW - 60_000)).toBe(60_500);
    expect(offsetFrom(null, NOW, NOW)).toBeNull();
  });
  it("waits longer with each attempt, at most twenty seconds", () => {
    expect([0, 1, 2, 10].map((n) => backoff(n, 0))).toEqual([500, 1_000, 2_000, 15_000]);
    expect(backoff(30, 1)).toBe(20_000);
  });
});

const run = (id: string, state: string, start: number | null, end: number | null, due = start ?? NOW): PulseRun => ({
  id,
  flow: "tide",
  state,
  start,
  end,
  due,
});

describe("pulse", () => {
  it("stands from the oldest to the newest, and the coming ones after them", () => {
    const { marks } = layout(
      [
        run("next", "Scheduled", null, null, NOW + 60_000),
        run("new", "Running", NOW - 10_000, null),
        run("old", "Success", NOW - 90_000, NOW - 80_000),
        run("late", "Scheduled", null, null, NOW - 60_000),
      ],
      NOW,
      50,
    );
    expect(marks.map((m) => [m.run.id, m.coming, m.late])).toEqual([
      ["old", false, false],
      ["new", false, false],
      ["late", true, true],
      ["next", true, false],
    ]);
  });
  it("gives a coming run the height of its flow's usual run", () => {
    const { marks } = layout(
      [run("old", "Success", NOW - 90_000, NOW - 60_000), run("next", "Scheduled", null, null, NOW + 60_000)],
      NOW,
      50,
    );
    expect(marks[1]?.height).toBe(marks[0]?.height);
  });
  it("drops the oldest where there is no room, and keeps two thirds for what has begun", () => {
    const runs = Array.from({ length: 100 }, (_, i) => run(`r${i}`, "Success", NOW - (100 - i) * 1_000, NOW));
    const coming = Array.from({ length: 100 }, (_, i) => run(`c${i}`, "Scheduled", null, null, NOW + i * 1_000 + 1));
    const { marks } = layout([...runs, ...coming], NOW, 30);
    expect(marks.length).toBe(30);
    expect(marks.filter((m) => m.coming).map((m) => m.run.id)).toEqual(Array.from({ length: 10 }, (_, i) => `c${i}`));
    expect(marks[19]?.run.id).toBe("r99");
  });
  it("grows with the duration and never leaves the strip", () => {
    const heights = [0, 1_000, 5_000, 60_000, 600_000].map((ms) => heightOf(ms, 600_000));
    expect([...heights].sort((a, b) => a - b)).toEqual(heights);
    expect(heights.at(-1)).toBe(1);
    expect(heightOf(9e9, 600_000)).toBe(1);
  });
});

describe("grid", () => {
  it("finds each cell again at its own place, and nothing beyond the last", () => {
    for (const count of [1, 600, 10_000]) {
      const shape = shapeOf(count, 510);
      for (const index of [0, Math.floor(count / 2), count - 1]) {
        const { x, y } = originOf(shape, index);
        expect(cellAt(shape, count, x + 1, y + 1)).toBe(index);
        expect(x + shape.cell).toBeLessThanOrEqual(510);
      }
      expect(cellAt(shape, count, 5_000, 1)).toBeNull();
      expect(cellAt(shape, count, 1, shape.rows * shape.pitch + 1)).toBeNull();
    }
  });
  it("moves with the arrow keys and stays inside", () => {
    const shape = shapeOf(600, 510);
    expect(step(shape, 600, 5, "ArrowDown")).toBe(5 + shape.columns);
    expect(step(shape, 600, 0, "ArrowLeft")).toBe(0);
    expect(step(shape, 600, 3, "End")).toBe(599);
    expect(step(shape, 600, 3, "x")).toBeNull();
  });
});

describe("graph", () => {
  it("lists upstream before downstream and loses no task, not even of a cycle", () => {
    const edge = (a: string, b: string) => ({ upstream_task_id: a, downstream_task_id: b });
    const order = topological(
      ["d", "c", "b", "a", "x", "y"],
      [edge("a", "b"), edge("b", "d"), edge("c", "d"), edge("x", "y"), edge("y", "x")],
    );
    const at = (id: string) => order.get(id) as number;
    expect(at("a") < at("b") && at("b") < at("d") && at("c") < at("d")).toBe(true);
    expect(order.size).toBe(6);
  });
});

describe("routes", () => {
  it("knows home and a run", () => {
    expect(routeOf("/")).toEqual({ page: "home" });
    expect(routeOf("/run/0197F000-0000-7000-8000-000000000001")).toEqual({
      page: "run",
      id: "0197f000-0000-7000-8000-000000000001",
    });
    expect(routeOf("/run/nonsense").page).toBe("lost");
  });
});
