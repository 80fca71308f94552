/**
 * The states of a flow's tasks over its recent runs. A run that has ended is read once; those under way are one live read of their own, so
 * that a busy run costs what itself costs and not fifty runs. Children of mapped tasks are asked for only by the states that are not good.
 */
import { type ApiError, asApiError } from "../api/errors";
import { request } from "../api/http";
import { type GridTask, gravest, rowsOf } from "../domain/runGrid";
import { familyOf, isFinal } from "../domain/states";
import { parse } from "../domain/time";
import { STATE_KINDS } from "../generated/states";
import { Cell, Gathered, OneAtATime } from "./cell";
import {
  type FlowGraphRow,
  type FlowRunOfRow,
  GRID_CHILDREN,
  GRID_STATES,
  type GridChildrenData,
  type GridStateRow,
  type GridStatesData,
} from "./documents/flow";
import { graphsOf } from "./flowGraphs";
import { LiveRead } from "./liveRead";

const AT_ONCE = 10;
const LIMIT = 30_000;
const CHILDREN_EVERY = 3_000;
/** States of children that say nothing that the parent does not say. */
const WELL = Object.keys(STATE_KINDS).filter((s) => familyOf(s) === "success");

export interface GridCell {
  /** The task run. */
  readonly id: string;
  readonly state: string;
  /** Of a mapped task the gravest state among its children. */
  readonly shown: string;
  readonly start: number | null;
  readonly end: number | null;
}

export interface FlowGridView {
  readonly rows: readonly GridTask[];
  /** By run, then by slug. A run whose task runs are not read yet is not in it. */
  readonly cells: ReadonlyMap<string, ReadonlyMap<string, GridCell>>;
  /** Task runs of some of the runs are still to come. */
  readonly reading: boolean;
  readonly error: ApiError | null;
}

type Source = "ended" | "active" | "children";

const NOTHING: FlowGridView = { rows: [], cells: new Map(), reading: true, error: null };

export class FlowGrid {
  readonly view = new Cell<FlowGridView>(NOTHING);
  private runs: readonly FlowRunOfRow[] = [];
  private flowId: string | null = null;
  private graphs = new Map<string, FlowGraphRow>();
  /** By run: the version of the run at which its task runs were read after it had ended. */
  private readonly ended = new Map<string, number>();
  private readonly rows = new Map<string, readonly GridStateRow[]>();
  private readonly children = new Map<string, ReadonlyMap<string, readonly string[]>>();
  private active: { key: string; stop: () => void } | null = null;
  private readonly errors = new Map<Source, ApiError>();
  private stopped = false;
  private readonly reader = new OneAtATime(() => this.guarded("ended", () => this.read()));
  private readonly activeChildren = new Gathered(
    () => void this.guarded("children", () => this.readChildren(this.activeRuns())),
    CHILDREN_EVERY,
  );
  private readonly draw = new Gathered(() => this.publish(), 60);

  /** What is to be shown: the runs, and the version whose tasks give the rows. */
  show(runs: readonly FlowRunOfRow[], flowId: string): void {
    this.runs = runs;
    this.flowId = flowId;
    void this.reader.ask();
  }

  start(): () => void {
    this.stopped = false;
    return () => {
      this.stopped = true;
      this.active?.stop();
      this.active = null;
      this.activeChildren.stop();
      this.draw.stop();
    };
  }

  private activeRuns(): string[] {
    return this.runs.filter((r) => !isFinal(r.state)).map((r) => r.id);
  }

  private async read(): Promise<void> {
    const { runs, flowId } = this;
    if (flowId === null || this.stopped) return;
    const graphs = await graphsOf([...new Set([flowId, ...runs.map((r) => r.flow_id)])]);
    this.graphs = new Map(graphs.map((g) => [g.id, g]));
    this.follow();
    this.draw.ask();
    const due = runs.filter((r) => isFinal(r.state) && this.ended.get(r.id) !== r.version);
    for (let at = 0; at < due.length && !this.stopped; at += AT_ONCE) {
      const part = due.slice(at, at + AT_ONCE);
      const ids = part.map((r) => r.id);
      this.take(ids, (await request<GridStatesData>(GRID_STATES, { runs: ids, limit: LIMIT })).task_run);
      await this.readChildren(ids);
      for (const run of part) this.ended.set(run.id, run.version);
    }
  }

