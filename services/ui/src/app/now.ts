/** One clock for everything that ticks: a component that shows a running duration draws again each second, the others do not. */
import { useSyncExternalStore } from "react";
import { serverNow } from "../api/clock";

let current = serverNow();
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  if (timer === undefined) {
    current = serverNow();
    timer = setInterval(() => {
      current = serverNow();
      for (const each of listeners) each();
    }, 1_000);
  }
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

/** The server's time, each second. */
export function useNow(): number {
  return useSyncExternalStore(
    subscribe,
    () => current,
    () => current,
  );
}

const still = () => () => {};

/** The server's time, each second for as long as something goes on; else null. What draws it stays the same component when it ends. */
export function useNowWhile(going: boolean): number | null {
  const now = useSyncExternalStore(
    going ? subscribe : still,
    () => current,
    () => current,
  );
  return going ? now : null;
}
