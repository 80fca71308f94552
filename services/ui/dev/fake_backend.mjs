/**
 * A fake Towpath for working on the page without a server: the answers of dev/scenario.mjs over HTTP and graphql-transport-ws, and the built
 * page. A development tool; nothing in it is part of Towpath.
 *
 *   node dev/fake_backend.mjs [--port 4209] [--kind busy|empty|huge] [--children 600]
 */
import { createReadStream, existsSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { WebSocketServer } from "ws";
import { World } from "./scenario.mjs";

const STATIC = fileURLToPath(new URL("../../gateway/src/towpath_gateway/static/", import.meta.url));
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };

export function startFakeBackend({ port = 0, kind = "busy", children = 600 } = {}) {
  const world = new World({ now: Date.now(), kind, children });
  const listeners = new Set();
  let pending = [];
  world.emit = (event) => pending.push(event);

  const answer = (query, variables) => {
    try {
      return { data: world.answer(query, variables ?? {}) };
    } catch (cause) {
      return { errors: [{ message: cause.message, extensions: { code: cause.code ?? "INTERNAL" } }] };
    } finally {
      flush();
    }
  };
  const flush = () => {
    if (pending.length === 0) return;
    const events = pending;
    pending = [];
    for (const listener of listeners) listener(events);
  };
  const timer = setInterval(() => {
    world.step(Date.now());
    flush();
  }, 200);

  const http = createServer((request, response) => {
    if (request.method === "POST") {
      let body = "";
      request.on("data", (part) => {
        body += part;
      });
      request.on("end", () => {
        const { query, variables } = JSON.parse(body);
        response.writeHead(200, { "content-type": "application/json" });
        response.end(JSON.stringify(answer(query, variables)));
      });
      return;
    }
    if (request.url === "/health") {
      const names = ["graphql", "read", "bus", "scheduler", "zombie_killer", "lazarus"];
      const services = Object.fromEntries(names.map((name) => [name, { status: "ready", checks: {} }]));
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ status: "ready", services }));
      return;
    }
    const path = normalize(new URL(request.url, "http://x").pathname);
    const file = extname(path) ? join(STATIC, path) : join(STATIC, "index.html");
    if (!existsSync(file)) {
      response.writeHead(404).end("not found (npm run build first)");
      return;
    }
    response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" });
    createReadStream(file).pipe(response);
  });

  const sockets = new WebSocketServer({
    server: http,
    path: "/graphql",
    handleProtocols: () => "graphql-transport-ws",
  });
  sockets.on("connection", (socket) => {
    const subscriptions = new Map();
    const send = (message) => socket.readyState === 1 && socket.send(JSON.stringify(message));
    const hear = (events) => {
      for (const [id, onEvents] of subscriptions)
        onEvents(events, (data) => send({ id, type: "next", payload: { data } }));
    };
    listeners.add(hear);
    socket.on("close", () => listeners.delete(hear));
    socket.on("message", (text) => {
      const message = JSON.parse(text.toString());
      if (message.type === "connection_init") send({ type: "connection_ack" });
      if (message.type === "ping") send({ type: "pong" });
      if (message.type === "complete") subscriptions.delete(message.id);
      if (message.type === "subscribe") {
        const next = (data) => send({ id: message.id, type: "next", payload: { data } });
        subscriptions.set(message.id, subscriber(world, answer, message.payload, next));
      }
    });
  });

  return new Promise((resolve) => {
    http.listen(port, "127.0.0.1", () => {
      resolve({
        url: `http://127.0.0.1:${http.address().port}`,
        world,
        stop: () =>
          new Promise((done) => {
            clearInterval(timer);
            for (const client of sockets.clients) client.terminate();
            http.close(done);
            http.closeAllConnections();
          }),
      });
    });
  });
}

function subscriber(world, answer, { query, variables }, next) {
  const operation = /subscription\s+(\w+)/.exec(query)?.[1];
  const run = variables.run;
  if (operation === "Live") {
    let before = "";
    const push = () => {
      const result = answer(variables.query, variables.variables);
      const text = JSON.stringify(result);
      if (text !== before) next({ live: { data: result.data ?? null, errors: result.errors ?? null } });
      before = text;
    };
    push();
    return push;
  }
  if (operation === "LogStream") {
    const stored = (world.logs.get(run) ?? []).filter((l) => Date.parse(l.timestamp) > Date.parse(variables.after));
    next({ log_stream: { logs: stored } });
    return (events, send) => {
      const logs = events.filter((e) => e.type === "log" && e.run === run).map((e) => e.data);
      if (logs.length > 0) send({ log_stream: { logs } });
    };
  }
  return (events, send) => {
    const mine = events.filter((e) => e.run === run);
    const changes = mine.filter((e) => e.type === "task").map((e) => e.data);
    const many = mine.some((e) => e.type === "many");
    if (changes.length > 0 || many)
      send({
        task_run_events: {
          type: "task_run.states",
          occurred_at: new Date(world.now).toISOString(),
          changes: changes.slice(0, 200),
          count: many ? changes.length + 1 : changes.length,
        },
      });
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      port: { type: "string", default: "4209" },
      kind: { type: "string", default: "busy" },
      children: { type: "string", default: "600" },
    },
  });
  const backend = await startFakeBackend({
    port: Number(values.port),
    kind: values.kind,
    children: Number(values.children),
  });
  console.log(`FAKE backend (${values.kind}) at ${backend.url}`);
  for (const [what, id] of Object.entries(backend.world.names)) console.log(`  ${what}: ${backend.url}/run/${id}`);
}
