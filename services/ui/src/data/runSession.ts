/**
 * Everything the page of one run knows, and how it stays true. The run is a live read. Task runs and logs are read once and then follow
 * events; an event is a hint with a version, what it leaves out is read by id. After each (re)connection, once the server has taken our
 * subscriptions, both are caught up from the truth; the stores drop what they hold already, so nothing is missing and nothing is doubled.
 */
import { serverNow } from "../api/clock";
import { type ApiError, asApiError } from "../api/errors";
import { request } from "../api/http";
import { onConnected, subscribe } from "../api/live";
import { isFinal, TROUBLED_STATES } from "../domain/states";
import { parse } from "../domain/time";
import { Cell, Gathered, OneAtATime } from "./cell";
import {
  GRAPH,
  type GraphData,
  LOG_BEFORE,
  LOG_LEVELS,
  LOG_OF,
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
import { catchUpFrom, LEVELS, type Level, type LogLine, LogStore, rank } from "./logStore";
import { TaskStore, type TaskView } from "./taskStore";

const PAGE = 20_000;
/** What is read at first: the screen and some scrolling; more when it is asked for. */
const TAIL = 500;
const MORE = 2_000;
const BY_ID = 500;
/** When as many have changed it costs less to read all than to ask for each by its id. */
const MANY_CHANGED = 2_000;
/** The stream leaves out lines with an earlier timestamp: room for workers whose clocks are late. */
const STREAM_OVERLAP = 120_000;
/** As many lines as the store holds. */
const LOG_ROOM = 50_000;
/** Longer than clocks differ and than a last report is on its way. */
const SETTLED_AFTER = 10_000;
const NIL = "00000000-0000-0000-0000-000000000000";

export interface LogView {
  readonly lines: readonly LogLine[];
  readonly complete: boolean;
  readonly loaded: boolean;
  /** Lines before it were found by a filter and have gaps between them. */
  readonly floor: number;
}

export class RunSession {
  readonly run: LiveRead<RunData>;
  readonly taskStore = new TaskStore();
  readonly tasks = new Cell<TaskView>(this.taskStore.snapshot());
  readonly logs = new Cell<LogView>({ lines: [], complete: false, loaded: false, floor: 0 });
  readonly error = new Cell<ApiError | null>(null);
  private readonly logStore = new LogStore();
  private readonly toRead = new Set<string>();
  private readonly drawTasks = new Gathered(() => this.publishTasks(), 120);
  private readonly drawLogs = new Gathered(() => this.publishLogs(), 80);
  private readonly readChanged = new Gathered(() => void this.changedReader.ask(), 150);
  private readonly readAll = new Gathered(() => void this.taskReader.ask(), 1_500);
  private readonly changedReader = new OneAtATime(() => this.guarded(() => this.readById()));
  private readonly taskReader = new OneAtATime(() => this.guarded(() => this.readTasks()));
  private readonly graphReader = new OneAtATime(() => this.guarded(() => this.readGraph()));
  private readonly logReader = new OneAtATime(() => this.guarded(() => this.readLogs()));
  private catchUpDue = false;
  private catchUpTimer: ReturnType<typeof setTimeout> | undefined;
  private logsLoaded = false;
  private hasGraph = false;
  private tasksRead = false;
  private tasksAsked = 0;
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
    void this.graphReader.ask();
    void this.taskReader.ask();
    void this.logReader.ask();
    return () => {
      this.stopped = true;
      clearTimeout(this.catchUpTimer);
      for (const gathered of [this.drawTasks, this.drawLogs, this.readChanged, this.readAll]) gathered.stop();
      for (const end of ends) end();
    };
  }

  /** Older lines than those held, one page or all there are room for. */
  async loadEarlier(all = false): Promise<void> {
    await this.guarded(async () => {
      do {
        const from = this.logStore.floor;
        if (!Number.isFinite(from) || this.logStore.complete) return;
        const at = new Date(from + 1).toISOString();
        const { log } = await request<LogsData>(LOG_BEFORE, { run: this.id, at, limit: MORE });
        this.logStore.add(log);
        if (log.length < MORE || this.logStore.floor === from) this.logStore.complete = true;
        this.drawLogs.ask();
      } while (all && this.logStore.size < LOG_ROOM);
    });
  }

  /** What one of many said is read when somebody wants to know it. */
  loadWords(taskRunId: string): void {
    this.toRead.add(taskRunId);
    this.readChanged.ask();
  }

  /** The lines of one task, or of one child of it, from the whole log: the tail that was read may hold none of them. */
  async loadLogsOf(taskId: string, mapIndex: number | null): Promise<void> {
    if (this.logStore.complete) return;
    const [least, most] = mapIndex === null ? [-1, 2_147_483_647] : [mapIndex, mapIndex];
    await this.loadApart(LOG_OF, { task: taskId, least, most });
  }

  /** The lines of at least this level from the whole log. */
  async loadLogsFrom(level: Level): Promise<void> {
    if (this.logStore.complete || rank(level) < rank("WARNING")) return;
    await this.loadApart(LOG_LEVELS, { levels: LEVELS.filter((l) => rank(l) >= rank(level)) });
  }

  private async loadApart(query: string, which: Record<string, unknown>): Promise<void> {
    await this.guarded(async () => {
      const { log } = await request<LogsData>(query, { run: this.id, limit: MORE, ...which });
      if (this.logStore.add(log, true) > 0) this.drawLogs.ask();
    });
  }

  /** The first answer that is pushed on a connection says that the server has our subscriptions: whatever came before is read now. */
  private pushed(): void {
    if (this.catchUpDue) this.catchUp(this.settled());
  }

  private catchUp(settled = false): void {
    this.catchUpDue = false;
    clearTimeout(this.catchUpTimer);
    void this.graphReader.ask();
    if (!settled) void this.taskReader.ask();
    void this.logReader.ask();
  }

  /** Whether the run had ended well before its task runs were last asked for: what has ended does not change, and need not be read again. */
  private settled(): boolean {
    const row = this.run.answer.get().data?.run[0];
    const end = row && isFinal(row.state) ? parse(row.end_time) : null;
    return end !== null && end < this.tasksAsked - SETTLED_AFTER;
  }

  private runChanged(): void {
    const row = this.run.answer.get().data?.run[0];
    if (!row) return;
    // What ended says nothing more: whatever the events left out is read now, once.
    const ended = isFinal(row.state);
    if (ended && this.ended === false) this.catchUp();
    this.ended = ended;
  }

  private async readGraph(): Promise<void> {
    if (this.hasGraph) return;
    const found = (await request<GraphData>(GRAPH, { run: this.id })).run[0];
    if (!found) return;
    this.hasGraph = true;
    this.taskStore.setGraph(found.flow);
    this.drawTasks.ask();
  }

  private async readTasks(): Promise<void> {
    const asked = serverNow();
    this.tasksAsked = asked;
    try {
      await this.readPages();
    } catch (cause) {
      if (this.tasksAsked === asked) this.tasksAsked = 0;
      throw cause;
    }
    if (!this.tasksRead) {
      this.tasksRead = true;
      this.drawTasks.ask();
    }
  }

  private async readPages(): Promise<void> {
    for (let after = NIL; ; ) {
      const found = await request<TaskRunsData>(TASK_RUNS, {
        run: this.id,
        after,
        limit: PAGE,
        troubled: TROUBLED_STATES,
      });
      let changed = false;
      for (const rows of [found.tasks ?? [], found.task_run, found.said ?? []])
        if (this.taskStore.merge(rows)) changed = true;
      if (changed) this.drawTasks.ask();
      const last = found.task_run.at(-1);
      if (!last || found.task_run.length < PAGE) return;
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
        const { log } = await request<LogsData>(LOG_SINCE, { run: this.id, after, limit: MORE });
        this.logStore.add(log);
        const last = log.at(-1);
        if (!last || log.length < MORE) break;
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
    if (this.toRead.size > MANY_CHANGED) {
      this.toRead.clear();
      this.readAll.ask();
    }
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

  /** Until graph and task runs are both there, nothing is drawn: one picture, and a true one. */
  private publishTasks(): void {
    if (this.hasGraph && this.tasksRead) this.tasks.set(this.taskStore.snapshot());
  }

  private publishLogs(): void {
    this.logs.set({
      lines: this.logStore.snapshot(),
      complete: this.logStore.complete,
      loaded: this.logsLoaded,
      floor: this.logStore.floor,
    });
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
