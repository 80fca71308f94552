// What the components say about the world of dev/scenario.mjs, without a browser; e2e/ has the browser.
import { renderToStaticMarkup } from "react-dom/server";
import { beforeAll, describe, expect, it } from "vitest";
import { World } from "../dev/scenario.mjs";
import { Agents } from "../src/components/Agents";
import { Ledger } from "../src/components/Ledger";
import { actionFor } from "../src/components/RunActions";
import { reasonOf } from "../src/components/RunHeader";
import { matches, RunList, sections } from "../src/components/RunList";
import { leading } from "../src/components/TaskList";
import { offsets, rowAt } from "../src/components/useVirtual";
import { AGENTS, type AgentRow } from "../src/data/documents/agents";
import { HOME, type HomeData } from "../src/data/documents/home";
import { RUN, type RunRow, TASK_RUNS } from "../src/data/documents/run";
import { TaskStore } from "../src/data/taskStore";
import { isAlive } from "../src/domain/serving";
import { WAITING_STATES } from "../src/domain/states";
import { toStripRun } from "../src/pages/HomePage";

const NOW = Date.now();
const NIL = "00000000-0000-0000-0000-000000000000";
const world = new World({ now: NOW });

const home: HomeData = world.answer(HOME, { waiting: WAITING_STATES, begun: 120, coming: 40 });
const runs = [...home.begun, ...home.coming].map(toStripRun);
const runOf = (which: string): RunRow => world.answer(RUN, { id: world.names[which] }).run[0];

beforeAll(() => {
  // What a component asks of a browser while it is drawn on paper.
  Object.assign(globalThis, {
    localStorage: { getItem: () => null },
    window: { matchMedia: () => ({ matches: false }) },
  });
});

describe("the list of runs", () => {
  it("has what is under way first, then what comes, soonest first, then what has ended, newest first", () => {
    const parts = sections(runs, true);
    expect(parts.map((p) => p.title)).toEqual(["Under way", "Coming up", "Ended"]);
    const [under, coming, ended] = parts.map((p) => p.runs);
    expect(under?.map((r) => r.state)).toContain("Running");
    expect(coming?.map((r) => r.due)).toEqual(coming?.map((r) => r.due).sort((a, b) => a - b));
    expect(ended?.map((r) => r.start)).toEqual(ended?.map((r) => r.start).sort((a, b) => (b ?? 0) - (a ?? 0)));
    expect(parts.reduce((n, p) => n + p.runs.length, 0)).toBe(runs.length);
  });
  it("says every state in words, and is one link a run", () => {
    const html = renderToStaticMarkup(<RunList runs={runs} />);
    expect(html.match(/href="\/run\//g)?.length).toBe(runs.length - 16);
    expect(html).toContain("late, was due");
    for (const state of ["Running", "Scheduled", "Success", "Failed", "Cancelled"])
      expect(html).toContain(`</svg>${state}</span>`);
  });
  it("finds by every word of the filter", () => {
    const failed = runs.find((r) => r.id === world.names.failed) as (typeof runs)[number];
    expect(matches(failed, null, "FREIGHT failed")).toBe(true);
    expect(matches(failed, "success", "")).toBe(false);
    expect(matches(failed, "failed", "tide")).toBe(false);
  });
});

describe("agents", () => {
  const agents: AgentRow[] = world.answer(AGENTS, {}).agents;
  it("are alive while their lease holds or they were seen within a minute", () => {
    expect(agents.map((a) => isAlive(a, NOW))).toEqual([true, true, false]);
    expect(agents.map((a) => isAlive(a, NOW + 120_000))).toEqual([false, false, false]);
  });
  it("tells how to start one when none is alive", () => {
    expect(renderToStaticMarkup(<Agents agents={agents.slice(2)} />)).toContain("towpath agent local start");
  });
});

describe("the page of a run", () => {
  it("shows the states with their times and how long each took", () => {
    const html = renderToStaticMarkup(<Ledger states={runOf("failed").states} />);
    const order = ["Scheduled", "Submitted", "Running", "Failed"].map((s) => html.indexOf(`>${s}<time`));
    expect(order.every((at) => at > 0)).toBe(true);
    expect([...order].sort((a, b) => a - b)).toEqual(order);
  });
  it("says why a run has not begun, and what would take it", () => {
    const walkers = [
      {
        name: "amber",
        type: "LocalAgent",
        labels: ["gpu"],
        run_config_types: [],
        last_queried: new Date(NOW).toISOString(),
        lease_expires_at: null,
      },
    ];
    expect(reasonOf(runOf("late"), walkers, NOW)).toBe(
      "Due 6 m 00 s ago, and not taken. No agent that is alive has the label harbour. Start one: towpath agent local start --label harbour",
    );
    expect(reasonOf(runOf("failed"), null, NOW)).toContain("3 tolls have no manifest");
    expect(reasonOf(runOf("mapped"), null, NOW)).toBe("");
  });
  it("offers one action at most", () => {
    expect(["Running", "Scheduled", "Cancelling", "Success", "Failed", "Cancelled"].map(actionFor)).toEqual([
      "cancel",
      "cancel",
      null,
      null,
      "restart",
      "restart",
    ]);
  });
  it("shows a mapped task by what tells most of its children", () => {
    const store = new TaskStore();
    const found = world.answer(TASK_RUNS, { run: world.names.mapped, after: NIL, limit: 5_000, troubled: [] });
    store.merge(found.tasks);
    store.merge(found.task_run);
    const mapped = store.snapshot().groups.find((g) => g.children.length === 600);
    if (!mapped) throw new Error("no mapped task");
    expect(leading(mapped, false)).toBe("Running");
    const between = { ...mapped, counts: { Success: 5, Failed: 1, Pending: 594 } };
    expect([leading(between, false), leading(between, true)]).toEqual(["Running", "Failed"]);
    expect(leading({ ...between, counts: { Success: 600 } }, false)).toBe("Mapped");
  });
});

describe("a long list", () => {
  it("finds the row at a height, at the edges too", () => {
    const tops = offsets([32, 200, 32, 32]);
    expect([0, 31, 32, 231, 232, 263, 264, 9_999].map((y) => rowAt(tops, y))).toEqual([0, 0, 1, 1, 2, 2, 3, 3]);
  });
});
