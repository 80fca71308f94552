/**
 * A made-up world of flows and runs that moves when it is told the time. A development tool: it feeds dev/fake_backend.mjs and the component
 * tests, and is no part of what is shipped. Everything follows from the seed and the times it is given, so two worlds alike stay alike.
 */

import { answer, iso } from "./answers.mjs";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const ADJECTIVES =
  "amber ashen brisk calm copper early fallow gentle glassy hollow idle linden mossy narrow quiet russet silver slow tawny wide".split(
    " ",
  );
const NOUNS =
  "alder barge bittern coot dipper eddy ferry heron kingfisher lock mallard mooring otter reed sluice swift teal towline weir willow".split(
    " ",
  );

/** Seeded pseudo-random numbers in 0..1 (mulberry32). */
export function randomFrom(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const FLOWS = [
  {
    name: "tide-tables",
    every: HOUR,
    took: 38_000,
    tasks: ["fetch stations", "predict", "compare", "publish"],
    fails: 0.02,
  },
  {
    name: "lock-telemetry",
    every: 2 * HOUR,
    took: 9 * MINUTE,
    tasks: ["open window", "list locks", "measure*", "reduce", "publish"],
    fails: 0.08,
  },
  {
    name: "freight-ledger",
    every: 6 * HOUR,
    took: 47 * MINUTE,
    tasks: ["pull manifests", "match tolls", "balance", "post"],
    fails: 0.15,
  },
  { name: "barge-positions", every: HOUR, took: 4_000, tasks: ["read feed", "snap to canal", "store"], fails: 0.01 },
  {
    name: "water-quality",
    every: 4 * HOUR,
    took: 3 * MINUTE,
    tasks: ["collect samples", "calibrate", "score*", "report"],
    fails: 0.05,
  },
];

const TRACEBACK = `Unexpected error: ValueError('3 tolls have no manifest')
Traceback (most recent call last):
  File "towpath/engine/task_runner.py", line 214, in _call
    value = self.task.run(**inputs)
  File "freight/ledger.py", line 88, in match_tolls
    raise ValueError(f"{len(orphans)} tolls have no manifest")
ValueError: 3 tolls have no manifest`;

export class World {
  /** @param {{now: number, seed?: number, kind?: "busy" | "empty" | "huge", children?: number}} options */
  constructor({ now, seed = 7, kind = "busy", children = 600 }) {
    this.now = now;
    this.random = randomFrom(seed);
    this.counter = 0;
    this.flows = [];
    this.runs = new Map();
    this.taskRuns = new Map();
    this.logs = new Map();
    this.agents = [];
    this.active = [];
    /** @type {(event: {type: string, run: string, data?: unknown}) => void} */
    this.emit = () => {};
    /** @type {Record<string, string>} ids of the runs worth opening */
    this.names = {};
    if (kind === "empty") return;
    for (const plan of FLOWS) this.addFlow(plan);
    this.addAgents();
    this.addPast();
    this.addComing();
    this.names.mapped = this.begin("lock-telemetry", now - 74_000, {
      children,
      window: "2h",
      region: "north",
      locks: null,
    }).id;
    this.names.small = this.begin("water-quality", now - 21_000, { children: 12, limit_mg: 0.25 }).id;
    this.names.failed = this.addFailed(now - 31 * MINUTE);
    this.names.cancelled = [...this.runs.values()].find((r) => r.state === "Cancelled")?.id ?? null;
    if (kind === "huge") this.names.huge = this.begin("lock-telemetry", now - 74_000, { children: 10_000 }).id;
    for (let t = -74_000; t <= 0; t += 250) this.step(now + t, true);
  }

  id(ms) {
    this.counter += 1;
    const head = Math.floor(ms).toString(16).padStart(12, "0");
    const tail = this.counter.toString(16).padStart(12, "0");
    return `${head.slice(0, 8)}-${head.slice(8)}-7000-8000-${tail}`;
  }

  pick(list) {
    return list[Math.floor(this.random() * list.length)];
  }

  addFlow(plan) {
    const at = this.now - 30 * 24 * HOUR;
    const flow = { id: this.id(at), name: plan.name, plan, archived: false, tasks: [], edges: [] };
    for (const each of plan.tasks) {
      const name = each.replace("*", "");
      const task = { id: this.id(at), name, slug: `${name.replaceAll(" ", "_")}-1`, mapped: each.endsWith("*") };
      const before = flow.tasks.at(-1);
      if (before) flow.edges.push({ upstream_task_id: before.id, downstream_task_id: task.id });
      flow.tasks.push(task);
    }
    this.flows.push(flow);
  }

  flow(name) {
    return this.flows.find((f) => f.name === name);
  }

  addAgents() {
    const add = (name, labels, seen) =>
      this.agents.push({
        id: this.id(this.now),
        name,
        type: "LocalAgent",
        labels,
        run_config_types: ["LocalRun", "UniversalRun"],
        core_version: "0.1.0",
        created: iso(this.now - 40 * HOUR),
        address: null,
        last_queried: iso(this.now - seen),
        lease_expires_at: iso(this.now - seen + 15_000),
        gone: seen > MINUTE,
      });
    add("lockkeeper-1", [], 1_000);
    add("lockkeeper-2", ["gpu", "north"], 3_000);
    add("old-laptop", [], 26 * HOUR);
  }

  newRun(flow, due, parameters = {}) {
    const run = {
      id: this.id(due),
      name: `${this.pick(ADJECTIVES)}-${this.pick(NOUNS)}`,
      flow,
      state: "Scheduled",
      version: 1,
      attempt: 1,
      parameters,
      labels: [],
      scheduled_start_time: iso(due),
      due,
      start: null,
      end: null,
      message: "Flow run scheduled.",
      times_resurrected: 0,
      waiting_for: null,
      agent: null,
      states: [],
      taskRunIds: [],
      changed: due,
    };
    this.runs.set(run.id, run);
    this.logs.set(run.id, []);
    this.remember(run, due - MINUTE);
    return run;
  }

  remember(run, at) {
    run.states.push({
      id: this.id(at),
      version: run.version,
      attempt: run.attempt,
      state: run.state,
      timestamp: iso(at),
      message: run.message,
      actor: run.state === "Cancelling" ? "admin" : null,
    });
  }

  setRun(run, state, at, message) {
    run.state = state;
    run.version += 1;
    run.message = message ?? null;
    if (state === "Running") run.start ??= at;
    if (["Success", "Failed", "Cancelled"].includes(state)) run.end = at;
    this.remember(run, at);
    this.emit({ type: "run", run: run.id });
  }

  log(run, at, level, message, taskRun = null) {
    const row = {
      id: this.id(at),
      timestamp: iso(at),
      level,
      name: taskRun ? "towpath.task" : "towpath.run",
      message,
      task_run_id: taskRun?.id ?? null,
    };
    this.logs.get(run.id)?.push(row);
    this.emit({ type: "log", run: run.id, data: row });
  }

  addTaskRun(run, task, mapIndex, at) {
    const row = {
      id: this.id(at),
      run: run.id,
      task_id: task.id,
      map_index: mapIndex,
      name: null,
      state: "Pending",
      version: 1,
      start: null,
      end: null,
      message: null,
    };
    this.taskRuns.set(row.id, row);
    run.taskRunIds.push(row.id);
    return row;
  }

  setTask(row, state, at, message = null) {
    row.state = state;
    row.version += 1;
    row.message = message;
    if (state === "Running") row.start ??= at;
    if (["Success", "Failed", "Mapped", "Cancelled", "TriggerFailed", "Skipped", "Cached"].includes(state))
      row.end = at;
    this.emit({ type: "task", run: row.run, data: { task_run_id: row.id, state, version: row.version, message } });
  }

  addPast() {
    const from = this.now - 20 * HOUR;
    for (const flow of this.flows) {
      for (let due = from + this.random() * flow.plan.every; due < this.now - 4 * MINUTE; due += flow.plan.every) {
        const run = this.newRun(flow, due);
        const took = flow.plan.took * (0.6 + this.random() * 0.9);
        const end = Math.min(due + took, this.now - MINUTE);
        const luck = this.random();
        const final = luck < flow.plan.fails ? "Failed" : luck < flow.plan.fails + 0.02 ? "Cancelled" : "Success";
        run.agent = { id: this.agents[0].id, name: this.agents[0].name };
        this.setRun(run, "Submitted", due + 120, null);
        this.setRun(run, "Running", due + 420, null);
        for (const task of flow.tasks) {
          const row = this.addTaskRun(run, task, -1, due);
          const part = (end - due) / flow.tasks.length;
          const at = due + 420 + part * flow.tasks.indexOf(task);
          this.setTask(row, "Running", at);
          this.setTask(
            row,
            final === "Success" || flow.tasks.indexOf(task) < 2 ? "Success" : final,
            Math.min(end, at + part * 0.9),
          );
        }
        if (final === "Cancelled") this.setRun(run, "Cancelling", end - 800, null);
        this.setRun(
          run,
          final,
          end,
          final === "Failed"
            ? "Some reference tasks failed."
            : final === "Cancelled"
              ? "Cancelled by admin."
              : "All reference tasks succeeded.",
        );
        this.log(run, due + 500, "INFO", `Beginning flow run for '${flow.name}'`);
        this.log(run, end, final === "Failed" ? "ERROR" : "INFO", `Flow run ${final.toUpperCase()}`);
      }
    }
  }

  addComing() {
    for (const flow of this.flows) {
      for (let n = 0; n < 4; n += 1) this.newRun(flow, this.now + (0.12 + n + this.random() * 0.5) * flow.plan.every);
    }
    const late = this.newRun(this.flow("freight-ledger"), this.now - 6 * MINUTE);
    late.labels = ["harbour"];
    this.names.late = late.id;
  }

  addFailed(due) {
    const flow = this.flow("freight-ledger");
    const run = this.newRun(flow, due, { month: "2026-10", tolerance: 0.005, ledger: "main" });
    run.agent = { id: this.agents[0].id, name: this.agents[0].name };
    this.setRun(run, "Submitted", due + 90);
    this.setRun(run, "Running", due + 400);
    this.log(run, due + 410, "INFO", "Beginning flow run for 'freight-ledger'");
    const [pull, match, balance, post] = flow.tasks.map((t) => this.addTaskRun(run, t, -1, due));
    this.setTask(pull, "Running", due + 600);
    this.log(run, due + 620, "INFO", "Task 'pull manifests': Starting task run...", pull);
    for (let i = 1; i <= 40; i += 1)
      this.log(
        run,
        due + 620 + i * 900,
        "DEBUG",
        `page ${i} of 40: ${180 + Math.floor(this.random() * 60)} manifests`,
        pull,
      );
    this.setTask(pull, "Success", due + 40_000);
    this.log(run, due + 40_000, "INFO", "Task 'pull manifests': Finished task run with final state: 'Success'", pull);
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const at = due + 41_000 + attempt * 70_000;
      this.setTask(match, "Running", at);
      this.log(run, at, "INFO", "Task 'match tolls': Starting task run...", match);
      this.log(run, at + 8_000, "WARNING", "toll 99-1043 has no manifest number", match);
      this.log(run, at + 8_100, "ERROR", TRACEBACK, match);
      if (attempt < 2) {
        this.setTask(match, "Retrying", at + 8_200, "Retrying (attempt 2 of 3) in 60 s.");
        this.log(run, at + 8_200, "INFO", "Task 'match tolls': Finished task run with final state: 'Retrying'", match);
      }
    }
    const end = due + 41_000 + 148_300;
    this.setTask(match, "Failed", end, "Unexpected error: ValueError('3 tolls have no manifest')");
    for (const row of [balance, post])
      this.setTask(
        row,
        "TriggerFailed",
        end + 20,
        "Trigger was 'all_successful' but some of the upstream tasks failed.",
      );
    this.log(run, end + 30, "ERROR", "Flow run FAILED: some reference tasks failed.");
    this.setRun(run, "Failed", end + 40, "match tolls failed: ValueError('3 tolls have no manifest').");
    return run.id;
  }

  /** A run that the world moves on. */
  begin(flowName, due, { children, ...parameters }) {
    const flow = this.flow(flowName);
    const run = this.newRun(flow, due, parameters);
    run.agent = { id: this.agents[0].id, name: this.agents[0].name };
    for (const task of flow.tasks) this.addTaskRun(run, task, -1, due);
    this.setRun(run, "Submitted", due + 140);
    this.setRun(run, "Running", due + 610);
    this.log(run, due + 620, "INFO", `Beginning flow run for '${flowName}'`);
    this.active.push({ run, flow, at: 0, children, next: 0, open: [], until: 0 });
    return run;
  }

  /** Move on to `now`. Quiet steps (of the past) make no noise but leave the same rows. */
  step(now, quiet = false) {
    const emit = this.emit;
    if (quiet) this.emit = () => {};
    for (const job of [...this.active]) this.stepJob(job, now);
    for (const agent of this.agents) {
      if (agent.gone || now - Date.parse(agent.last_queried) < 5_000) continue;
      agent.last_queried = iso(now);
      agent.lease_expires_at = iso(now + 15_000);
      this.emit({ type: "agent", run: "" });
    }
    this.now = now;
    this.emit = emit;
  }

  stepJob(job, now) {
    const { run, flow } = job;
    if (run.state === "Cancelling") return this.stop(job, now);
    if (run.state !== "Running" || now < run.start) return;
    const task = flow.tasks[job.at];
    if (!task) {
      this.active.splice(this.active.indexOf(job), 1);
      this.log(run, now, "INFO", "Flow run SUCCESS: all reference tasks succeeded");
      this.setRun(run, "Success", now, "All reference tasks succeeded.");
      return;
    }
    const parent = run.taskRunIds
      .map((id) => this.taskRuns.get(id))
      .find((t) => t.task_id === task.id && t.map_index < 0);
    if (parent.state === "Pending") {
      this.setTask(parent, "Running", now);
      this.log(run, now, "INFO", `Task '${task.name}': Starting task run...`, parent);
      job.until = now + 2_500 + this.random() * 3_000;
      if (task.mapped) {
        parent.width = job.children;
        this.setTask(parent, "Mapped", now, `Mapped over ${job.children} inputs.`);
      }
      return;
    }
    if (task.mapped) return this.stepMapped(job, task, now);
    if (now < job.until) return;
    this.setTask(parent, "Success", now);
    this.log(run, now, "INFO", `Task '${task.name}': Finished task run with final state: 'Success'`, parent);
    job.at += 1;
  }

  stepMapped(job, task, now) {
    const { run } = job;
    const lanes = Math.max(4, Math.ceil(job.children / 60));
    for (const open of [...job.open]) {
      if (now < open.until) continue;
      job.open.splice(job.open.indexOf(open), 1);
      const bad = this.random() < 0.012;
      this.setTask(
        open.row,
        bad ? "Failed" : "Success",
        now,
        bad ? "Unexpected error: TimeoutError('gauge did not answer')" : null,
      );
      if (bad) this.log(run, now, "ERROR", `lock ${open.row.map_index}: gauge did not answer within 5 s`, open.row);
      else if (open.row.map_index % 4 === 0)
        this.log(
          run,
          now,
          "INFO",
          `lock ${open.row.map_index}: level ${(1 + this.random()).toFixed(2)} m, ${Math.floor(this.random() * 40)} readings`,
          open.row,
        );
    }
    while (job.open.length < lanes && job.next < job.children) {
      const row = this.addTaskRun(run, task, job.next, now);
      job.next += 1;
      this.setTask(row, "Running", now);
      if (row.map_index % 9 === 0) this.log(run, now, "DEBUG", `lock ${row.map_index}: open gauge`, row);
      if (row.map_index % 53 === 52) this.log(run, now, "WARNING", `lock ${row.map_index}: battery low`, row);
      job.open.push({ row, until: now + 900 + this.random() * 3_200 });
    }
    if (job.open.length === 0 && job.next >= job.children) job.at += 1;
  }

  stop(job, now) {
    const { run } = job;
    job.stopAt ??= now + 1_200;
    if (now < job.stopAt) return;
    for (const id of run.taskRunIds) {
      const row = this.taskRuns.get(id);
      if (["Pending", "Running", "Scheduled"].includes(row.state))
        this.setTask(row, "Cancelled", now, "The run was cancelled.");
    }
    this.emit({ type: "many", run: run.id });
    this.active.splice(this.active.indexOf(job), 1);
    this.log(run, now, "INFO", "Flow run CANCELLED");
    this.setRun(run, "Cancelled", now, "Cancelled by admin.");
  }

  /** @returns {any} */
  answer(query, variables) {
    return answer(this, query, variables);
  }
}
