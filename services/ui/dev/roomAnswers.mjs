/**
 * What the made-up world answers to the documents of home, the explorer, the flows and the agents. Conditions are not understood but for the
 * few that the pages of the development tool need: everything is listed, newest first.
 */
const WAITING = new Set(["Pending", "Scheduled", "Paused", "Resume", "Retrying", "Queued"]);

const byDue = (a, b) => b.due - a.due;

function offeredRow(run, runRow) {
  return { ...runRow(run), run_config_type: "UniversalRun", due_at: run.scheduled_start_time };
}

function found(world, runRow) {
  return [...world.runs.values()]
    .filter((r) => !WAITING.has(r.state) || r.due <= world.now)
    .sort(byDue)
    .map((r) => ({ ...runRow(r), agent: r.agent }));
}

function listedFlow(world, flow, runRow) {
  const runs = [...world.runs.values()].filter((r) => r.flow.id === flow.id);
  const next = runs.filter((r) => r.state === "Scheduled").sort((a, b) => a.due - b.due)[0];
  return {
    id: flow.id,
    flow_group_id: flow.id,
    name: flow.name,
    version: 1,
    archived: false,
    is_schedule_active: true,
    schedule: {
      clocks: [
        {
          type: "IntervalClock",
          interval: flow.plan.every * 1_000,
          start_date: { dt: "2026-01-01T00:00:00", tz: "UTC" },
        },
      ],
    },
    project: { name: "default" },
    flow_group: {
      schedule: null,
      flows: [
        {
          runs: runs
            .filter((r) => !WAITING.has(r.state))
            .sort(byDue)
            .slice(0, 20)
            .map((r) => runRow(r)),
        },
      ],
    },
    next: next ? [{ id: next.id, scheduled_start_time: next.scheduled_start_time }] : [],
  };
}

/** @returns {any} the answer, or undefined where the operation is of another room. */
export function answerRoom(world, operation, variables, runRow, agentRow) {
  const runs = [...world.runs.values()];
  const count = (n) => ({ aggregate: { count: n } });
  const states = (...names) => count(runs.filter((r) => names.includes(r.state)).length);
  const offered = () =>
    runs
      .filter((r) => WAITING.has(r.state))
      .sort((a, b) => a.due - b.due)
      .map((r) => offeredRow(r, runRow));
  switch (operation) {
    case "Needs":
      return {
        failed: runs
          .filter((r) => r.state === "Failed")
          .sort((a, b) => b.end - a.end)
          .map((r) => ({ ...runRow(r), state_timestamp: new Date(r.end).toISOString() })),
        paused: [],
        holding: [],
        offered: offered(),
        idle: [],
      };
    case "Today":
      return {
        success: states("Success"),
        failed: states("Failed"),
        cancelled: states("Cancelled"),
        running: states("Running", "Submitted"),
        coming: states(...WAITING),
      };
    case "Runs":
      return { flow_run: found(world, runRow).slice(0, variables.limit) };
    case "RunsById":
      return { flow_run: found(world, runRow).filter((r) => variables.ids.includes(r.id)) };
    case "RunCount":
      return { flow_run_aggregate: count(found(world, runRow).length) };
    case "Choices":
      return {
        flows: world.flows.map((f) => ({ id: f.id, flow_group_id: f.id, name: f.name })),
        projects: [{ id: world.flows[0]?.id ?? "", name: "default" }],
        agents: world.agents.map((a) => ({ id: a.id, name: a.name })),
      };
    case "Flows":
      return { flow: world.flows.map((f) => listedFlow(world, f, runRow)) };
    case "Queues": {
      const seen = new Set();
      return { queues: offered().filter((r) => !seen.has(r.labels.join()) && seen.add(r.labels.join())) };
    }
    case "Offered": {
      const rows = offered();
      return { offered: rows.slice(0, variables.limit), count: count(rows.length) };
    }
    case "Agent":
      return {
        agents: world.agents.filter((a) => a.id === variables.id).map((a) => agentRow(world, a)),
        recent: runs
          .filter((r) => r.agent?.id === variables.id && r.end !== null)
          .sort(byDue)
          .slice(0, 25)
          .map((r) => runRow(r)),
      };
    default:
      return undefined;
  }
}
