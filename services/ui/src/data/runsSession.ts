/**
 * What the runs explorer knows of one filter, and how it stays true. The first page is a live read. Rows further down that are being looked
 * at are a second one, by their ids. The count is exact and read again when the first page has changed, at most every two seconds.
 */
import { serverNow } from "../api/clock";
import { type ApiError, asApiError } from "../api/errors";
import { request } from "../api/http";
import { afterRow, conditionOf, orderOf, type RunFilter, SOON_MS } from "../domain/runFilter";
import { Cell, Gathered, OneAtATime } from "./cell";
import {
  type FoundRun,
  RUN_COUNT,
  RUNS,
  RUNS_BY_ID,
  type RunCountData,
  type RunsData,
  type RunsVariables,
} from "./documents/runs";
import { LiveRead } from "./liveRead";
import { RunsStore, type RunsView } from "./runsStore";

const PAGE = 100;
/** "Until now" moves on by itself. */
const RENEW_MS = SOON_MS / 2;

export class RunsSession {
  private readonly store = new RunsStore<FoundRun>(PAGE);
  readonly view = new Cell<RunsView<FoundRun>>(this.store.snapshot());
  readonly count = new Cell<number | null>(null);
  readonly error = new Cell<ApiError | null>(null);
  readonly loadingMore = new Cell(false);
  private where = {};
  private head: ReadonlySet<string> = new Set();
  private stopHead = () => {};
  private stopSeen = () => {};
  private seenIds = "";
  private stopped = false;
  private readonly counter = new OneAtATime(() => this.guarded(() => this.readCount()));
  private readonly askCount = new Gathered(() => void this.counter.ask(), 2_000);
  private readonly pager = new OneAtATime(() => this.guarded(() => this.readMore()));

  /** `busy` says whether the reader would be disturbed by rows that move. */
  constructor(
    readonly filter: RunFilter,
    private readonly busy: () => boolean,
  ) {}

  start(): () => void {
    this.stopped = false;
    this.follow();
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") this.follow();
    }, RENEW_MS);
    return () => {
      this.stopped = true;
      clearInterval(timer);
      this.askCount.stop();
      this.stopHead();
      this.stopSeen();
    };
  }

  /** Read the next page, if there is one. */
  more(): void {
    const { loaded, complete } = this.view.get();
    if (loaded && !complete && !this.loadingMore.get()) void this.pager.ask();
  }

  release(): void {
    this.store.release();
    this.publish();
  }

  get(id: string): FoundRun | undefined {
    return this.store.get(id);
  }

  /** The rows that are looked at: those that the head does not keep true are followed by their ids. */
  seen(ids: readonly string[]): void {
    const below = ids.filter((id) => !this.head.has(id)).sort();
    const text = below.join();
    if (text === this.seenIds) return;
    this.seenIds = text;
    this.stopSeen();
    this.stopSeen = () => {};
    if (below.length === 0) return;
    const read = new LiveRead<RunsData>(RUNS_BY_ID, { ids: below });
    const unlisten = read.answer.subscribe(() => {
      const { data } = read.answer.get();
      if (!data) return;
      this.store.update(data.flow_run);
      this.publish();
    });
    const stop = read.start();
    this.stopSeen = () => {
      unlisten();
      stop();
    };
  }

  private follow(): void {
    this.stopHead();
    this.where = conditionOf(this.filter, serverNow());
    const variables: RunsVariables = { where: this.where, order: orderOf(this.filter), limit: PAGE };
    const read = new LiveRead<RunsData>(RUNS, { ...variables });
    const unlisten = read.answer.subscribe(() => {
      const { data, error } = read.answer.get();
      this.error.set(error);
      if (!data || error) return;
      this.head = new Set(data.flow_run.map((row) => row.id));
      this.store.head(data.flow_run, this.busy());
      this.publish();
      this.askCount.ask();
    });
    const stop = read.start();
    this.stopHead = () => {
      unlisten();
      stop();
    };
  }

  private async readMore(): Promise<void> {
    this.loadingMore.set(true);
    try {
      for (let last = this.store.last(); last && !this.stopped; ) {
        const { flow_run: rows } = await request<RunsData>(RUNS, {
          where: { _and: [this.where, afterRow(this.filter, last)] },
          order: orderOf(this.filter),
          limit: PAGE,
        });
        const end = this.store.last();
        if (end?.id === last.id) {
          this.store.append(rows);
          this.publish();
          return;
        }
        // A head that came meanwhile has put another row at the end: what comes after that one is wanted.
        last = end;
      }
    } finally {
      this.loadingMore.set(false);
    }
  }

  private async readCount(): Promise<void> {
    const data = await request<RunCountData>(RUN_COUNT, { where: this.where });
    if (!this.stopped) this.count.set(data.flow_run_aggregate.aggregate.count);
  }

  private publish(): void {
    if (!this.stopped) this.view.set(this.store.snapshot());
  }

  private async guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      if (!this.stopped) this.error.set(null);
    } catch (cause) {
      if (!this.stopped) this.error.set(asApiError(cause));
    }
  }
}
