/** The list of flows against a real backend: what it says, the schedule switched off and on, filters, a lost connection. */
import { ask, checkRoom, expectEqual } from "./checking.mjs";

const { FLOW_ID: flow, FLOW_GROUP: group, OTHER_ID: other, OTHER_GROUP: otherGroup } = process.env;

await checkRoom("flows", async ({ page, cable, step, open, mend, texts }) => {
  const row = `[data-flow="${group}"]`;
  const active = async () =>
    (await ask("query A($id: uuid!) { flow(where: {id: {_eq: $id}}) { is_schedule_active } }", { id: flow })).flow[0]
      .is_schedule_active;

  await step("styles_that_were_lost_on_the_way_come_with_their_page", async () => {
    const styles = /\/FlowPage-[^/]*\.css/;
    let lost = 0;
    await page.route(styles, (route) => {
      lost += 1;
      return route.abort();
    });
    await open("/");
    await page.waitForFunction(() => performance.getEntriesByName("pages-fetched").length > 0);
    await page.unroute(styles);
    if (lost === 0) throw new Error("the styles were not asked for");
    await page.click('.rooms a[href="/flows"]');
    await page.click(`${row} .flow-name a`);
    await page.waitForFunction(() => location.pathname.startsWith("/flow/"));
    await page.waitForFunction(() =>
      [...document.styleSheets].some((sheet) => {
        try {
          return sheet.href?.includes("/FlowPage-") && sheet.cssRules.length > 0;
        } catch {
          return false; // of a sheet that was not fetched nothing can be read
        }
      }),
    );
  });
  await step("each_flow_is_listed_with_schedule_next_run_and_last_runs", async () => {
    await open("/flows");
    await page.waitForSelector(`${row} .flow-next a`);
    expectEqual(await texts(".flow-name a"), ["freight-ledger", "tide-tables"], "flows");
    const words = await page.textContent(`${row} .flow-schedule`);
    if (!words.includes("Every hour")) throw new Error(`the schedule reads ${words}`);
    const runs = await page.getAttribute(`${row} .last-runs`, "aria-label");
    if (!/^Last 20 runs: \d+ Success/.test(runs)) throw new Error(`the last runs read ${runs}`);
    if (!(await page.textContent(`${row} .flow-next`)).includes("in ")) throw new Error("no next run");
    return { words, runs };
  });
  await step("a_schedule_is_switched_off", async () => {
    await page.click(`${row} [role=switch]`);
    await page.waitForSelector(`${row} [aria-checked=false]:not([aria-busy])`);
    expectEqual(await active(), false, "is_schedule_active");
    await page.waitForSelector(`${row} .flow-next a`, { state: "detached" });
  });
  await step("and_on_again_by_the_keyboard", async () => {
    await page.focus(`${row} [role=switch]`);
    await page.keyboard.press("Space");
    await page.waitForSelector(`${row} [aria-checked=true]:not([aria-busy])`);
    expectEqual(await active(), true, "is_schedule_active");
    await page.waitForSelector(`${row} .flow-next a`);
  });
  await step("a_filter_stands_in_the_address_and_enter_opens", async () => {
    await page.evaluate(() => document.activeElement.blur());
    await page.keyboard.press("/");
    await page.keyboard.type("tide");
    await page.waitForFunction(() => document.querySelectorAll("[data-flow]").length === 1);
    expectEqual(await page.evaluate(() => location.search), "?q=tide", "the address");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.activeElement?.matches(".flow-name a"));
    await page.keyboard.press("Enter");
    await page.waitForFunction((id) => location.pathname === `/flow/${id}`, group);
    await page.goBack();
    await page.waitForFunction(() => document.querySelectorAll("[data-flow]").length === 1);
    await page.keyboard.press("Escape");
    await page.waitForFunction(() => document.querySelectorAll("[data-flow]").length === 2);
  });
  await step("a_lost_connection_heals", async () => {
    cable.cut();
    await page.waitForSelector(".notice.lost");
    await ask("mutation O($f: UUID!) { set_schedule_inactive(input: {flow_id: $f}) { success } }", { f: flow });
    await mend();
    await page.waitForSelector(`${row} [aria-checked=false]`);
  });
  await step("what_is_archived_leaves_and_can_be_shown", async () => {
    await ask("mutation A($f: UUID!) { archive_flow(input: {flow_id: $f}) { success } }", { f: other });
    await page.waitForSelector(`[data-flow="${otherGroup}"]`, { state: "detached" });
    await page.click('button:has-text("Archived too")');
    await page.waitForSelector(`[data-flow="${otherGroup}"][data-archived]`);
    expectEqual(await page.evaluate(() => location.search), "?archived=1", "the address");
  });
});
