/**
 * What every end-to-end script shares: a page on a cable that can be cut, named checks, pictures of failures, one JSON at the end. The first
 * check that fails ends the script, since the later ones build on it.
 *
 *   TOWPATH_UI_URL   the gateway
 */
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { openBrowser } from "./browser.mjs";
import { layCable } from "./cable.mjs";

const OUT = fileURLToPath(new URL("../shots/e2e/", import.meta.url));
const PATIENCE = 20_000;

export async function ask(query, variables = {}) {
  const response = await fetch(`${process.env.TOWPATH_UI_URL}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query, variables }),
  });
  const body = await response.json();
  if (body.errors) throw new Error(JSON.stringify(body.errors));
  return body.data;
}

/**
 * @param {string} room  names the pictures
 * @param {(tools: {page: import("playwright-core").Page, cable: any, step: Function, open: (path: string) => Promise<void>, texts: Function, shot: Function}) => Promise<void>} work
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
  const cable = await layCable(server);
  const browser = await openBrowser();
  const page = await (await browser.newContext({ viewport })).newPage();
  page.on("pageerror", (error) => errors.push(error.message));
  page.setDefaultTimeout(PATIENCE);

  const shot = (name) => page.screenshot({ path: `${OUT}${name}.png` });
  const step = async (name, check) => {
    const began = performance.now();
    try {
      const found = await check();
      checks[name] = { ok: true, ms: Math.round(performance.now() - began), ...found };
    } catch (cause) {
      checks[name] = { ok: false, ms: Math.round(performance.now() - began), error: String(cause.message ?? cause) };
      await shot(`failed-${room}-${name}`);
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
  const texts = (selector) => page.$$eval(selector, (all) => all.map((e) => e.textContent.trim()));
  try {
    await work({ page, cable, step, open, texts, shot });
    await step("nothing_was_reloaded", async () => {
      if (!(await page.evaluate(() => window.neverReloaded === true))) throw new Error("the page was reloaded");
      if (errors.length > 0) throw new Error(errors.join("; "));
    });
  } catch (cause) {
    process.exitCode = 1;
    if (Object.values(checks).every((check) => check.ok))
      checks.script = { ok: false, error: String(cause.stack ?? cause) };
  }
  await browser.close();
  cable.remove();
  console.log(JSON.stringify({ ok: process.exitCode !== 1, checks, errors }));
}

export function expectEqual(found, wanted, what) {
  if (JSON.stringify(found) !== JSON.stringify(wanted))
    throw new Error(`${what}: found ${JSON.stringify(found)}, wanted ${JSON.stringify(wanted)}`);
}
