/** Pictures of every state of the page worth looking at, from the fake backend, into shots/ (git-ignored). */
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { startFakeBackend } from "../dev/fake_backend.mjs";
import { openBrowser } from "./browser.mjs";

const OUT = fileURLToPath(new URL("../shots/", import.meta.url));
mkdirSync(OUT, { recursive: true });

const busy = await startFakeBackend({ kind: "huge" });
const empty = await startFakeBackend({ kind: "empty" });
const browser = await openBrowser();
const problems = [];

async function shot(name, url, { width = 1440, height = 900, dark = false, act = async () => {}, ready }) {
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: dark ? "dark" : "light",
    deviceScaleFactor: 1.5,
  });
  const page = await context.newPage();
  page.on("console", (m) => m.type() === "error" && problems.push(`${name}: ${m.text()}`));
  page.on("pageerror", (e) => problems.push(`${name}: ${e.message}`));
  const began = performance.now();
  await page.goto(url);
  await page.waitForSelector(ready);
  const took = Math.round(performance.now() - began);
  await page.waitForSelector('[data-link="live"]');
  await act(page);
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  await page.screenshot({ path: `${OUT}${name}.png` });
  console.log(`${name} ${took} ms`);
  await context.close();
}

const run = (which) => `${busy.url}/run/${busy.world.names[which]}`;
const settle = (page) => page.waitForFunction(() => document.querySelectorAll(".log-row").length > 3);
for (const [suffix, options] of [
  ["wide-light", {}],
  ["wide-dark", { dark: true }],
  ["narrow-light", { width: 900, height: 1100 }],
  ["narrow-dark", { width: 900, height: 1100, dark: true }],
]) {
  await shot(`home-${suffix}`, busy.url, { ...options, ready: ".run-row" });
  await shot(`runs-${suffix}`, `${busy.url}/runs`, { ...options, ready: ".found" });
  await shot(`flows-${suffix}`, `${busy.url}/flows`, { ...options, ready: "[data-flow]" });
  await shot(`agents-${suffix}`, `${busy.url}/agents`, { ...options, ready: "[data-agent]" });
  await shot(`empty-${suffix}`, empty.url, { ...options, ready: ".empty" });
  await shot(`run-mapped-${suffix}`, `${run("mapped")}?tab=tasks`, { ...options, ready: ".cells", act: settle });
  await shot(`run-failed-${suffix}`, `${run("failed")}?tab=tasks`, { ...options, ready: ".task", act: settle });
}
await shot("run-10000-wide-light", `${run("huge")}?tab=tasks`, { ready: ".cells", act: settle });
await shot("run-small-wide-light", `${run("small")}?tab=tasks`, { ready: ".task", act: settle });
await shot("run-late-wide-light", run("late"), { ready: ".run-title" });
await shot("ask-cancel-wide-light", `${run("mapped")}?tab=tasks`, {
  ready: ".cells",
  act: async (page) => {
    await settle(page);
    await page.click("[data-action=cancel]");
    await page.waitForSelector("dialog[open]");
  },
});
await shot("help-wide-light", busy.url, {
  ready: ".run-row",
  act: async (page) => {
    await page.keyboard.press("?");
    await page.waitForSelector("dialog[open]");
  },
});
await shot("home-keys-wide-dark", busy.url, {
  ready: ".run-row",
  dark: true,
  act: async (page) => {
    for (let i = 0; i < 4; i += 1) await page.keyboard.press("j");
    await page.hover(".bar[data-family=failed]");
  },
});
await shot("run-errors-wide-dark", `${run("failed")}?tab=tasks`, {
  ready: ".task",
  dark: true,
  act: async (page) => {
    await settle(page);
    await page.click('[data-level="WARNING"]');
    await page.keyboard.press("/");
    await page.keyboard.type("toll");
  },
});
await browser.close();
await busy.stop();
await empty.stop();
if (problems.length > 0) {
  console.error([...new Set(problems)].join("\n"));
  process.exitCode = 1;
}
process.exit();
