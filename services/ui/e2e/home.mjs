/** Home against a real backend: today in numbers, what needs a person and doing it, the services, the keys, a lost connection, a phone. */
import { ask, checkRoom, expectEqual } from "./checking.mjs";

const { FAILED_ID: failed, PAUSED_ID: paused, LATE_ID: late, RUNNING_ID: running } = process.env;

await checkRoom("home", async ({ page, cable, step, open, mend, keys, fits, texts }) => {
  const need = (kind, run) => `[data-need=${kind}]:has(a[href="/run/${run}"])`;
  const stateOf = async (id) =>
    (await ask("query S($id: uuid!) { flow_run(where: {id: {_eq: $id}}) { state } }", { id })).flow_run[0].state;
  const fail = (id) =>
    ask("mutation F($s: [set_state_input!]!) { set_states(input: {states: $s}) { results } }", {
      s: [{ flow_run_id: id, state: { type: "Failed", message: "The gauge did not answer." } }],
    });

  await step("what_needs_a_person_is_told", async () => {
    await open("/");
    await page.waitForSelector(need("failed", failed));
    await page.waitForSelector(need("paused", paused));
    await page.waitForSelector(need("late", late));
    const text = await page.textContent(need("late", late));
    if (!text.includes("No agent that is alive has the label harbour.")) throw new Error(text);
    if (!(await page.textContent(need("failed", failed))).includes("3 tolls")) throw new Error("no reason");
  });
  await step("today_is_counted_and_leads_to_its_runs", async () => {
    await page.waitForSelector(".today[data-known]");
    expectEqual((await texts("[data-today=failed]"))[0], "1 failed", "failed today");
    await page.click("[data-today=failed]");
    await page.waitForSelector(`.found[data-run="${failed}"]`);
    expectEqual(await page.$$eval(".found", (all) => all.length), 1, "runs found");
    await page.goBack();
    await page.waitForSelector(".needs");
  });
  await step("every_service_is_ready", async () => {
    await page.waitForSelector("[data-service]");
    await page.waitForSelector("[data-ready=false]", { state: "detached" });
    const services = await texts("[data-service]");
    for (const name of ["gateway", "graphql", "read", "bus", "scheduler", "zombie killer", "lazarus"])
      if (!services.includes(name)) throw new Error(`${name} is not among ${services}`);
  });
  await step("keys_lead_through_the_rooms", async () => {
    for (const [key, path] of [
      ["r", "/runs"],
      ["f", "/flows"],
      ["a", "/agents"],
      ["h", "/"],
    ]) {
      await keys("g", key);
      await page.waitForFunction((wanted) => location.pathname === wanted, path);
      await page.waitForSelector(`.rooms a[href="${path}"][aria-current=page]`);
    }
    await page.keyboard.press("?");
    await page.waitForSelector("dialog.help[open]");
    await page.keyboard.press("Escape");
    await page.waitForSelector("dialog.help[open]", { state: "detached" });
  });
  await step("an_approval_is_given_after_a_second_question", async () => {
    await page.click(`${need("paused", paused)} [data-action=approve]`);
    await page.waitForSelector("dialog[open]");
    await page.keyboard.press("Enter");
    await page.waitForSelector("dialog.ask[open]", { state: "detached" });
    expectEqual(await stateOf(paused), "Paused", "the run");
    await page.click(`${need("paused", paused)} [data-action=approve]`);
    await page.click("[data-confirm=approve]");
    await page.waitForSelector(need("paused", paused), { state: "detached" });
    const state = await stateOf(paused);
    if (state === "Paused") throw new Error("still paused");
    return { state };
  });
  await step("a_failed_run_is_restarted", async () => {
    await page.click(`${need("failed", failed)} [data-action=restart]`);
    await page.click("[data-confirm=restart]");
    await page.waitForSelector(need("failed", failed), { state: "detached" });
    expectEqual(await stateOf(failed), "Scheduled", "the run");
  });
  await step("what_happened_while_the_connection_was_lost_is_told", async () => {
    cable.cut();
    await page.waitForSelector(".notice.lost");
    await fail(running);
    await mend();
    await page.waitForSelector(need("failed", running));
    await page.waitForSelector('[data-link="live"]');
  });
  await step("a_phone_sees_all_of_it", async () => {
    await page.setViewportSize({ width: 400, height: 800 });
    for (const path of ["/", "/runs", "/flows", "/agents"]) {
      await page.click(`.rooms a[href="${path}"]`);
      await page.waitForSelector(`.rooms a[href="${path}"][aria-current=page]`);
      await page.waitForSelector("h1, .needs li, .found");
      await fits();
    }
  });
  await step("an_address_that_means_nothing_is_told", async () => {
    // It follows nothing, so it connects to nothing and claims no connection.
    await page.goto(`${cable.url}/nothing/here`);
    await page.evaluate(() => {
      window.neverReloaded = true;
    });
    expectEqual(await page.textContent(".empty h1"), "Nothing is here.", "the page");
    expectEqual(await texts("[data-link=idle]"), [""], "what the bar says");
    await page.click(".empty a");
    await page.waitForSelector('[data-link="live"]');
  });
  await step("the_other_pages_are_fetched_meanwhile", async () => {
    await page.waitForFunction(() => performance.getEntriesByName("pages-fetched").length > 0);
    // Drawn with the address, without a placeholder before it that would be held for a while.
    const drawn = await page.evaluate(async () => {
      document.querySelector('.rooms a[href="/agents"]').click();
      await new Promise(requestAnimationFrame);
      return document.querySelector("main").className;
    });
    expectEqual(drawn, "page agents-page", "the page after one frame");
  });
});
