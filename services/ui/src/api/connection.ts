/**
 * The state of the one WebSocket, for people: is what the page shows live? Holds no socket itself; api/live.ts reports to it and listens to
 * `wake`, so that "Try now", a network that is back and a tab that is looked at again all cut a waiting time short.
 */

export type Link =
  /** Nothing on the page asks for a connection. */
  | { readonly kind: "idle" }
  | { readonly kind: "connecting" }
  | { readonly kind: "live"; readonly again: boolean }
  | { readonly kind: "lost"; readonly since: number; readonly attempt: number; readonly retryAt: number | null }
  | { readonly kind: "refused"; readonly code: string; readonly message: string };

let current: Link = { kind: "idle" };
const listeners = new Set<() => void>();
const wakers = new Set<() => void>();

export const connection = {
  get: (): Link => current,
  set(next: Link): void {
    current = next;
    for (const each of listeners) each();
  },
  subscribe(listener: () => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
  wake(): void {
    for (const each of [...wakers]) each();
  },
  /** Resolves after `ms`, or at once when somebody calls `wake`. */
  pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        wakers.delete(done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      wakers.add(done);
    });
  },
};

/** Waiting time before attempt n: 0.5 s doubled up to 15 s, with up to a third of it at random so that many browsers do not come as one. */
export function backoff(attempt: number, random: number): number {
  return Math.min(15_000, 500 * 2 ** attempt) * (1 + random / 3);
}
