/** The list of flows: which runs its pictures show, and what they say. */
import { describe, expect, it } from "vitest";
import type { ListedFlow } from "../src/data/documents/flows";
import { newest, stripMarks, stripWords, successRate } from "../src/domain/lastRuns";
import { byProject } from "../src/pages/FlowsPage";

const NOW = Date.parse("2026-11-28T12:00:00Z");
const at = (minutes: number) => new Date(NOW - minutes * 60_000).toISOString();
const run = (minutes: number, state = "Success", took = 60) => ({
  id: `${minutes}`,
  state,
  scheduled_start_time: at(minutes),
  start_time: at(minutes),
  end_time: state === "Running" ? null : new Date(NOW - minutes * 60_000 + took * 1_000).toISOString(),
});

describe("the last runs of a flow", () => {
  it("come from several versions, the newest last", () => {
    expect(newest([{ runs: [run(1), run(3)] }, { runs: [run(2), run(4)] }], 3).map((r) => r.id)).toEqual([
      "3",
      "2",
      "1",
    ]);
  });
  it("succeeded by how many, among those that ended one way or the other", () => {
    const runs = [run(5), run(4, "Failed"), run(3, "Cancelled"), run(2, "TimedOut"), run(1, "Running")];
    expect(successRate(runs)).toEqual({ succeeded: 1, of: 3 });
    expect(successRate([run(1, "Running"), run(2, "Cancelled")])).toBeNull();
  });
  it("stand at the right end, the longest the tallest", () => {
    const marks = stripMarks([run(3, "Success", 4), run(2, "Failed", 600), run(1, "Success", 60)], 5, NOW);
    expect(marks.map((m) => m.x)).toEqual([2, 3, 4]);
    const heights = marks.map((m) => m.height);
    expect(heights.indexOf(Math.max(...heights))).toBe(1);
    expect(heights.every((h) => h > 0 && h <= 1)).toBe(true);
    expect(stripMarks([run(3), run(2), run(1)], 2, NOW).map((m) => m.x)).toEqual([0, 1]);
  });
  it("are told in words", () => {
    expect(stripWords([run(2), run(1), run(3, "Failed")])).toBe("Last 3 runs: 2 Success, 1 Failed");
    expect(stripWords([])).toBe("No runs yet");
  });
});

describe("flows", () => {
  it("are listed by project and name, and found by either", () => {
    const flow = (name: string, project: string) => ({ name, project: { name: project } }) as ListedFlow;
    const flows = [flow("tides", "sea"), flow("barges", "canal"), flow("locks", "canal")];
    const listed = (text: string) => byProject(flows, text).map(([project, all]) => [project, all.map((f) => f.name)]);
    expect(listed("")).toEqual([
      ["canal", ["barges", "locks"]],
      ["sea", ["tides"]],
    ]);
    expect(listed("CANAL lo")).toEqual([["canal", ["locks"]]]);
    expect(listed("nothing")).toEqual([]);
  });
});
