// What changed between two versions of a flow.
import { describe, expect, it } from "vitest";
import { changesOf, type TaskFacts, type VersionFacts } from "../src/domain/versionDiff";

const task = (slug: string, more: Partial<TaskFacts> = {}): TaskFacts => ({
  slug,
  name: slug.replace(/-\d+$/, ""),
  type: "towpath.core.task.FunctionTask",
  mapped: false,
  max_retries: 0,
  retry_delay: null,
  trigger: "towpath.triggers.all_successful",
  tags: [],
  is_reference_task: false,
  ...more,
});
const base: VersionFacts = {
  tasks: [task("read-1"), task("sum-1"), task("post-1")],
  edges: [
    { from: "read-1", to: "sum-1", key: "x" },
    { from: "sum-1", to: "post-1", key: null },
  ],
  parameters: [{ name: "city", required: true }],
  schedule: { clocks: [{ type: "CronClock", cron: "0 6 * * *" }] },
  code_hash: "a",
  storage: null,
  description: null,
};
const said = (after: Partial<VersionFacts>) =>
  changesOf(base, { ...base, ...after }).map((c) => `${c.sign} ${c.what}${c.detail ? `: ${c.detail}` : ""}`);

describe("changes", () => {
  it("are none between equals, whatever the order", () => {
    expect(said({})).toEqual([]);
    expect(said({ tasks: [...base.tasks].reverse(), edges: [...base.edges].reverse() })).toEqual([]);
  });
  it("tell tasks that came, went and are different, with their edges only once", () => {
    expect(
      said({
        tasks: [
          task("read-1", { max_retries: 3, retry_delay: "00:01:00" }),
          task("sum-1", { mapped: true }),
          task("mail-1"),
        ],
        edges: [
          { from: "read-1", to: "sum-1", key: "x" },
          { from: "sum-1", to: "mail-1", key: null },
        ],
      }),
    ).toEqual([
      "~ task read: retries 0 → 3, retry delay none → 00:01:00",
      "~ task sum: mapped no → yes",
      "+ task mail",
      "− task post",
    ]);
  });
  it("tell edges between tasks that stay", () => {
    expect(
      said({
        edges: [
          { from: "read-1", to: "sum-1", key: "y" },
          { from: "read-1", to: "post-1", key: null },
        ],
      }),
    ).toEqual(["+ 2 edges", "− 2 edges"]);
  });
  it("tell parameters", () => {
    expect(
      said({
        parameters: [
          { name: "city", required: false, default: "Graz" },
          { name: "days", required: true },
        ],
      }),
    ).toEqual(['~ parameter city: required → default "Graz"', "+ parameter days: required"]);
    expect(said({ parameters: [{ name: "city", required: true, schema: { type: "string" } }] })).toEqual([
      "~ parameter city: its type or description",
    ]);
    expect(said({ parameters: [] })).toEqual(["− parameter city"]);
  });
  it("tell the schedule in words, and code, storage and description", () => {
    expect(said({ schedule: null })).toEqual(["− schedule: Every day at 06:00, UTC"]);
    expect(said({ schedule: { clocks: [{ type: "CronClock", cron: "0 7 * * *" }] } })).toEqual([
      "~ schedule: Every day at 06:00, UTC → Every day at 07:00, UTC",
    ]);
    expect(said({ schedule: { clocks: [{ type: "CronClock", cron: "0 6 * * *", labels: ["gpu"] }] } })).toEqual([
      "~ schedule: in its parameters, labels or bounds",
    ]);
    expect(said({ code_hash: "b", storage: {}, description: "x" })).toEqual(["~ code", "~ storage", "~ description"]);
  });
});
