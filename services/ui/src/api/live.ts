/**
 * Subscriptions over one WebSocket (graphql-transport-ws). A lost connection is tried again for ever; graphql-ws then subscribes again by
 * itself, and whoever subscribed hears `onConnected` and reads what happened in between: events are hints, reads are the truth.
 * A connection that is silent is found out by a ping that is not answered within five seconds.
 */
import { type Client, CloseCode, createClient } from "graphql-ws";
import { serverNow } from "./clock";
import { backoff, connection } from "./connection";
import { ApiError, asApiError } from "./errors";
import type { Variables } from "./http";
import { apiKey } from "./key";

const PING_EVERY = 10_000;
const PONG_WITHIN = 5_000;

let socket: WebSocket | null = null;
let pongTimer: ReturnType<typeof setTimeout> | undefined;
let everConnected = false;
let lostSince: number | null = null;

const connectedListeners = new Set<() => void>();

function url(): string {
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/graphql`;
}

function makeClient(): Client {
  return createClient({
    url,
    lazy: true,
    lazyCloseTimeout: 3_000,
    keepAlive: PING_EVERY,
    connectionParams: () => {
      const key = apiKey();
      return key ? { authorization: `Bearer ${key}` } : {};
    },
    retryAttempts: Number.POSITIVE_INFINITY,
    shouldRetry: (event) => !refusal(event),
    retryWait: async (attempt) => {
      const wait = backoff(attempt, Math.random());
      lostSince ??= serverNow();
      connection.set({ kind: "lost", since: lostSince, attempt: attempt + 1, retryAt: Date.now() + wait });
      await connection.pause(wait);
    },
    on: {
      connecting: () => {
        if (connection.get().kind === "idle") connection.set({ kind: "connecting" });
      },
      opened: (opened) => {
        socket = opened as WebSocket;
      },
      connected: () => {
        connection.set({ kind: "live", again: everConnected && lostSince !== null });
        everConnected = true;
        lostSince = null;
        for (const each of connectedListeners) each();
      },
      closed: (event) => {
        clearTimeout(pongTimer);
        const refused = refusal(event);
        if (refused) connection.set({ kind: "refused", code: refused.code, message: refused.message });
        else if ((event as CloseEvent).code === 1000) connection.set({ kind: "idle" });
        else {
          lostSince ??= serverNow();
          connection.set({ kind: "lost", since: lostSince, attempt: 0, retryAt: null });
        }
      },
      ping: (received) => {
        if (received) return;
        clearTimeout(pongTimer);
        pongTimer = setTimeout(() => socket?.close(4408, "no answer to a ping"), PONG_WITHIN);
      },
      pong: (received) => {
        if (received) clearTimeout(pongTimer);
      },
    },
  });
}

let made: Client | null = null;

function client(): Client {
  made ??= makeClient();
  return made;
}

/** A close that no further attempt can mend: the server does not know who we are, or does not speak our protocol. */
function refusal(event: unknown): ApiError | null {
  const code = (event as CloseEvent | null)?.code;
  if (code === CloseCode.Unauthorized || code === CloseCode.Forbidden)
    return new ApiError("UNAUTHENTICATED", "The server asks for an API key before it sends live changes.");
  if (code === CloseCode.SubprotocolNotAcceptable)
    return new ApiError(
      "BAD_REQUEST",
      "The server does not speak graphql-transport-ws. Is this address a Towpath gateway?",
    );
  return null;
}

export interface Subscriber<T> {
  readonly onData: (data: T) => void;
  readonly onError: (error: ApiError) => void;
}

/**
 * Subscribe until the returned function is called. Survives lost connections, also those that graphql-ws takes for fatal (a server that
 * closes with 1011 or 4500 has a bad moment, and we come back).
 */
export function subscribe<T>(
  query: string,
  variables: Variables | (() => Variables),
  subscriber: Subscriber<T>,
): () => void {
  let stopped = false;
  let stop = () => {};
  let failures = 0;
  const start = () => {
    stop = client().subscribe<T>(
      {
        query,
        // Read again at each connection, since graphql-ws sends the same payload anew: where to go on from may have moved.
        get variables() {
          return typeof variables === "function" ? variables() : variables;
        },
      },
      {
        next: (message) => {
          failures = 0;
          if (message.errors && message.errors.length > 0) subscriber.onError(asApiError(message.errors));
          else if (message.data) subscriber.onData(message.data);
        },
        error: (cause) => {
          if (stopped) return;
          const closed = typeof (cause as CloseEvent | null)?.code === "number" || cause instanceof Event;
          if (!closed) return subscriber.onError(asApiError(cause));
          const refused = refusal(cause);
          if (refused) return subscriber.onError(refused);
          const wait = backoff(failures++, Math.random());
          connection.set({
            kind: "lost",
            since: lostSince ?? serverNow(),
            attempt: failures,
            retryAt: Date.now() + wait,
          });
          void connection.pause(wait).then(() => {
            if (!stopped) start();
          });
        },
        complete: () => undefined,
      },
    );
  };
  start();
  return () => {
    stopped = true;
    stop();
  };
}

/** Hear of each connection that is made from now on, the first one included. */
export function onConnected(listener: () => void): () => void {
  connectedListeners.add(listener);
  return () => connectedListeners.delete(listener);
}

export function watchNetwork(): void {
  window.addEventListener("online", () => connection.wake());
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") connection.wake();
  });
}
