/**
 * The state of every service, as the gateway sees it. Read when somebody looks, at each connection, and every half minute as long as the tab
 * is visible: services do not send events about themselves.
 */
import { apiKey } from "../api/key";
import { onConnected } from "../api/live";
import { Cell } from "./cell";

export interface ServiceState {
  readonly name: string;
  readonly ready: boolean;
  /** What is wrong, by check. */
  readonly reasons: readonly string[];
}

/** null: not known yet; "away": the gateway itself does not answer. */
export type HealthView = readonly ServiceState[] | "away" | null;

const EVERY_MS = 30_000;

interface HealthAnswer {
  readonly services?: Readonly<
    Record<string, { readonly status?: string; readonly checks?: Readonly<Record<string, string>> }>
  >;
}

export function servicesOf(answer: HealthAnswer): HealthView {
  const services = Object.entries(answer.services ?? {});
  if (services.length === 0) return "away";
  return [
    { name: "gateway", ready: true, reasons: [] },
    ...services.map(([name, { status, checks }]) => ({
      name: name.replaceAll("_", " "),
      ready: status === "ready",
      reasons: Object.entries(checks ?? {}).map(([check, reason]) => `${check}: ${reason}`),
    })),
  ];
}

export class HealthRead {
  readonly view = new Cell<HealthView>(null);
  private text = "";

  start(): () => void {
    const look = () => {
      if (document.visibilityState === "visible") void this.read();
    };
    const timer = setInterval(look, EVERY_MS);
    document.addEventListener("visibilitychange", look);
    const unlisten = onConnected(() => void this.read());
    void this.read();
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", look);
      unlisten();
    };
  }

  async read(): Promise<void> {
    let next: HealthView = "away";
    try {
      const key = apiKey();
      const response = await fetch("/health", { headers: key ? { authorization: `Bearer ${key}` } : {} });
      // 503 has the same body: some service is not ready.
      next = servicesOf((await response.json()) as HealthAnswer);
    } catch {
      next = "away";
    }
    const text = JSON.stringify(next);
    if (text !== this.text) this.view.set(next);
    this.text = text;
  }
}