  /** One live read for whatever is under way; begun anew when that changes. */
  private follow(): void {
    const ids = this.activeRuns().sort();
    const key = ids.join(" ");
    if (this.stopped || this.active?.key === key) return;
    this.active?.stop();
    this.active = null;
    this.errors.delete("active");
    if (ids.length === 0) return;
    const read = new LiveRead<GridStatesData>(GRID_STATES, { runs: ids, limit: LIMIT });
    const unlisten = read.answer.subscribe(() => {
      const { data, error } = read.answer.get();
      if (error) this.errors.set("active", error);
      else this.errors.delete("active");
      this.draw.ask();
      if (data) this.take(ids, data.task_run);
      this.activeChildren.ask();
    });
    const end = read.start();
    this.active = {
      key,
      stop: () => {
        unlisten();
        end();
      },
    };
  }

  private take(ids: readonly string[], rows: readonly GridStateRow[]): void {
    const by = new Map<string, GridStateRow[]>(ids.map((id) => [id, []]));
    for (const row of rows) by.get(row.flow_run_id)?.push(row);
    for (const [id, of] of by) this.rows.set(id, of);
    this.draw.ask();
  }

  /** Only where there are mapped tasks. */
  private async readChildren(ids: readonly string[]): Promise<void> {
    const mapped = (id: string) => {
      const run = this.runs.find((r) => r.id === id);
      return run !== undefined && this.graphs.get(run.flow_id)?.tasks.some((t) => t.mapped) === true;
    };
    const asked = ids.filter(mapped);
    if (asked.length === 0) return;
    const { task_run: rows } = await request<GridChildrenData>(GRID_CHILDREN, { runs: asked, well: WELL });
    const by = new Map<string, Map<string, string[]>>(asked.map((id) => [id, new Map()]));
    for (const row of rows) {
      const of = by.get(row.flow_run_id);
      of?.set(row.task_id, [...(of.get(row.task_id) ?? []), row.state]);
    }
    for (const [id, of] of by) this.children.set(id, of);
    this.draw.ask();
  }

  private publish(): void {
    const current = this.flowId === null ? undefined : this.graphs.get(this.flowId);
    const error = [...this.errors.values()][0] ?? null;
    if (!current) {
      this.view.set({ ...NOTHING, reading: error === null, error });
      return;
    }
    const cells = new Map<string, ReadonlyMap<string, GridCell>>();
    for (const run of this.runs) {
      const known = this.rows.get(run.id);
      if (!known) continue;
      const slugs = new Map(this.graphs.get(run.flow_id)?.tasks.map((t) => [t.id, t.slug]));
      const of = new Map<string, GridCell>();
      for (const row of known) {
        const slug = slugs.get(row.task_id);
        const states = this.children.get(run.id)?.get(row.task_id) ?? [];
        const { id, state } = row;
        const shown = gravest(state, states);
        if (slug !== undefined)
          of.set(slug, { id, state, shown, start: parse(row.start_time), end: parse(row.end_time) });
      }
      cells.set(run.id, of);
    }
    const others = [...this.graphs.values()].filter((g) => g !== current);
    const reading = error === null && cells.size < this.runs.length;
    this.view.set({ rows: rowsOf(current, others), cells, reading, error });
  }

  /** A failed read is shown; the next change of the runs reads again. */
  private async guarded(source: Source, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.errors.delete(source);
    } catch (cause) {
      this.errors.set(source, asApiError(cause));
    }
    if (!this.stopped) this.draw.ask();
  }
}
