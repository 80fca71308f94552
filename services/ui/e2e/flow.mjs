/** The room of one flow against a real backend: its tabs, its schedule, its versions, and runs made by its form. */
import { ask, checkRoom, expectEqual } from "./checking.mjs";

const { FLOW_GROUP: group, FLOW_OLD: old, FLOW_NEW: newest, RUN_LIKE: like, FIRES_AT: fires } = process.env;

await checkRoom("flow", async ({ page, cable, step, open, texts }) => {
  const active = async () =>
    (await ask("query A($id: uuid!) { flow(where: {id: {_eq: $id}}) { is_schedule_active } }", { id: newest })).flow[0]
      .is_schedule_active;
  const runCalled = async (name) =>
    (
      await ask(
        "query R($n: String!) { flow_run(where: {name: {_eq: $n}}) { id parameters labels scheduled_start_time flow { id } } }",
        { n: name },
      )
    ).flow_run;
  const param = (name) => `.sheet-dialog [data-param="${name}"]`;
  const at = (pathname, search) =>
    page.waitForFunction(
      ([p, s]) => location.pathname === p && (s === null || location.search === s),
      [pathname, search ?? null],
    );

  await step("the_overview_says_what_it_is_and_when_it_runs", async () => {
    await open(`/flow/${group}`);
    await page.waitForSelector("[data-fire]");
    expectEqual((await page.textContent("h1")).startsWith("tide-tables"), true, "the title");
    const words = await page.textContent(".clocks");
    if (!words.includes(fires)) throw new Error(`the schedule reads ${words}`);
    await page.waitForFunction(() => document.querySelectorAll("[data-fire]").length === 5);
    const { flow_run: coming } = await ask(
      'query C($g: uuid!) { flow_run(where: {flow_group_id: {_eq: $g}, state: {_eq: "Scheduled"}}, order_by: [{scheduled_start_time: asc}], limit: 5) { scheduled_start_time } }',
      { g: group },
    );
    const shown = await page.$$eval("[data-fire]", (rows) => rows.map((r) => Number(r.dataset.fire)));
    expectEqual(
      shown,
      coming.map((r) => Date.parse(r.scheduled_start_time)),
      "the next fires",
    );
    const standing = await texts(".standing dd");
    if (!/^\d+/.test(standing[0])) throw new Error(`the success rate reads ${standing}`);
    return { words, standing };
  });
  await step("its_schedule_is_switched_off", async () => {
    await page.click(".schedule-switch [role=switch]");
    await page.waitForSelector('.schedule-switch[data-schedule="off"] [aria-checked=false]:not([aria-busy])');
    expectEqual(await active(), false, "is_schedule_active");
    await page.waitForSelector("[data-fire]", { state: "detached" });
  });
  await step("and_on_again_by_the_keyboard", async () => {
    await page.focus(".schedule-switch [role=switch]");
    await page.keyboard.press("Space");
    await page.waitForSelector('.schedule-switch[data-schedule="on"] [aria-checked=true]:not([aria-busy])');
    expectEqual(await active(), true, "is_schedule_active");
    await page.waitForSelector("[data-fire]");
  });
  await step("the_graph_has_details_of_a_task", async () => {
    await page.evaluate(() => document.activeElement.blur());
    await page.keyboard.press("2");
    await at(`/flow/${group}`, "?tab=graph");
    await page.waitForSelector(".flow-graph canvas");
    await open(`/flow/${group}?tab=graph&task=predict-1`);
    await page.waitForSelector('[data-task="predict-1"]');
    const facts = await page.textContent('[data-task="predict-1"]');
    if (!facts.includes("fetch stations")) throw new Error(`the details read ${facts}`);
    await page.keyboard.press("Escape");
    await page.waitForSelector("[data-task]", { state: "detached" });
  });
  await step("tasks_by_runs_lead_to_a_task_run", async () => {
    await page.click('[data-tab="runs"]');
    await page.waitForSelector('.run-grid[data-rows="3"]');
    await page.mouse.move(2, 2);
    await page.focus(".grid-frame");
    const says = (...parts) =>
      page.waitForFunction(
        (all) => all.every((part) => document.querySelector(".grid-said")?.textContent.includes(part)),
        parts,
      );
    await page.keyboard.press("ArrowLeft");
    await says("Running", "spring-tide");
    await ask("mutation E($s: [set_state_input!]!) { set_states(input: {states: $s}) { results } }", {
      s: [{ flow_run_id: like, state: { type: "Success" } }],
    });
    await says("Success", "spring-tide");
    expectEqual(await page.evaluate(() => document.activeElement.className), "grid-frame", "what has the focus");
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("ArrowDown");
    await says("fetch stations", "tide-1,");
    const said = await page.textContent(".grid-said");
    // whether its task runs have been read or not
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => /^\/task-run\//.test(location.pathname));
    await page.goBack();
    await page.waitForSelector(".run-grid");
    return { said };
  });
  await step("a_version_is_found_by_its_own_id", async () => {
    await page.evaluate((id) => {
      history.pushState(null, "", `/flow/${id}`);
      dispatchEvent(new PopStateEvent("popstate"));
    }, old);
    await at(`/flow/${group}`, "?version=1");
    await page.waitForSelector(".older");
    await page.click(".older button");
    await at(`/flow/${group}`, "");
  });
  await step("the_form_opens_by_its_key_and_tells_what_is_wrong_at_the_field", async () => {
    await page.evaluate(() => document.activeElement.blur());
    await page.keyboard.press("r");
    await page.waitForSelector(`${param("station")} textarea`);
    await page.fill(`${param("days")} input`, "many");
    await page.click(".sheet-dialog [data-run]");
    await page.waitForSelector(`${param("days")}[data-invalid] .param-error`);
    await page.waitForSelector(`${param("station")}[data-invalid] .param-error`);
    const told = await texts(".sheet-dialog .param-error");
    expectEqual(await page.$$eval(".sheet-dialog[open]", (all) => all.length), 1, "open forms");
    return { told };
  });
  await step("what_was_typed_outlives_closing", async () => {
    await page.fill(`${param("station")} textarea`, "Ruhrort");
    await page.keyboard.press("Escape");
    await page.waitForSelector(".sheet-dialog", { state: "detached" });
    await page.evaluate(() => document.activeElement.blur());
    await page.keyboard.press("r");
    await page.waitForSelector(".sheet-dialog .told");
    expectEqual(await page.inputValue(`${param("station")} textarea`), "Ruhrort", "station");
    expectEqual(await page.inputValue(`${param("days")} input`), "many", "days");
  });
  await step("a_run_is_made_with_its_parameters", async () => {
    await page.fill(`${param("days")} input`, "14");
    await page.click(`${param("model")} label:has-text("residual")`);
    await page.click(`${param("dry_run")} label:has-text("true")`);
    await page.fill('.sheet-dialog input[placeholder="two words of our choice"]', "made-by-form");
    await page.click(".sheet-dialog [data-run]");
    await page.waitForFunction(() => /^\/run\//.test(location.pathname));
    const runs = await runCalled("made-by-form");
    expectEqual(runs.length, 1, "runs");
    expectEqual(await page.evaluate(() => location.pathname), `/run/${runs[0].id}`, "the address");
    expectEqual(
      Object.entries(runs[0].parameters).sort(),
      Object.entries({ station: "Ruhrort", days: 14, model: "residual", dry_run: true, since: null }).sort(),
      "parameters",
    );
    expectEqual(runs[0].flow.id, newest, "the version");
  });
  await step("a_run_like_an_earlier_one_for_later", async () => {
    await page.goto("about:blank");
    await open(`/flow/${group}?run-like=${like}`);
    await page.waitForSelector(".sheet-dialog .told");
    expectEqual(await page.inputValue(`${param("station")} textarea`), "Duisburg", "station");
    expectEqual(await page.inputValue(`${param("days")} input`), "21", "days");
    await page.fill('.sheet-dialog input[placeholder="two words of our choice"]', "like-spring");
    await page.click('.sheet-dialog label:has-text("at a time")');
    await page.fill('.sheet-dialog .start input[type="datetime-local"]', "2038-01-02T03:04");
    await page.click(".sheet-dialog [data-run]");
    await page.waitForFunction(() => /^\/run\//.test(location.pathname));
    const [run] = await runCalled("like-spring");
    expectEqual(run.labels, ["river"], "labels");
    expectEqual(run.parameters.days, 21, "days");
    expectEqual(run.scheduled_start_time.startsWith("2038-01-0"), true, "the start");
  });
  await step("a_lost_connection_loses_nothing_that_was_typed", async () => {
    await open(`/flow/${group}`);
    await page.click('[data-ask="run"]');
    await page.fill(`${param("station")} textarea`, "Emmerich");
    await page.fill('.sheet-dialog input[placeholder="two words of our choice"]', "after-the-cut");
    cable.cut();
    await page.click(".sheet-dialog [data-run]");
    await page.waitForSelector(".sheet-dialog .sheet-body [role=alert]");
    expectEqual(await page.inputValue(`${param("station")} textarea`), "Emmerich", "station");
    cable.mend();
    await page.waitForSelector('[data-link="live"]');
    await page.click(".sheet-dialog [data-run]");
    await page.waitForFunction(() => /^\/run\//.test(location.pathname));
    expectEqual((await runCalled("after-the-cut")).length, 1, "runs");
  });
  await step("versions_say_what_changed", async () => {
    await open(`/flow/${group}`);
    await page.click('[data-tab="versions"]');
    await page.waitForSelector('[data-version="2"] .changes li');
    const changes = (await texts('[data-version="2"] .changes li')).join(" | ");
    if (!changes.includes("publish")) throw new Error(`the changes read ${changes}`);
    // registering a version archives the one before
    await page.waitForSelector('[data-version="1"][data-archived]');
    return { changes };
  });
  await step("archiving_is_asked_for_twice", async () => {
    await page.click('[data-version="2"] [data-ask="archive"]');
    await page.waitForSelector("[data-confirm]");
    await page.keyboard.press("Escape");
    await page.waitForSelector("[data-confirm]", { state: "detached" });
    await page.click('[data-version="2"] [data-ask="archive"]');
    await page.click("[data-confirm]");
    await page.waitForSelector('[data-version="2"][data-archived]');
    const { flow: left } = await ask(
      "query V($g: uuid!) { flow(where: {flow_group_id: {_eq: $g}, archived: {_eq: false}}) { id } }",
      { g: group },
    );
    expectEqual(left, [], "versions that are not archived");
    await page.waitForSelector('[data-ask="run"][disabled]');
  });
  await step("a_version_is_deleted_with_its_runs", async () => {
    await page.click('[data-version="1"] [data-ask="delete"]');
    await page.click("[data-confirm]");
    await page.waitForSelector('[data-version="1"]', { state: "detached" });
    const { flow: left } = await ask("query V($g: uuid!) { flow(where: {flow_group_id: {_eq: $g}}) { id } }", {
      g: group,
    });
    expectEqual(
      left.map((f) => f.id),
      [newest],
      "versions",
    );
  });
});
