/**
 * The rows that the runs explorer holds, in the server's order. The head (the first page) is pushed anew at each change; older pages are
 * appended as the reader goes down. While the reader is busy (has scrolled, chose rows, points at one) a new head is held back, so that
 * nothing moves under the cursor; what is shown is brought up to date in its place all the same.
 */

export interface StoredRun {
  readonly id: string;
  readonly version: number;
}

export interface RunsView<R> {
  readonly rows: readonly R[];
  /** Rows of the newest head that are not shown yet. */
  readonly held: number;
  /** Whether the last row there is, is held. */
  readonly complete: boolean;
  readonly loaded: boolean;
}

export class RunsStore<R extends StoredRun> {
  private readonly rows = new Map<string, R>();
  private order: readonly string[] = [];
  private waiting: readonly string[] | null = null;
  private complete = false;
  private loaded = false;

  constructor(private readonly limit: number) {}

  /** The first page as it is now. */
  head(rows: readonly R[], busy: boolean): void {
    this.update(rows, true);
    const ids = rows.map((row) => row.id);
    if (this.loaded && busy) {
      this.waiting = ids;
      return;
    }
    this.place(ids);
  }

  /** Show the head that was held back. */
  release(): void {
    if (this.waiting) this.place(this.waiting);
  }

  /** The page after the last row. */
  append(rows: readonly R[]): void {
    this.update(rows, true);
    const known = new Set(this.order);
    this.order = [...this.order, ...rows.map((row) => row.id).filter((id) => !known.has(id))];
    if (rows.length < this.limit) this.complete = true;
  }

  /** Newer versions of rows that are held. */
  update(rows: readonly R[], all = false): void {
    for (const row of rows) {
      const old = this.rows.get(row.id);
      if (old ? row.version >= old.version : all) this.rows.set(row.id, row);
    }
  }

  get(id: string): R | undefined {
    return this.rows.get(id);
  }

  last(): R | undefined {
    const id = this.order.at(-1);
    return id === undefined ? undefined : this.rows.get(id);
  }

  snapshot(): RunsView<R> {
    const shown = new Set(this.order);
    return {
      rows: this.order.map((id) => this.rows.get(id)).filter((row) => row !== undefined),
      held: this.waiting?.filter((id) => !shown.has(id)).length ?? 0,
      complete: this.complete,
      loaded: this.loaded,
    };
  }

  private place(ids: readonly string[]): void {
    this.waiting = null;
    const whole = ids.length < this.limit;
    const last = ids.at(-1);
    // What was loaded below the head stays; if the head has moved by more than a page there is a gap, and below is read again.
    const seam = last === undefined || whole ? -1 : this.order.indexOf(last);
    const head = new Set(ids);
    const below = seam < 0 ? [] : this.order.slice(seam + 1).filter((id) => !head.has(id));
    if (whole) this.complete = true;
    else if (seam < 0) this.complete = false;
    this.order = [...ids, ...below];
    const held = new Set(this.order);
    for (const id of this.rows.keys()) if (!held.has(id)) this.rows.delete(id);
    this.loaded = true;
  }
}
