/**
 * The task runs of one flow run, grouped by task, held by version: a row or an event that is not newer than what is held changes nothing,
 * so the order in which reads and events arrive does not matter and none is counted twice. Notifies nobody; its owner does.
 */
import { topological } from "../domain/graph";
import { type Family, familyOf, isFinal } from "../domain/states";
import { parse } from "../domain/time";
import type { FlowGraph, TaskRow, TaskRunRow } from "./documents/run";

export interface TaskRun {
  readonly id: string;
  readonly taskId: string;
  readonly mapIndex: number;
  readonly name: string | null;
  readonly state: string;
  readonly version: number;
  readonly start: number | null;
  readonly end: number | null;
  readonly message: string | null;
  readonly width: number;
}

export interface TaskGroup {
  readonly task: TaskRow;
  /** The task run itself; for a mapped task its parent. */
  readonly self: TaskRun | null;
  /** One for each index, so the n-th is child n; those that have no row yet are stand-ins of version 0. */
  readonly children: readonly TaskRun[];
  /** Of the children where there are any, else of the task run itself. */
  readonly counts: Readonly<Record<string, number>>;
  readonly start: number | null;
  readonly end: number | null;
}

export interface TaskView {
  readonly groups: readonly TaskGroup[];
  readonly edges: FlowGraph["edges"];
  readonly total: number;
  readonly ended: number;
  /** Grows when a name or a task run becomes known; what is called by task stays as it is until then. */
  readonly epoch: number;
  readonly families: Readonly<Record<Family, number>>;
}

export interface TaskChange {
  readonly task_run_id: string;
  readonly state: string;
  readonly version: number;
  readonly message?: string | null;
}

export class TaskStore {
  private readonly runs = new Map<string, TaskRun>();
  private readonly members = new Map<string, Set<string>>();
  private readonly tasks = new Map<string, TaskRow>();
  private readonly groups = new Map<string, TaskGroup>();
  private readonly dirty = new Set<string>();
  private order: Map<string, number> | null = null;
  private view: TaskView = { groups: [], edges: [], total: 0, ended: 0, epoch: 0, families: zero() };
  private epoch = 0;
  private edges: FlowGraph["edges"] = [];

  get(id: string): TaskRun | undefined {
    return this.runs.get(id);
  }

  find(taskId: string, mapIndex: number | null): TaskRun | undefined {
    for (const id of this.members.get(taskId) ?? []) {
      const run = this.runs.get(id);
      if (run?.mapIndex === (mapIndex ?? -1)) return run;
    }
    return undefined;
  }

  taskOf(run: TaskRun): TaskRow | undefined {
    return this.tasks.get(run.taskId);
  }

  setGraph(graph: FlowGraph): void {
    for (const task of graph.tasks) {
      this.tasks.set(task.id, task);
      this.dirty.add(task.id);
    }
    this.epoch += 1;
    this.edges = graph.edges;
    this.order = topological(
      graph.tasks.map((t) => t.id),
      graph.edges,
    );
  }

  /** Take rows of a read. A row of the same version as held is taken too: it knows times that an event does not. */
  merge(rows: readonly TaskRunRow[]): boolean {
    let changed = false;
    for (const row of rows) {
      const held = this.runs.get(row.id);
      if (held && held.version > row.version) continue;
      this.put({
        id: row.id,
        taskId: row.task_id,
        mapIndex: row.map_index,
        name: row.name === undefined ? (held?.name ?? null) : row.name,
        state: row.state,
        version: row.version,
        start: parse(row.start_time),
        end: parse(row.end_time),
        // a row that was read without its words keeps those that are known of this very version
        message:
          row.state_message === undefined ? (held?.version === row.version ? held.message : null) : row.state_message,
        width: row.n_map_states === undefined ? (held?.width ?? 0) : (row.n_map_states ?? 0),
      });
      changed = true;
    }
    return changed;
  }

  /** Take the changes of an event; answers the ids whose rows must be read, since the event does not say everything of them. */
  apply(changes: readonly TaskChange[], at: number): string[] {
    const toRead: string[] = [];
    for (const change of changes) {
      const held = this.runs.get(change.task_run_id);
      if (held && held.version >= change.version) continue;
      toRead.push(change.task_run_id);
      if (!held) continue;
      this.put({
        ...held,
        state: change.state,
        version: change.version,
        message: change.message ?? null,
        start: held.start ?? (change.state === "Running" ? at : null),
        end: isFinal(change.state) ? at : null,
      });
    }
    return toRead;
  }

  snapshot(): TaskView {
    if (this.dirty.size === 0) return this.view;
    for (const taskId of this.dirty) this.groups.set(taskId, this.buildGroup(taskId));
    this.dirty.clear();
    const families = zero();
    let total = 0;
    let ended = 0;
    for (const group of this.groups.values()) {
      for (const [state, n] of Object.entries(group.counts)) {
        total += n;
        families[familyOf(state)] += n;
        if (isFinal(state)) ended += n;
      }
    }
    const order = this.order;
    const groups = [...this.groups.values()].sort(
      (a, b) => (order?.get(a.task.id) ?? 0) - (order?.get(b.task.id) ?? 0) || (a.task.id < b.task.id ? -1 : 1),
    );
    this.view = { groups, edges: this.edges, total, ended, epoch: this.epoch, families };
    return this.view;
  }

  private put(run: TaskRun): void {
    if (!this.runs.has(run.id)) this.epoch += 1;
    this.runs.set(run.id, run);
    const set = this.members.get(run.taskId);
    if (set) set.add(run.id);
    else this.members.set(run.taskId, new Set([run.id]));
    this.dirty.add(run.taskId);
  }

  private buildGroup(taskId: string): TaskGroup {
    const task = this.tasks.get(taskId) ?? { id: taskId, name: null, slug: taskId, mapped: false };
    let self: TaskRun | null = null;
    const children: TaskRun[] = [];
    let start: number | null = null;
    let end: number | null = null;
    for (const id of this.members.get(taskId) ?? []) {
      const run = this.runs.get(id) as TaskRun;
      if (run.mapIndex < 0) self = run;
      else children.push(run);
      if (run.start !== null) start = start === null ? run.start : Math.min(start, run.start);
      if (run.end !== null) end = end === null ? run.end : Math.max(end, run.end);
    }
    const placed = place(taskId, children, self?.width ?? 0);
    const counted = placed.length > 0 ? placed : self ? [self] : [];
    const counts: Record<string, number> = {};
    for (const run of counted) counts[run.state] = (counts[run.state] ?? 0) + 1;
    const open = counted.some((run) => !isFinal(run.state));
    return { task, self, children: placed, counts, start, end: open ? null : end };
  }
}

/** The children by their index; where none is known yet, a stand-in that waits. */
function place(taskId: string, children: readonly TaskRun[], width: number): readonly TaskRun[] {
  const count = children.reduce((most, child) => Math.max(most, child.mapIndex + 1), width);
  if (children.length === count) return [...children].sort((a, b) => a.mapIndex - b.mapIndex);
  const slots: TaskRun[] = Array.from({ length: count }, (_, mapIndex) => ({
    id: "",
    taskId,
    mapIndex,
    name: null,
    state: "Pending",
    version: 0,
    start: null,
    end: null,
    message: null,
    width: 0,
  }));
  for (const child of children) slots[child.mapIndex] = child;
  return slots;
}

function zero(): Record<Family, number> {
  return { running: 0, waiting: 0, success: 0, failed: 0, cancelled: 0 };
}
