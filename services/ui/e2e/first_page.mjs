/**
 * Drives a real browser against a running backend and says in JSON what it saw: the page loads, states change and logs stream in without a
 * reload, a lost connection is shown and comes back without gaps or doubles, cancel and restart work.
 *
 *   TOWPATH_UI_URL      the gateway
 *   TOWPATH_UI_RUN_ID   a run that goes on for at least half a minute, changing task states and writing logs, and stops when cancelled
 */
import { ask, checkRoom, until } from "./checking.mjs";

const runId = process.env.TOWPATH_UI_RUN_ID;
if (!runId) {
  console.error("Set TOWPATH_UI_RUN_ID.");
  process.exit(2);
}
const FINAL = new Set(
  "Success Cached Mapped Skipped Failed TimedOut TriggerFailed ValidationFailed Cancelled Looped Finished".split(" "),
);

/** The ids of all log lines that the server has, through the page's own kind of read. */
async function storedLogIds() {
  const { log } = await ask(
    "query LogTail($run: uuid!, $limit: Int!) { log(where: {flow_run_id: {_eq: $run}}, order_by: [{timestamp: desc}, {id: desc}], limit: $limit) { id timestamp level name message task_run_id } }",
    { run: runId, limit: 2000 },
  );
  return log.map((row) => row.id);
}

await checkRoom("first-page", async ({ page, cable, step, open, mend, shot }) => {
  const logCount = () => page.$eval("[data-log-count]", (e) => Number(e.dataset.logCount));
  const chip = () => page.$eval(".run-title .chip", (e) => e.dataset.state);
  const waitChip = (...states) =>
    page.waitForFunction(
      (wanted) => wanted.includes(document.querySelector(".run-title .chip")?.dataset.state),
      states,
    );
  const waitMoreLogs = (than) =>
    page.waitForFunction((n) => Number(document.querySelector("[data-log-count]")?.dataset.logCount) > n, than);
  const taskPicture = () =>
    page.$$eval(".task", (rows) =>
      rows
        .map((r) => `${r.dataset.task}=${r.dataset.state} ${r.querySelector(".children-said")?.textContent ?? ""}`)
        .join("; "),
    );

  await step("home_lists_the_run", async () => {
    await open("/");
    await page.waitForSelector(`[data-run="${runId}"]`);
    await shot("home");
  });
  await step("a_click_opens_the_run", async () => {
    await page.click(`[data-run="${runId}"] a`);
    await page.waitForSelector(".run-title .chip");
    if (!page.url().endsWith(`/run/${runId}`)) throw new Error(`the address is ${page.url()}`);
    await page.click("[data-tab=tasks]");
    await page.waitForSelector(".task");
  });
  await step("task_states_change_live", async () => {
    await waitChip("Running");
    const before = await taskPicture();
    await page.waitForFunction(
      (old) =>
        [...document.querySelectorAll(".task")]
          .map((r) => `${r.dataset.task}=${r.dataset.state} ${r.querySelector(".children-said")?.textContent ?? ""}`)
          .join("; ") !== old,
      before,
    );
    return { before, after: await taskPicture() };
  });
  await step("logs_stream_in", async () => {
    const before = await logCount();
    await waitMoreLogs(before);
    return { before, after: await logCount() };
  });
  await shot("running");
  await step("a_lost_connection_is_shown_and_comes_back", async () => {
    const before = await logCount();
    cable.cut();
    await page.waitForSelector(".notice.lost");
    const shown = await page.textContent(".notice.lost");
    // Lines that are written meanwhile make the gap that has to be filled.
    await until(
      "the run writes lines while the connection is lost",
      async () => (await storedLogIds()).length >= before + 3,
    );
    await page.waitForFunction(() => {
      const notice = document.querySelector(".notice.lost");
      return notice !== null && getComputedStyle(notice).opacity === "1";
    });
    await shot("lost");
    await mend();
    await waitMoreLogs(before + 2);
    return { shown };
  });
  await step("a_question_can_be_answered_with_no", async () => {
    await page.click("[data-action=cancel]");
    await page.waitForSelector("dialog[open]");
    await page.keyboard.press("Enter");
    await page.waitForSelector("dialog[open]", { state: "detached" });
    if ((await chip()) !== "Running") throw new Error(`the run is ${await chip()}`);
  });
  await step("cancel_works", async () => {
    await page.click("[data-action=cancel]");
    await page.click("[data-confirm=cancel]");
    await waitChip("Cancelling", "Cancelled");
    await waitChip("Cancelled");
    await shot("cancelled");
  });
  await step("every_line_is_there_once", async () => {
    const stored = async () => new Set(await storedLogIds()).size;
    await until("the page has the lines that are stored", async () => (await stored()) === (await logCount()));
    return { lines: await stored() };
  });
  await step("every_task_run_is_as_stored", async () => {
    const storedEnded = async () => {
      const { task_run: rows } = await ask(
        "query TaskRuns($run: uuid!, $after: uuid!, $limit: Int!) { task_run(where: {flow_run_id: {_eq: $run}, id: {_gt: $after}}, order_by: [{id: asc}], limit: $limit) { id task_id map_index state } }",
        { run: runId, after: "00000000-0000-0000-0000-000000000000", limit: 5000 },
      );
      // A mapped parent stands for its children, as on the page.
      const parents = new Set(rows.filter((row) => row.map_index >= 0).map((row) => row.task_id));
      return rows.filter((row) => FINAL.has(row.state) && !(row.map_index < 0 && parents.has(row.task_id))).length;
    };
    const shownEnded = () => page.$eval("[data-ended]", (e) => Number(e.dataset.ended));
    await until("the page shows what is stored", async () => (await storedEnded()) === (await shownEnded()));
    return { ended: await shownEnded() };
  });
  await step("restart_begins_the_next_attempt", async () => {
    await page.click("[data-action=restart]");
    await page.click("[data-confirm=restart]");
    await waitChip("Scheduled", "Submitted", "Running");
    return { state: await chip() };
  });
});
