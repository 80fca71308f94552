/** The runs explorer against a real backend with 100,000 runs (tests/ui/test_runs.py makes them): filters, paging, live rows, bulk actions. */
import { ask, checkRoom, expectEqual } from "./checking.mjs";

const { RUNS_FLOW: flow, RUNS_GROUP: group, RUNS_TOTAL: total } = process.env;

await checkRoom("runs", async ({ page, cable, step, open, mend, keys, texts }) => {
  const count = (n) =>
    page.waitForFunction((wanted) => Number(document.querySelector("[data-count]")?.dataset.count) === wanted, n);
  const matching = async (where) =>
    (
      await ask(
        "query RunCount($where: flow_run_bool_exp!) { flow_run_aggregate(where: $where) { aggregate { count } } }",
        {
          where,
        },
      )
    ).flow_run_aggregate.aggregate.count;
  const create = async (name) =>
    (
      await ask("mutation C($i: create_flow_run_input!) { create_flow_run(input: $i) { id } }", {
        i: { flow_id: flow, flow_run_name: name, labels: ["nobody"] },
      })
    ).create_flow_run.id;
  const top = () => page.$eval(".found", (e) => e.dataset.run);

  await step("the_count_is_exact", async () => {
    const began = performance.now();
    await open("/runs");
    await page.waitForSelector(".found");
    const rowsAfter = Math.round(performance.now() - began);
    await count(Number(total));
    return { rowsAfter };
  });
  await step("pages_follow_each_other_without_gap_or_double", async () => {
    const began = performance.now();
    for (let pages = 0; pages < 60; pages += 1) {
      const read = await page.$eval(".found-end", (e) => Number(e.dataset.read));
      if (read >= 2_000) break;
      await page.$eval(".found-scroll", (e) => {
        e.scrollTop = e.scrollHeight;
      });
      await page.waitForFunction((n) => Number(document.querySelector(".found-end")?.dataset.read) > n, read);
    }
    const drawn = await page.$$eval(".found", (all) => all.length);
    if (drawn > 120) throw new Error(`${drawn} rows are drawn`);
    // The row at place 1,500 is the one that the server has at that place.
    await page.$eval(".found-scroll", (e) => {
      e.scrollTop = 1_500 * 32;
    });
    await page.waitForSelector('.found[aria-rowindex="1502"]');
    const shown = await page.$eval('.found[aria-rowindex="1502"]', (e) => e.dataset.run);
    const { flow_run: rows } = await ask(
      "query Nth($w: [String!]) { flow_run(where: {state: {_nin: $w}}, order_by: [{scheduled_start_time: desc}, {id: desc}], offset: 1500, limit: 1) { id } }",
      { w: ["Scheduled"] },
    );
    expectEqual(shown, rows[0].id, "the row at place 1,500");
    return { drawn, ms: Math.round(performance.now() - began) };
  });
  let first = "";
  await step("a_new_run_does_not_move_what_is_looked_at", async () => {
    const before = await top();
    await create("arrives-later");
    await page.waitForSelector(".held");
    expectEqual(await top(), before, "the first row drawn");
    await page.click(".held");
    await page.waitForSelector(".held", { state: "detached" });
    await page.waitForFunction(() => document.querySelector(".found-name")?.textContent === "arrives-later");
    first = await top();
  });
  await step("a_row_changes_in_its_place", async () => {
    await ask("mutation C($id: UUID!) { cancel_flow_run(input: {flow_run_id: $id}) { state } }", { id: first });
    await page.waitForSelector(`[data-run="${first}"] [data-state="Cancelled"]`);
  });
  await step("filters_stand_in_the_address", async () => {
    await page.click('.families button:has-text("Failed")');
    await page.waitForFunction(() => location.search === "?state=failed");
    await count(await matching({ state: { _eq: "Failed" } }));
    await page.selectOption('select[aria-label="Flow"]', group);
    await page.keyboard.press("Escape");
    await page.fill(".add-label", "gpu");
    await page.press(".add-label", "Enter");
    await page.selectOption('select[aria-label="Time"]', "30d");
    const search = new URLSearchParams(await page.evaluate(() => location.search));
    expectEqual(
      Object.fromEntries(search),
      { state: "failed", flow: group, label: "gpu", range: "30d" },
      "the address",
    );
    await count(
      await matching({
        state: { _eq: "Failed" },
        labels: { _contains: ["gpu"] },
        scheduled_start_time: { _gte: new Date(Date.now() - 30 * 86_400_000).toISOString() },
      }),
    );
    await page.waitForFunction(() =>
      [...document.querySelectorAll(".found .chip")].every((e) => e.dataset.state === "Failed"),
    );
  });
  await step("back_takes_one_choice_back_and_forward_brings_it_again", async () => {
    await page.goBack();
    await page.waitForFunction(
      () => !location.search.includes("range") && document.querySelector('select[aria-label="Time"]')?.value === "",
    );
    await page.goForward();
    await page.waitForFunction(() => document.querySelector('select[aria-label="Time"]')?.value === "30d");
  });
  await step("text_is_found_and_typing_keeps_the_focus", async () => {
    await page.click('.plain:has-text("Clear all")');
    await page.keyboard.press("/");
    await page.keyboard.type("week-471", { delay: 25 });
    await count(await matching({ name: { _ilike: "%week-471%" } }));
    expectEqual(await page.evaluate(() => document.activeElement.type), "search", "what has the focus");
    expectEqual(await page.evaluate(() => location.search), "?q=week-471", "the address");
  });
  await step("keys_walk_choose_and_open", async () => {
    // at once: the rows that are left are still on their way
    await keys("1", "Enter");
    await page.waitForFunction(() => document.activeElement?.matches(".found a"));
    expectEqual(
      await page.$eval(".found:focus-within .found-name", (e) => e.textContent),
      "week-4711",
      "the first row",
    );
    await page.keyboard.press("x");
    await page.waitForSelector(".bulk");
    expectEqual((await texts(".bulk b"))[0], "1", "chosen");
    await page.keyboard.press("Escape");
    await page.waitForSelector(".bulk", { state: "detached" });
    const id = await page.evaluate(() => document.activeElement.closest("[data-run]").dataset.run);
    await page.keyboard.press("Enter");
    await page.waitForFunction((run) => location.pathname === `/run/${run}`, id);
    await page.goBack();
    await page.waitForSelector(".found");
    expectEqual(await page.$eval(".find input", (e) => e.value), "week-4711", "the field after back");
  });
  await step("many_are_cancelled_after_a_second_question", async () => {
    for (const n of [1, 2, 3]) await create(`bulk-${n}`);
    await page.goto(`${cable.url}/runs?q=bulk-`);
    await page.evaluate(() => {
      window.neverReloaded = true;
    });
    await count(3);
    await page.waitForFunction(() => document.querySelectorAll(".found").length === 3);
    for (const box of await page.$$(".found input")) await box.check();
    await page.click("[data-bulk=cancel]");
    await page.waitForSelector("dialog[open]");
    // The focus is on "no".
    await page.keyboard.press("Enter");
    await page.waitForSelector("dialog[open]", { state: "detached" });
    expectEqual(await matching({ name: { _ilike: "bulk-%" }, state: { _eq: "Scheduled" } }), 3, "still scheduled");
    await page.click("[data-bulk=cancel]");
    await page.click("[data-confirm=cancel]");
    await page.waitForFunction(() => document.querySelectorAll('.found [data-state="Cancelled"]').length === 3);
    expectEqual(await matching({ name: { _ilike: "bulk-%" }, state: { _eq: "Cancelled" } }), 3, "cancelled");
    // none is chosen any more once the last one has been answered
    await page.waitForSelector(".bulk", { state: "detached" });
  });
  await step("many_are_restarted", async () => {
    for (const box of await page.$$(".found input")) await box.check();
    await page.click("[data-bulk=restart]");
    await page.click("[data-confirm=restart]");
    await page.waitForFunction(() => document.querySelectorAll('.found [data-state="Scheduled"]').length === 3);
  });
  await step("a_lost_connection_heals", async () => {
    await page.mouse.move(5, 5);
    cable.cut();
    await page.waitForSelector(".notice.lost");
    await create("bulk-in-the-dark");
    await mend();
    await count(4);
    await page.waitForFunction(
      () => document.querySelectorAll(".found").length === 4 || document.querySelector(".held"),
    );
  });
  await step("an_address_that_nothing_matches_says_so", async () => {
    await page.goto(`${cable.url}/runs?q=nothing-is-called-this&state=running`);
    await page.waitForSelector(".nothing");
    await page.evaluate(() => {
      window.neverReloaded = true;
    });
    await page.click(".nothing button");
    await page.waitForSelector(".found");
    expectEqual(await page.evaluate(() => location.search), "", "the address");
  });
});
