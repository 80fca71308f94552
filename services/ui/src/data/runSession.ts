/**
 * Everything the page of one run knows, and how it stays true. The run is a live read. Task runs and logs are read once and then follow
 * events; an event is a hint with a version, what it leaves out is read by id. After each (re)connection, once the server has taken our
 * subscriptions, both are caught up from the truth; the stores drop what they hold already, so nothing is missing and nothing is doubled.
 */
import { serverNow } from "../api/clock";
import { type ApiError, asApiError } from "../api/errors";
import { request } from "../api/http";
import { onConnected, subscribe } from "../api/live";
import { isFinal } from "../domain/states";
import { parse } from "../domain/time";
import { Cell, Gathered, OneAtATime } from "./cell";
import {
  GRAPH,
  type GraphData,
  LOG_BEFORE,
  LOG_SINCE,
  LOG_STREAM,
  LOG_TAIL,
  type LogStream,
  type LogsData,
  RUN,
  type RunData,
  TASK_EVENTS,
  TASK_RUNS,
  TASK_RUNS_BY_ID,
  type TaskEvents,
  type TaskRunsData,
} from "./documents/run";
import { LiveRead } from "./liveRead";
import { catchUpFrom, type LogLine, LogStore } from "./logStore";
import { TaskStore, type TaskView } from "./taskStore";

const PAGE = 5_000;
const TAIL = 2_000;
const BY_ID = 500;
/** The stream leaves out lines with an earlier timestamp: room for workers whose clocks are late. */
const STREAM_OVERLAP = 120_000;
const NIL = "00000000-0000-0000-0000-000000000000";

export interface LogView {
  readonly lines: readonly LogLine[];
  readonly complete: boolean;
  readonly loaded: boolean;
}

export class RunSession {
  readonly run: LiveRead<RunData>;
  readonly taskStore = new TaskStore();
  readonly tasks = new Cell<TaskView>(this.taskStore.snapshot());
  readonly logs = new Cell<LogView>({ lines: [], complete: false, loaded: false });
  readonly error = new Cell<ApiError | null>(null);
  private readonly logStore = new LogStore();
  private readonly toRead = new Set<string>();
  private readonly drawTasks = new Gathered(() => this.tasks.set(this.taskStore.snapshot()), 120);
  private readonly drawLogs = new Gathered(() => this.publishLogs(), 80);
  private readonly readChanged = new Gathered(() => void this.changedReader.ask(), 150);
  private readonly changedReader = new OneAtATime(() => this.guarded(() => this.readById()));
  private readonly taskReader = new OneAtATime(() => this.guarded(() => this.readTasks()));
  private readonly logReader = new OneAtATime(() => this.guarded(() => this.readLogs()));
  private catchUpDue = false;
  private catchUpTimer: ReturnType<typeof setTimeout> | undefined;
  private logsLoaded = false;
  private graphOf: string | null = null;
  private stopped = false;
  private ended: boolean | null = null;

  constructor(readonly id: string) {
    this.run = new LiveRead<RunData>(RUN, { id }, () => this.pushed());
  }

  start(): () => void {
    this.stopped = false;
    const ends = [
      subscribe<TaskEvents>(
        TASK_EVENTS,
        { run: this.id },
        { onData: (d) => this.takeTaskEvent(d), onError: (e) => this.error.set(e) },
      ),
      subscribe<LogStream>(LOG_STREAM, () => ({ run: this.id, after: this.streamFrom() }), {
        onData: (d) => this.takeLogs(d),
        onError: (e) => this.error.set(e),
      }),
      onConnected(() => {
        this.catchUpDue = true;
        clearTimeout(this.catchUpTimer);
        this.catchUpTimer = setTimeout(() => this.catchUp(), 1_500);
      }),
      this.run.answer.subscribe(() => this.runChanged()),
      this.run.start(),
    ];
    void this.taskReader.ask();
    void this.logReader.ask();
    return () => {
      this.stopped = true;
      clearTimeout(this.catchUpTimer);
      for (const gathered of [this.drawTasks, this.drawLogs, this.readChanged]) gathered.stop();
      for (const end of ends) end();
    };
  }

