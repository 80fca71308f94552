/** Who takes which runs, in words; and what of all that needs a person. */
import { describe, expect, it } from "vitest";
import { unserved } from "../src/components/Unserved";
import type { OfferedRun } from "../src/data/documents/agents";
import { servicesOf } from "../src/data/health";
import { failures, lateRuns, vanished } from "../src/domain/needs";
import { couldRun, isAlive, type Serving, serves, startCommand, whyNobody } from "../src/domain/serving";

const NOW = Date.parse("2026-11-28T12:00:00Z");
const ago = (ms: number) => new Date(NOW - ms).toISOString();
const agent = (name: string, labels: string[] = [], silent = 0, types = ["LocalRun", "UniversalRun"]): Serving => ({
  name,
  type: "LocalAgent",
  labels,
  run_config_types: types,
  last_queried: ago(silent),
  lease_expires_at: null,
});
const need = (labels: string[] = [], run_config_type = "UniversalRun") => ({ labels, run_config_type });

describe("an agent", () => {
  it("is alive while its lease holds or it asked within a minute", () => {
    expect([isAlive(agent("a", [], 59_000), NOW), isAlive(agent("a", [], 61_000), NOW)]).toEqual([true, false]);
    expect(isAlive({ ...agent("a", [], 90_000), lease_expires_at: ago(-1_000) }, NOW)).toBe(true);
  });
  it("takes runs whose labels it has; unlabelled runs go to unlabelled agents", () => {
    const gpu = agent("g", ["gpu", "north"]);
    expect([serves(gpu, need(["gpu"])), serves(gpu, need(["gpu", "sea"])), serves(gpu, need())]).toEqual([
      true,
      false,
      false,
    ]);
    expect([serves(agent("a"), need()), serves(agent("a"), need(["gpu"]))]).toEqual([true, false]);
  });
  it("takes the run configs it can start; one that does not say takes any", () => {
    expect(serves(agent("a"), need([], "KubernetesRun"))).toBe(false);
    expect(serves(agent("a", [], 0, []), need([], "KubernetesRun"))).toBe(true);
  });
  it("asks the server for the runs it takes, by the same rule", () => {
    expect(couldRun(agent("a")).labels).toEqual({ _eq: [] });
    expect(couldRun(agent("a", ["gpu"]))).toEqual({
      due_at: { _is_null: false },
      labels: { _contained_in: ["gpu"], _neq: [] },
      run_config_type: { _in: ["LocalRun", "UniversalRun"] },
      flow: { code_hash: { _is_null: false } },
    });
    expect(Object.keys(couldRun(agent("a", [], 0, [])))).toEqual(["due_at", "labels", "flow"]);
    expect(couldRun({ ...agent("p", [], 0, []), core_version: "1.4.1" }).flow).toEqual({
      code_hash: { _is_null: true },
    });
  });
  it("takes flows of its own client only", () => {
    const theirs = { ...agent("p", [], 0, []), core_version: "1.4.1" };
    const [of1, of2] = [
      { ...need(), flow: { code_hash: null } },
      { ...need(), flow: { code_hash: "c0de" } },
    ];
    expect([serves(theirs, of1), serves(theirs, of2), serves(agent("a"), of1), serves(agent("a"), of2)]).toEqual([
      true,
      false,
      false,
      true,
    ]);
    expect(whyNobody(of1, [agent("a")], NOW)).toContain("no agent of that client is alive");
    expect(whyNobody(of2, [theirs], NOW)).toContain("flows of their own client only");
    expect(startCommand(of1)).toBe("prefect agent local start");
  });
});

describe("why nobody takes a run", () => {
  it("is told by what is missing", () => {
    expect(whyNobody(need(), [agent("a")], NOW)).toBeNull();
    expect(whyNobody(need(), [], NOW)).toBe("No agent is alive.");
    expect(whyNobody(need(), [agent("g", ["gpu"])], NOW)).toContain("take runs with labels only");
    expect(whyNobody(need(["sea"]), [agent("a"), agent("g", ["gpu"])], NOW)).toBe(
      "No agent that is alive has the label sea.",
    );
    expect(whyNobody(need([], "DockerRun"), [agent("a"), agent("b")], NOW)).toBe(
      "a and b have no labels, and cannot start a DockerRun.",
    );
    expect(whyNobody(need(["sea"]), [agent("a"), agent("s", ["sea"], 300_000)], NOW)).toBe(
      "s would take them, and was last seen 5 m ago.",
    );
  });
  it("comes with the command for an agent that would, as a shell reads it", () => {
    expect(startCommand(need(["gpu", "night shift's"]))).toBe(
      "towpath agent local start --label gpu --label 'night shift'\\''s'",
    );
    expect(startCommand(need([], "KubernetesRun"))).toBeNull();
  });
  it("lists the queues that nobody serves, the one due first in front", () => {
    const queue = (labels: string[], due: number) =>
      ({ labels, run_config_type: "UniversalRun", due_at: ago(due) }) as unknown as OfferedRun;
    const alone = unserved([queue(["x"], 10), queue([], 500), queue(["y"], 900)], [agent("a")], NOW);
    expect(alone.map(({ first }) => first.labels)).toEqual([["y"], ["x"]]);
  });
});

describe("what needs a person", () => {
  const run = (flow: string, minutes: number, state = "Failed") => ({
    id: `${flow}-${minutes}`,
    name: "n",
    state,
    scheduled_start_time: ago(minutes * 60_000),
    state_message: null,
    state_timestamp: ago(minutes * 60_000),
    flow: { id: flow, name: flow },
  });
  it("is a failure that no later run has made good, once for each flow", () => {
    const failed = [run("a", 5), run("b", 10), run("a", 20), run("c", 30)];
    const begun = [run("b", 2, "Success"), run("c", 60, "Success"), run("a", 1, "Running")];
    expect(failures(failed, begun).map(({ run: { id }, times }) => [id, times])).toEqual([
      ["a-5", 2],
      ["c-30", 1],
    ]);
  });
  it("is a run that is late, with why, together with others that ask the same", () => {
    const offered = [need(["x"]), need(["x"]), need(), need(["y"])].map((n, i) => ({
      ...n,
      id: `${i}`,
      due_at: ago([60_000, 20_000, 30_000, 5_000][i] as number),
    }));
    expect(lateRuns(offered, [agent("a")], NOW).map(({ first, count, why }) => [first.id, count, why])).toEqual([
      ["0", 2, "No agent that is alive has the label x."],
      ["2", 1, null],
    ]);
  });
  it("is an agent that was there today and is not now, unless one like it is", () => {
    const agents = [
      agent("here"),
      agent("gone", [], 3_600_000),
      agent("old", [], 30 * 3_600_000),
      agent("here", ["x"], 120_000),
    ];
    expect(vanished(agents, NOW).map((a) => a.name)).toEqual(["gone"]);
  });
  it("is a service that is not ready, with what is wrong", () => {
    expect(
      servicesOf({
        services: {
          graphql: { status: "ready", checks: {} },
          zombie_killer: { status: "unavailable", checks: { api: "no answer" } },
        },
      }),
    ).toEqual([
      { name: "gateway", ready: true, reasons: [] },
      { name: "graphql", ready: true, reasons: [] },
      { name: "zombie killer", ready: false, reasons: ["api: no answer"] },
    ]);
    expect(servicesOf({})).toBe("away");
  });
});
