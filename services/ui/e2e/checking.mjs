/**
 * What every end-to-end script shares: a page on a cable that can be cut, named checks, pictures of failures, one JSON at the end. The first
 * check that fails ends the script, since the later ones build on it; it says what the page looked like.
 *
 *   TOWPATH_UI_URL    the gateway
 *   TOWPATH_UI_SLOW   a slow machine, as CPU:MS: the page computes CPU times slower, each answer comes up to MS ms late ("8:1500")
 */
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { openBrowser } from "./browser.mjs";
import { layCable } from "./cable.mjs";

const OUT = fileURLToPath(new URL("../shots/e2e/", import.meta.url));
/** How long a thing may take, in ms: long, since a wait that is met costs nothing and a loaded machine is slow. */
export const PATIENCE = 60_000;
const [CPU = 1, LATE = 0] = (process.env.TOWPATH_UI_SLOW ?? "").split(":").filter(Boolean).map(Number);

export async function ask(query, variables = {}) {
  const response = await fetch(`${process.env.TOWPATH_UI_URL}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query, variables }),
    signal: AbortSignal.timeout(PATIENCE),
  });
  const body = await response.json();
  if (body.errors) throw new Error(JSON.stringify(body.errors));
  return body.data;
}

/** Ask until the answer is true; gives that answer. */
export async function until(what, probe) {
  for (const stop = Date.now() + PATIENCE; ; ) {
    const found = await probe();
    if (found) return found;
    if (Date.now() > stop) throw new Error(`not within ${PATIENCE} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** A zone where it is about noon, so that no day of the browser's ends under the checks; TZ where somebody has set it. */
function zoneOfNoon() {
  const east = 12 - new Date().getUTCHours();
  return process.env.TZ || (east === 0 ? "UTC" : `Etc/GMT${east > 0 ? "-" : "+"}${Math.abs(east)}`);
}

/** What a log must tell of a page that failed a check, so that nobody has to see it. */
function observe(page) {
  const said = [];
  const asked = new Set();
  page.on("console", (message) => {
    if (message.type() === "error") said.push(message.text());
  });
  page.on("request", (request) => asked.add(request));
  for (const end of ["requestfinished", "requestfailed"]) page.on(end, (request) => asked.delete(request));
  const named = (request) => /\b(?:query|mutation) (\w+)/.exec(request.postData() ?? "")?.[1] ?? request.url();
  return async () => ({
    console: said.slice(-8),
    unanswered: [...asked].map(named),
    ...(await page
      .evaluate(() => ({
        url: location.href,
        link: document.querySelector("[data-link]")?.dataset.link,
        focus: document.activeElement?.outerHTML.slice(0, 160),
        busy: [...document.querySelectorAll("[aria-busy=true]")].map((e) => e.cloneNode(false).outerHTML),
        text: document.body.innerText.slice(0, 1_500),
      }))
      .catch((cause) => ({ url: page.url(), text: `cannot be read: ${cause.message}` }))),
  });
}

/**
 * @param {string} room  names the pictures
 * @param {(tools: {page: import("playwright-core").Page, cable: any, step: Function, open: (path: string) => Promise<void>, mend: () => Promise<void>, keys: Function, fits: Function, texts: Function, shot: Function}) => Promise<void>} work
 */
export async function checkRoom(room, work, viewport = { width: 1280, height: 800 }) {
  const server = process.env.TOWPATH_UI_URL;
  if (!server) {
    console.error("Set TOWPATH_UI_URL.");
    process.exit(2);
  }
  mkdirSync(OUT, { recursive: true });
  const checks = {};
  const errors = [];
  const cable = await layCable(server, LATE);
  const browser = await openBrowser();
  const context = await browser.newContext({ viewport, timezoneId: zoneOfNoon() });
  const page = await context.newPage();
  if (CPU > 1) await (await context.newCDPSession(page)).send("Emulation.setCPUThrottlingRate", { rate: CPU });
  page.on("pageerror", (error) => errors.push(error.message));
  page.setDefaultTimeout(PATIENCE);
  const seen = observe(page);

  const shot = (name) => page.screenshot({ path: `${OUT}${name}.png` });
  const step = async (name, check) => {
    const began = performance.now();
    const note = (found) => {
      checks[name] = { ...found, ms: Math.round(performance.now() - began) };
      console.error(`${room}: ${name}: ${checks[name].ok ? "ok" : "FAILED"} after ${checks[name].ms} ms`);
    };
    try {
      const found = await check();
      note({ ok: true, ...found });
    } catch (cause) {
      note({ ok: false, error: String(cause.message ?? cause), page: await seen() });
      await shot(`failed-${room}-${name}`).catch(() => {});
      throw cause;
    }
  };
  /** Load a path, wait until it is live, and remember that it was not loaded again. */
  const open = async (path) => {
    await page.goto(`${cable.url}${path}`);
    await page.waitForSelector('[data-link="live"]');
    await page.evaluate(() => {
      window.neverReloaded = true;
    });
  };
  /** Mend the cable and try at once; by itself the page may have come back a moment before. */
  const mend = async () => {
    cable.mend();
    await page.click(".notice.lost button", { timeout: 1_000 }).catch(() => {});
    await page.waitForSelector(".notice.lost", { state: "detached" });
    await page.waitForSelector('[data-link="live"]');
  };
  /** Keys that belong together: the second is on its way before the page has answered the first. */
  const keys = (...all) => Promise.all(all.map((key) => page.keyboard.press(key)));
  /** Whether nothing hangs over the side; canvases follow a new width a frame later. */
  const fits = () => page.waitForFunction(() => document.documentElement.scrollWidth <= window.innerWidth);
  const texts = (selector) => page.$$eval(selector, (all) => all.map((e) => e.textContent.trim()));
  try {
    await work({ page, cable, step, open, mend, keys, fits, texts, shot });
    await step("nothing_was_reloaded", async () => {
      if (!(await page.evaluate(() => window.neverReloaded === true))) throw new Error("the page was reloaded");
      if (errors.length > 0) throw new Error(errors.join("; "));
    });
  } catch (cause) {
    process.exitCode = 1;
    if (Object.values(checks).every((check) => check.ok))
      checks.script = { ok: false, error: String(cause.stack ?? cause), page: await seen() };
  }
  await browser.close();
  cable.remove();
  console.log(JSON.stringify({ ok: process.exitCode !== 1, checks, errors }));
}

export function expectEqual(found, wanted, what) {
  if (JSON.stringify(found) !== JSON.stringify(wanted))
    throw new Error(`${what}: found ${JSON.stringify(found)}, wanted ${JSON.stringify(wanted)}`);
}
