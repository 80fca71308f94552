/**
 * What the made-up world of dev/scenario.mjs answers to the page's GraphQL documents: each is known by the name of its operation. A development
 * tool; it reads no GraphQL.
 */
import { answerRoom } from "./roomAnswers.mjs";

/** A time as the server writes it. */
export const iso = (ms) => (ms === null ? null : new Date(ms).toISOString().replace("Z", "+00:00"));

function runRow(run) {
  return {
    id: run.id,
    name: run.name,
    state: run.state,
    version: run.version,
    scheduled_start_time: run.scheduled_start_time,
    start_time: iso(run.start),
    end_time: iso(run.end),
    flow: { id: run.flow.id, name: run.flow.name, version: 3, flow_group_id: run.flow.id, archived: false },
    auto_scheduled: true,
    run_config_type: "UniversalRun",
    state_start_time: null,
    due_at: null,
    phase: null,
    fence: 1,
    lease_expires_at: null,
    heartbeat: null,
    parent: null,
    children: [],
    parameters: run.parameters,
    labels: run.labels,
    attempt: run.attempt,
    state_message: run.message,
    times_resurrected: run.times_resurrected,
    waiting_for: run.waiting_for,
    lease_holder: null,
    agent: run.agent,
    states: run.states,
  };
}

function taskRow(t) {
  return {
    id: t.id,
    task_id: t.task_id,
    map_index: t.map_index,
    name: t.name,
    state: t.state,
    version: t.version,
    start_time: iso(t.start),
    end_time: iso(t.end),
    state_message: t.message,
    n_map_states: t.width ?? null,
  };
}

function agentRow(world, agent) {
  const holds = [...world.runs.values()].filter(
    (r) => r.agent?.id === agent.id && ["Submitted", "Running"].includes(r.state),
  );
  return { ...agent, holds: holds.map((r) => runRow(r)) };
}

/**
 * The answer to one of the page's documents, by its operation's name.
 * @returns {any}
 */
export function answer(world, query, variables) {
  const operation = /(?:query|mutation)\s+(\w+)/.exec(query)?.[1];
  const run = world.runs.get(variables.id ?? variables.run);
  const logs = world.logs.get(variables.run) ?? [];
  switch (operation) {
    case "Home": {
      const rows = [...world.runs.values()];
      const waiting = new Set(variables.waiting);
      const begun = rows
        .filter((r) => !waiting.has(r.state))
        .sort((a, b) => b.due - a.due)
        .slice(0, variables.begun);
      const coming = rows
        .filter((r) => waiting.has(r.state))
        .sort((a, b) => a.due - b.due)
        .slice(0, variables.coming);
      return {
        begun: begun.map((r) => runRow(r)),
        coming: coming.map((r) => runRow(r)),
        flows: world.flows.slice(0, 1).map((f) => ({ id: f.id })),
      };
    }
    case "Agents":
      return { agents: world.agents.map((agent) => agentRow(world, agent)) };
    case "Run":
      return { run: run ? [runRow(run)] : [] };
    case "Graph":
      return { run: run ? [{ flow: { tasks: run.flow.tasks, edges: run.flow.edges } }] : [] };
    case "TaskRuns": {
      const rows = (run?.taskRunIds ?? []).map((id) => taskRow(world.taskRuns.get(id)));
      const children = rows.filter((r) => r.map_index >= 0);
      const bare = ({ name: _n, state_message: _m, n_map_states: _w, ...rest }) => rest;
      return {
        tasks: rows.filter((r) => r.map_index < 0),
        said: children.filter((r) => variables.troubled.includes(r.state)).slice(0, 200),
        task_run: children
          .filter((r) => r.id > variables.after)
          .sort((a, b) => (a.id < b.id ? -1 : 1))
          .slice(0, variables.limit)
          .map(bare),
      };
    }
    case "LogOf": {
      const ids = new Set(
        (run?.taskRunIds ?? []).filter((id) => {
          const t = world.taskRuns.get(id);
          return t.task_id === variables.task && t.map_index >= variables.least && t.map_index <= variables.most;
        }),
      );
      return {
        log: logs
          .filter((l) => ids.has(l.task_run_id))
          .slice(-variables.limit)
          .reverse(),
      };
    }
    case "LogLevels":
      return {
        log: logs
          .filter((l) => variables.levels.includes(l.level))
          .slice(-variables.limit)
          .reverse(),
      };
    case "Artifacts":
      return { artifacts: [] };
    case "TaskRunsById":
      return {
        task_run: variables.ids
          .map((id) => world.taskRuns.get(id))
          .filter(Boolean)
          .map((t) => taskRow(t)),
      };
    case "LogTail":
      return { log: logs.slice(-variables.limit).reverse() };
    case "LogBefore":
      return {
        log: logs
          .filter((l) => l.timestamp <= variables.at)
          .slice(-variables.limit)
          .reverse(),
      };
    case "LogSince":
      return {
        log: logs
          .filter((l) => l.id > variables.after)
          .sort((a, b) => (a.id < b.id ? -1 : 1))
          .slice(0, variables.limit),
      };
    case "Cancel": {
      if (!run) throw Object.assign(new Error("There is no such flow run."), { code: "NOT_FOUND" });
      if (run.state === "Running") world.setRun(run, "Cancelling", world.now, "Cancelled by admin.");
      else if (run.end === null && run.state !== "Cancelling")
        world.setRun(run, "Cancelled", world.now, "Cancelled before it began.");
      return { cancel_flow_run: { state: run.state } };
    }
    case "Restart": {
      if (!["Failed", "Cancelled"].includes(run?.state))
        throw Object.assign(new Error(`This run is ${run?.state}; only a failed or cancelled run can be restarted.`), {
          code: "ILLEGAL_TRANSITION",
        });
      run.attempt += 1;
      run.end = null;
      world.setRun(run, "Scheduled", world.now, "Restarted by admin.");
      return { restart_flow_run: { success: true, error: null } };
    }
    default: {
      const known = answerRoom(world, operation, variables, runRow, agentRow);
      if (known) return known;
      throw Object.assign(new Error(`The fake backend knows no operation ${operation}.`), {
        code: "VALIDATION_FAILED",
      });
    }
  }
}
