/**
 * The room of a run and of a task run against a real backend with an agent (tests/ui/test_run_room.py makes the runs).
 *
 *   ROOM_FAILED   has failed: child 7 of `work` raised; it succeeds once ROOM_MEND exists
 *   ROOM_LIVE     waits at its gate until ROOM_GATE exists, then maps over 400 inputs
 *   ROOM_ENDLESS  waits at a gate that never opens
 *   ROOM_ALONE    asks for an agent that is not there
 */
import { readFileSync, writeFileSync } from "node:fs";
import { ask, checkRoom, expectEqual, until } from "./checking.mjs";

const {
  ROOM_FAILED: failed,
  ROOM_LIVE: live,
  ROOM_ENDLESS: endless,
  ROOM_ALONE: alone,
  ROOM_MEND,
  ROOM_GATE,
} = process.env;

await checkRoom("run-room", async ({ page, cable, step, open, mend, fits }) => {
  const query = (name) => page.evaluate((n) => new URLSearchParams(location.search).get(n), name);
  const waitQuery = (name, value) =>
    page.waitForFunction(([n, v]) => new URLSearchParams(location.search).get(n) === v, [name, value]);
  const box = (name) => page.$eval(`[data-box="${name}"]`, (e) => e.dataset.state);
  const waitBox = (name, state) =>
    page.waitForSelector(`[data-box="${name}"][data-state="${state}"]`, { state: "attached" });
  const waitChip = (...states) =>
    page.waitForFunction((all) => all.includes(document.querySelector(".run-title .chip")?.dataset.state), states);
  /** Once what the last event changed has been drawn: pointing is told of with a frame, not at once. */
  const drawn = () =>
    page.evaluate(
      () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(resolve)))),
    );
  const waitText = (selector, text) =>
    page.waitForFunction(([s, t]) => document.querySelector(s)?.textContent.includes(t), [selector, text]);

  await step("the_graph_shows_every_task_with_its_state", async () => {
    await open(`/run/${failed}`);
    await waitBox("work", "Failed");
    expectEqual(
      [await box("inputs"), await box("hold"), await box("total"), await box("count")],
      ["Success", "Success", "TriggerFailed", "Success"],
      "states",
    );
    const said = await page.textContent('[data-box="work"]');
    for (const part of ["29 Success", "1 Failed", "after "])
      if (!said.includes(part)) throw new Error(`${said} says nothing of ${part}`);
  });
  await step("the_head_says_what_failed_first", async () => {
    await waitText(".culprits", "work #7");
    await waitText(".culprits", "seven is not ready");
  });
  await step("a_click_and_keys_select_in_the_graph", async () => {
    await page.focus(".schematic-frame");
    await page.keyboard.press("ArrowRight");
    const active = () =>
      page.$eval(
        ".schematic-frame",
        (e) => document.getElementById(e.getAttribute("aria-activedescendant"))?.dataset.box,
      );
    const first = await active();
    await page.keyboard.press("ArrowLeft");
    expectEqual((await active()) === first && first !== "work", false, "the arrow went upstream");
    await page.keyboard.press("Enter");
    expectEqual((await query("task")) !== null, true, "Enter selects");
    await page.keyboard.press("Escape");
    await page.waitForFunction(() => !location.search.includes("task="));
    // where the boxes are is painted only: feel for one, as a hand does
    const frame = await (await page.$(".schematic-frame")).boundingBox();
    feel: for (let y = 12; y < frame.height; y += 24)
      for (let x = 12; x < frame.width; x += 40) {
        await page.mouse.move(frame.x + x, frame.y + y);
        await drawn();
        if ((await page.$(".schematic[data-hover]")) === null) continue;
        await page.mouse.click(frame.x + x, frame.y + y);
        break feel;
      }
    await page.waitForFunction(() => location.search.includes("task="));
    const before = await query("task");
    await page.mouse.move(frame.x + 8, frame.y + 8);
    await page.mouse.down();
    await page.mouse.move(frame.x + 60, frame.y + 40, { steps: 4 });
    await page.mouse.up();
    expectEqual(await query("task"), before, "a drag is no click");
    await page.click(".culprits button");
    await waitQuery("task", "work-1");
    await waitQuery("child", "7");
  });
  await step("what_is_selected_is_selected_everywhere", async () => {
    await waitText(".inspector", "work #7");
    await waitText(".task-filter", "work #7");
    // the log has lines of the child only
    await page.waitForFunction(() => {
      const from = [...document.querySelectorAll(".log-row[data-first] .from")].map((e) => e.textContent);
      return from.length > 0 && from.every((name) => name === "work #7");
    });
    await page.click("[data-tab=timeline]");
    await page.waitForFunction(() =>
      document.querySelector(".timeline-frame")?.getAttribute("aria-valuetext")?.startsWith("work #7 · Failed"),
    );
    expectEqual(await page.$eval(".timeline-frame", (e) => Number(e.dataset.rows)), 7 + 30, "rows of the timeline");
    await page.click("[data-tab=tasks]");
    await page.waitForSelector('.task-row[aria-pressed="true"]');
    await page.waitForSelector(".cell-mark", { state: "attached" });
  });
  await step("the_timeline_and_the_grid_select_by_keys", async () => {
    await page.focus(".cells");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    await waitQuery("child", "8");
    await page.click("[data-tab=timeline]");
    await page.focus(".timeline-frame");
    await page.keyboard.press("ArrowDown");
    await waitQuery("child", "9");
    await page.keyboard.press("+");
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("0");
  });
  await step("the_log_is_filtered_and_kept", async () => {
    await page.click("[data-tab=log]");
    await page.click(".task-filter");
    await page.click('.levels [data-level="ERROR"]');
    await waitQuery("level", "ERROR");
    await page.waitForFunction(() =>
      [...document.querySelectorAll(".log-row")].every((e) => e.dataset.level === "ERROR"),
    );
    await page.click('.levels [data-level="DEBUG"]');
    await page.keyboard.press("/");
    await page.keyboard.type("work 1");
    await waitQuery("q", "work 1");
    // work 1 and work 10 to 19
    await page.waitForFunction(() => document.querySelector("[data-log-count]")?.textContent.startsWith("11 of"));
    const [file] = await Promise.all([page.waitForEvent("download"), page.click("[data-download]")]);
    const lines = readFileSync(await file.path(), "utf8")
      .trim()
      .split("\n");
    expectEqual([lines.length, file.suggestedFilename()], [11, "room-failed.log"], "the file");
    await page.keyboard.press("Escape");
  });
  await step("the_details_say_everything", async () => {
    await page.click("[data-tab=details]");
    for (const text of ["Submitted", "Running", "Some reference tasks failed", ROOM_MEND, "UniversalRun"])
      await waitText(".details", text);
  });
  await step("a_task_run_has_its_own_page", async () => {
    await page.click(".culprits button");
    await page.click("[data-tab=graph]");
    await page.click("[data-open]");
    await page.waitForSelector(".traceback");
    await waitText(".traceback .raised", "ValueError: seven is not ready");
    await waitText(".traceback li", "work");
    await waitText(".states", "seven is not ready");
    await page.waitForFunction(() => document.querySelectorAll(".beside a").length >= 13);
    for (const text of ["inputs", "number, one by one", "total", "TriggerFailed"]) await waitText(".details", text);
    await waitText(".log-rows", "work 7");
    await page.click('.beside a[aria-label="#8, Success"]');
    await waitText(".run-title h1", "work #8");
    await page.goBack();
    await waitText(".run-title h1", "work #7");
    await page.click(".run-title .up");
    await waitQuery("child", "7");
  });
  await step("restart_runs_what_failed_and_only_that", async () => {
    writeFileSync(ROOM_MEND, "");
    await page.click("[data-action=restart]");
    await page.waitForSelector("dialog[open]");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await waitChip("Success");
    await waitBox("total", "Success");
    await page.waitForFunction(() => document.querySelector('[data-box="work"]')?.textContent.includes("30 Success"));
    const { task_run: again } = await ask(
      "query A($run: uuid!) { task_run(where: {flow_run_id: {_eq: $run}, attempt: {_gt: 1}}) { map_index task { name } } }",
      { run: failed },
    );
    expectEqual(
      again.filter((r) => r.task.name === "work" && r.map_index >= 0).map((r) => r.map_index),
      [7],
      "children that ran again",
    );
    await waitText(".facts", "Attempt2");
  });
  await step("a_run_is_given_another_name", async () => {
    await page.click("[data-action=rename]");
    await page.fill("input.run-name", "not this one");
    await page.keyboard.press("Escape");
    await waitText("span.run-name", "failed");
    await page.click("[data-action=rename]");
    await page.fill("input.run-name", "mended");
    await page.keyboard.press("Enter");
    await waitText("span.run-name", "mended");
    const { flow_run: named } = await ask("query N($id: uuid!) { flow_run(where: {id: {_eq: $id}}) { name } }", {
      id: failed,
    });
    expectEqual(named[0].name, "mended", "the name that is stored");
  });
  await step("a_waiting_run_says_why_and_can_be_cancelled", async () => {
    await open(`/run/${alone}`);
    await waitText(".reason", "towpath agent local start --label nobody");
    await page.click("[data-action=cancel]");
    await page.click("[data-confirm=cancel]");
    await waitChip("Cancelled");
  });
  await step("a_lost_connection_leaves_no_gap", async () => {
    await open(`/run/${live}`);
    await waitBox("hold", "Running");
    await waitText(".log-rows", "waiting at the gate");
    cable.cut();
    await page.waitForSelector(".notice.lost");
    writeFileSync(ROOM_GATE, "");
    const state = async () =>
      (await ask("query S($id: uuid!) { flow_run(where: {id: {_eq: $id}}) { state } }", { id: live })).flow_run[0]
        .state;
    await until("the run succeeds", async () => (await state()) === "Success");
    await mend();
    await waitChip("Success");
    await page.waitForFunction(() => document.querySelector('[data-box="work"]')?.textContent.includes("400 Success"));
    const { log } = await ask("query L($id: uuid!) { log(where: {flow_run_id: {_eq: $id}}) { id } }", { id: live });
    await page.waitForFunction(
      (n) => Number(document.querySelector("[data-log-count]")?.dataset.logCount) === n,
      log.length,
    );
    return { lines: log.length };
  });
  await step("a_running_run_is_cancelled_after_a_second_question", async () => {
    await open(`/run/${endless}?tab=nonsense`);
    await waitBox("hold", "Running");
    await page.click("[data-action=cancel]");
    await page.waitForSelector("dialog[open]");
    await page.keyboard.press("Enter");
    await page.waitForSelector("dialog[open]", { state: "detached" });
    expectEqual(await page.$eval(".run-title .chip", (e) => e.dataset.state), "Running", "no is no");
    await page.click("[data-action=cancel]");
    await page.click("[data-confirm=cancel]");
    await waitChip("Cancelled");
    await waitBox("work", "Cancelled");
  });
  await step("a_narrow_page_has_all_of_it", async () => {
    await page.setViewportSize({ width: 400, height: 800 });
    await fits();
    for (const tab of ["timeline", "tasks", "details", "log", "graph"]) {
      await page.click(`[data-tab=${tab}]`);
      await page.waitForSelector(`#panel-${tab}`);
      await fits();
    }
  });
});
