/**
 * A read that stays true: answered once over HTTP, then pushed anew by the gateway's `live` subscription whenever it may have changed.
 * What is pushed is a whole answer, so a lost connection costs nothing but time. An HTTP answer never overwrites one that was pushed after
 * the request had been sent.
 */
import { type ApiError, asApiError, fromGraphQL } from "../api/errors";
import { request, type Variables } from "../api/http";
import { onConnected, subscribe } from "../api/live";
import { Cell } from "./cell";
import { LIVE, type LiveData } from "./documents/live";

export interface Answer<T> {
  readonly data: T | null;
  readonly error: ApiError | null;
}

export class LiveRead<T> {
  readonly answer = new Cell<Answer<T>>({ data: null, error: null });
  private pushed = 0;
  private stopped = false;

  constructor(
    private readonly query: string,
    private readonly variables: Variables,
    private readonly onPush: () => void = () => {},
  ) {}

  start(): () => void {
    this.stopped = false;
    const unsubscribe = subscribe<LiveData<T>>(
      LIVE,
      { query: this.query, variables: this.variables },
      {
        onData: ({ live }) => {
          this.pushed += 1;
          if (live.errors && live.errors.length > 0) this.fail(fromGraphQL(live.errors));
          else this.answer.set({ data: live.data, error: null });
          this.onPush();
        },
        onError: (error) => this.fail(error),
      },
    );
    const unlisten = onConnected(() => void this.read());
    void this.read();
    return () => {
      this.stopped = true;
      unlisten();
      unsubscribe();
    };
  }

  async read(): Promise<void> {
    const before = this.pushed;
    try {
      const data = await request<T>(this.query, this.variables);
      if (!this.stopped && this.pushed === before) this.answer.set({ data, error: null });
    } catch (cause) {
      if (!this.stopped && this.pushed === before) this.fail(asApiError(cause));
    }
  }

  private fail(error: ApiError): void {
    this.answer.set({ data: this.answer.get().data, error });
  }
}
