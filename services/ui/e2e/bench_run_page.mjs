/**
 * How long the page of a run takes to its first full paint, and how many frames a second it draws while it is panned; prints JSON.
 * Full paint: the head with the run's true state, every task run in the view with its true state, the tail of the log; then one frame more.
 * Each load has a browser context of its own: nothing is cached. Floors, from the same gateway: a page with nothing on it, and the bare
 * download of the same rows.
 *
 *   TOWPATH_UI_URL      the gateway
 *   TOWPATH_UI_RUN_ID   a run that has ended, one of whose tasks is mapped
 *   CHILDREN            how many children that task has
 *   ROUNDS              loads of each view (default 5)
 */
import { openBrowser } from "./browser.mjs";

const { TOWPATH_UI_URL: server, TOWPATH_UI_RUN_ID: run, CHILDREN, ROUNDS = "5" } = process.env;
const children = Number(CHILDREN);
const browser = await openBrowser();
const PATIENCE = 60_000;

/** Runs in the page before anything else: notes when what is wanted is there and has been drawn. */
function watch([selector, attribute, pattern, ended]) {
  const wanted = new RegExp(pattern);
  const there = () => {
    const found = document.querySelector(selector);
    if (!found) return false;
    if (!wanted.test(attribute === "" ? (found.textContent ?? "") : (found.getAttribute(attribute) ?? "")))
      return false;
    if (ended === 0) return true;
    return (
      Number(document.querySelector("[data-ended]")?.getAttribute("data-ended")) >= ended &&
      document.querySelector(".run-title .chip") !== null &&
      document.querySelector(".log-row .said") !== null
    );
  };
  const look = () => {
    if (!there()) return requestAnimationFrame(look);
    // The frame that shows it is being made now; the next one says that it has been.
    requestAnimationFrame(() => {
      window.paintedAt = performance.now();
    });
  };
  requestAnimationFrame(look);
}

async function load(path, wanted, keep = false) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  const errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
  await page.addInitScript(watch, wanted);
  await page.goto(`${server}${path}`, { waitUntil: "commit" });
  await page.waitForFunction(() => window.paintedAt !== undefined, null, { timeout: PATIENCE });
  const at = await page.evaluate(() => window.paintedAt);
  if (errors.length > 0) throw new Error(errors.join("; "));
  if (keep) return { at, page, context };
  await context.close();
  return { at };
}

const VIEWS = {
  graph: ["", ["[role=option][data-box=nothing]", "", `${children} Success`, children]],
  tasks: ["?tab=tasks", [".cells", "aria-label", `${children} Success`, children]],
  timeline: ["?tab=timeline", [".timeline-frame", "data-rows", `^${children + 2}$`, children]],
};

/** Frames while `work` moves the pointer or the wheel as fast as the browser takes it. */
async function frames(page, work) {
  await page.evaluate(() => {
    window.deltas = [];
    let last = performance.now();
    const tick = (now) => {
      window.deltas.push(now - last);
      last = now;
      window.ticking = requestAnimationFrame(tick);
    };
    window.ticking = requestAnimationFrame((now) => {
      last = now;
      tick(now);
    });
  });
  await work();
  const deltas = (
    await page.evaluate(() => {
      cancelAnimationFrame(window.ticking);
      return window.deltas;
    })
  ).slice(2);
  const sorted = [...deltas].sort((a, b) => a - b);
  const total = deltas.reduce((a, b) => a + b, 0);
  return {
    fps: (deltas.length * 1000) / total,
    p95: sorted[Math.floor(sorted.length * 0.95)],
    longest: sorted.at(-1),
    frames: deltas.length,
  };
}

async function panTimeline(page) {
  const box = await (await page.$(".timeline-frame")).boundingBox();
  const [x, y] = [box.x + box.width * 0.6, box.y + box.height * 0.6];
  await page.mouse.move(x, y);
  await page.keyboard.down("Control");
  for (let i = 0; i < 6; i += 1) await page.mouse.wheel(0, -100);
  await page.keyboard.up("Control");
  await page.mouse.down();
  const result = await frames(page, async () => {
    for (const stop = performance.now() + 2_500, began = performance.now(); performance.now() < stop; ) {
      const t = (performance.now() - began) / 1_000;
      await page.mouse.move(x + Math.sin(t * 3) * 180, y + Math.sin(t * 2) * 180);
    }
  });
  await page.mouse.up();
  return result;
}

async function panGrid(page) {
  const box = await (await page.$(".task-scroll")).boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  return frames(page, async () => {
    for (const stop = performance.now() + 2_500, began = performance.now(); performance.now() < stop; ) {
      const t = (performance.now() - began) / 1_000;
      await page.mouse.wheel(0, t % 1 < 0.5 ? 24 : -24);
      await page.mouse.move(box.x + box.width / 2 + Math.sin(t * 4) * 200, box.y + box.height / 2);
    }
  });
}

async function panGraph(page) {
  const box = await (await page.$(".schematic-frame")).boundingBox();
  const [x, y] = [box.x + box.width / 2, box.y + 40];
  await page.mouse.move(x, y);
  await page.mouse.down();
  const result = await frames(page, async () => {
    for (const stop = performance.now() + 2_500, began = performance.now(); performance.now() < stop; ) {
      const t = (performance.now() - began) / 1_000;
      await page.mouse.move(x + Math.sin(t * 3) * 150, y + Math.abs(Math.sin(t * 2)) * 150);
    }
  });
  await page.mouse.up();
  return result;
}

const paint = { graph: [], tasks: [], timeline: [] };
const empty = [];
const pan = {};
// one load of each first: the server's and the disk's caches are warm for all alike
await load("/nowhere", ["h1", "", "Nothing", 0]);
for (const [path, wanted] of Object.values(VIEWS)) await load(`/run/${run}${path}`, wanted);
for (let round = 0; round < Number(ROUNDS); round += 1) {
  empty.push((await load("/nowhere", ["h1", "", "Nothing", 0])).at);
  for (const [name, [path, wanted]] of Object.entries(VIEWS))
    paint[name].push((await load(`/run/${run}${path}`, wanted)).at);
}
for (const [name, work] of [
  ["timeline", panTimeline],
  ["tasks", panGrid],
  ["graph", panGraph],
]) {
  const [path, wanted] = VIEWS[name];
  const { page, context } = await load(`/run/${run}${path}`, wanted, true);
  pan[name] = await work(page);
  await context.close();
}
const context = await browser.newContext();
const page = await context.newPage();
await page.goto(`${server}/nowhere`);
const download = await page.evaluate(
  async ([run, rounds]) => {
    const query =
      "query Rows($run: uuid!) { task_run(where: {flow_run_id: {_eq: $run}}, order_by: [{id: asc}]) { id task_id map_index state version start_time end_time } }";
    const found = [];
    for (let i = 0; i < rounds; i += 1) {
      const began = performance.now();
      const answer = await fetch("/graphql", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ query, variables: { run } }),
      });
      const text = await answer.text();
      const got = performance.now();
      const rows = JSON.parse(text).data.task_run.length;
      found.push({ ms: got - began, parse: performance.now() - got, bytes: text.length, rows });
    }
    return found;
  },
  [run, Number(ROUNDS)],
);
await browser.close();
console.log(JSON.stringify({ paint, empty, pan, download }));
