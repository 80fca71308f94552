/** A value that can be watched: the seam between what arrives (src/data) and what React draws. */
import { useSyncExternalStore } from "react";

export class Cell<T> {
  private readonly listeners = new Set<() => void>();
  constructor(private value: T) {}
  readonly get = (): T => this.value;
  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
  set(next: T): void {
    if (Object.is(next, this.value)) return;
    this.value = next;
    for (const each of [...this.listeners]) each();
  }
}

export function useCell<T>(cell: Cell<T>): T {
  return useSyncExternalStore(cell.subscribe, cell.get, cell.get);
}

/** Runs `work` soon after it is asked for, at most once in `gap` ms: a storm of events becomes a few drawings a second. */
export class Gathered {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private last = Number.NEGATIVE_INFINITY;
  constructor(
    private readonly work: () => void,
    private readonly gap: number,
  ) {}
  ask(): void {
    if (this.timer !== undefined) return;
    const wait = Math.max(0, this.last + this.gap - performance.now());
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.last = performance.now();
      this.work();
    }, wait);
  }
  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }
}

/** Runs one `work` at a time; asked for while it runs, it runs once more afterwards. */
export class OneAtATime {
  private running = false;
  private again = false;
  constructor(private readonly work: () => Promise<void>) {}
  async ask(): Promise<void> {
    if (this.running) {
      this.again = true;
      return;
    }
    this.running = true;
    try {
      do {
        this.again = false;
        await this.work();
      } while (this.again);
    } finally {
      this.running = false;
    }
  }
}
