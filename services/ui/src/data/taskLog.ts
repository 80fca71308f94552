/** The log of one task run: read once, then the lines of its run's stream that are its own. After each connection it is read again. */

import { serverNow } from "../api/clock";
import { type ApiError, asApiError } from "../api/errors";
import { request } from "../api/http";
import { onConnected, subscribe } from "../api/live";
import { Cell, Gathered, OneAtATime } from "./cell";
import { LOG_STREAM, type LogStream } from "./documents/run";
import { TASK_LOG, type TaskLogData } from "./documents/taskRun";
import { LogStore } from "./logStore";
import type { LogView } from "./runSession";

const LIMIT = 2_000;
/** The stream leaves out lines with an earlier timestamp: room for workers whose clocks are late. */
const OVERLAP_MS = 120_000;

export class TaskLog {
  readonly view = new Cell<LogView>({ lines: [], complete: true, loaded: false, floor: 0 });
  readonly error = new Cell<ApiError | null>(null);
  private readonly store = new LogStore();
  private readonly draw = new Gathered(() => this.publish(), 80);
  private readonly reader = new OneAtATime(() => this.read());
  private loaded = false;
  private stopped = false;

  constructor(
    readonly id: string,
    readonly runId: string,
  ) {}

  /** `live`: whether more may come. */
  start(live: boolean): () => void {
    this.stopped = false;
    void this.reader.ask();
    const ends = live
      ? [
          subscribe<LogStream>(
            LOG_STREAM,
            () => ({ run: this.runId, after: new Date(serverNow() - OVERLAP_MS).toISOString() }),
            {
              onData: ({ log_stream: { logs } }) => {
                if (this.store.add(logs.filter((row) => row.task_run_id === this.id)) > 0) this.draw.ask();
              },
              onError: (error) => this.error.set(error),
            },
          ),
          onConnected(() => void this.reader.ask()),
        ]
      : [];
    return () => {
      this.stopped = true;
      this.draw.stop();
      for (const end of ends) end();
    };
  }

  private async read(): Promise<void> {
    try {
      const { log } = await request<TaskLogData>(TASK_LOG, { id: this.id, limit: LIMIT });
      if (this.stopped) return;
      this.store.add(log);
      this.store.complete = log.length < LIMIT;
      this.loaded = true;
      this.error.set(null);
      this.draw.ask();
    } catch (cause) {
      if (!this.stopped) this.error.set(asApiError(cause));
    }
  }

  private publish(): void {
    this.view.set({ lines: this.store.snapshot(), complete: this.store.complete, loaded: this.loaded, floor: 0 });
  }
}