  /** Older lines than those held; false when there are none. */
  async loadEarlier(): Promise<void> {
    const oldest = this.logStore.oldest();
    if (!oldest || this.logStore.complete) return;
    await this.guarded(async () => {
      const { log } = await request<LogsData>(LOG_BEFORE, {
        run: this.id,
        at: new Date(oldest.at + 1).toISOString(),
        limit: TAIL,
      });
      const added = this.logStore.add(log);
      if (log.length < TAIL || added === 0) this.logStore.complete = true;
      this.drawLogs.ask();
    });
  }

  /** The first answer that is pushed on a connection says that the server has our subscriptions: whatever came before is read now. */
  private pushed(): void {
    if (this.catchUpDue) this.catchUp();
  }

  private catchUp(): void {
    this.catchUpDue = false;
    clearTimeout(this.catchUpTimer);
    void this.taskReader.ask();
    void this.logReader.ask();
  }

  private runChanged(): void {
    const row = this.run.answer.get().data?.run[0];
    if (!row) return;
    if (this.graphOf !== row.flow.id) {
      this.graphOf = row.flow.id;
      void this.guarded(() => this.readGraph(row.flow.id));
    }
    // What ended says nothing more: whatever the events left out is read now, once.
    const ended = isFinal(row.state);
    if (ended && this.ended === false) this.catchUp();
    this.ended = ended;
  }

  private async readGraph(flowId: string): Promise<void> {
    try {
      const graph = (await request<GraphData>(GRAPH, { flow: flowId })).flow[0];
      if (graph) this.taskStore.setGraph(graph);
    } catch (cause) {
      this.graphOf = null;
      throw cause;
    }
    this.drawTasks.ask();
  }

  private async readTasks(): Promise<void> {
    for (let after = NIL; ; ) {
      const { task_run: rows } = await request<TaskRunsData>(TASK_RUNS, { run: this.id, after, limit: PAGE });
      if (this.taskStore.merge(rows)) this.drawTasks.ask();
      const last = rows.at(-1);
      if (!last || rows.length < PAGE) return;
      after = last.id;
    }
  }

  private async readById(): Promise<void> {
    while (this.toRead.size > 0) {
      const ids = [...this.toRead].slice(0, BY_ID);
      for (const id of ids) this.toRead.delete(id);
      const { task_run: rows } = await request<TaskRunsData>(TASK_RUNS_BY_ID, { run: this.id, ids });
      if (this.taskStore.merge(rows)) this.drawTasks.ask();
    }
  }

  private async readLogs(): Promise<void> {
    const newest = this.logStore.newestId;
    if (newest === null) {
      const { log } = await request<LogsData>(LOG_TAIL, { run: this.id, limit: TAIL });
      this.logStore.add(log);
      if (log.length < TAIL) this.logStore.complete = true;
    } else {
      for (let after = catchUpFrom(newest); ; ) {
        const { log } = await request<LogsData>(LOG_SINCE, { run: this.id, after, limit: TAIL });
        this.logStore.add(log);
        const last = log.at(-1);
        if (!last || log.length < TAIL) break;
        after = last.id;
      }
    }
    this.logsLoaded = true;
    this.drawLogs.ask();
  }

  private takeTaskEvent({ task_run_events: event }: TaskEvents): void {
    const unread = this.taskStore.apply(event.changes, parse(event.occurred_at) ?? serverNow());
    for (const id of unread) this.toRead.add(id);
    if (event.type === "missed" || event.count > event.changes.length) void this.taskReader.ask();
    if (unread.length > 0) {
      this.drawTasks.ask();
      this.readChanged.ask();
    }
  }

  private takeLogs({ log_stream: stream }: LogStream): void {
    if (this.logStore.add(stream.logs) > 0) this.drawLogs.ask();
  }

  /** What is older is read over HTTP: the tail at first, and by order of receipt after each connection. */
  private streamFrom(): string {
    return new Date((this.logStore.newest()?.at ?? serverNow()) - STREAM_OVERLAP).toISOString();
  }

  private publishLogs(): void {
    this.logs.set({ lines: this.logStore.snapshot(), complete: this.logStore.complete, loaded: this.logsLoaded });
  }

  /** A failed read is shown; the next connection reads again. */
  private async guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      if (!this.stopped) this.error.set(null);
    } catch (cause) {
      if (!this.stopped) this.error.set(asApiError(cause));
    }
  }
}
