/** The agents against a real backend: who is alive, what nobody takes, what one runs and could run, forgetting one. */
import { ask, checkRoom, expectEqual } from "./checking.mjs";

const { AGENT_ID: agent, OLD_ID: old } = process.env;
const TYPES = ["LocalRun", "UniversalRun"];

await checkRoom("agents", async ({ page, cable, step, open, mend, keys, texts }) => {
  const claim = async (id, labels, limit) =>
    (
      await ask(
        "mutation C($a: UUID!, $l: [String!], $t: [String!]!, $n: Int) { claim_flow_runs(input: {agent_id: $a, labels: $l, run_config_types: $t, limit: $n}) { runs { id fence } } }",
        { a: id, l: labels, t: TYPES, n: limit },
      )
    ).claim_flow_runs.runs;
  /** Take a run and begin it, so that it is not offered again when nothing comes of it for a while. */
  const take = async (id) => {
    const [run] = await claim(id, [], 1);
    await ask(
      'mutation B($id: UUID!, $f: Int!) { begin_run(input: {flow_run_id: $id, fence: $f, holder: "by hand"}) { lease } }',
      { id: run.id, f: run.fence },
    );
    return run.id;
  };

  await step("agents_are_alive_or_silent", async () => {
    // it may be a while since it was registered
    await claim(agent, [], 0);
    await open("/agents");
    await page.waitForSelector(`[data-agent="${agent}"][data-alive=true]`);
    await page.waitForSelector(`[data-agent="${old}"][data-alive=false]`);
    const silent = await page.textContent(`[data-agent="${old}"] i`);
    if (!silent.includes("silent since")) throw new Error(silent);
    return { silent };
  });
  await step("what_nobody_takes_is_told_with_why_and_how", async () => {
    // how many there are is read apart from who they are
    await page.waitForSelector('[data-queue="harbour"]:has-text("2 runs")');
    await claim(agent, [], 0);
    expectEqual((await texts(".unserved li")).length, 1, "kinds of run that nobody takes");
    const text = await page.textContent('[data-queue="harbour"]');
    for (const part of [
      "2 runs with the label harbour",
      "No agent that is alive has the label harbour.",
      "towpath agent local start --label harbour",
    ])
      if (!text.includes(part)) throw new Error(`${part} is not in ${text}`);
  });
  await step("a_fitting_agent_makes_it_good_without_a_reload", async () => {
    const { register_agent: made } = await ask(
      'mutation R { register_agent(input: {type: "LocalAgent", name: "pilot", labels: ["harbour"]}) { id } }',
    );
    await claim(made.id, ["harbour"], 0);
    await page.waitForSelector(".unserved", { state: "detached" });
    await page.waitForSelector(`[data-agent="${made.id}"][data-alive=true]`);
  });
  await step("a_key_opens_an_agent_and_it_says_what_it_could_run", async () => {
    await page.keyboard.press("j");
    await page.waitForFunction(() => document.activeElement?.matches(".agent-who a"));
    await page.focus(`[data-agent="${agent}"] .agent-who a`);
    await page.keyboard.press("Enter");
    await page.waitForFunction((id) => location.pathname === `/agent/${id}`, agent);
    await page.waitForFunction(() => document.querySelectorAll(".could-run li").length === 3);
    expectEqual(await page.textContent(".could-run h2 b"), "3", "runs it could take");
  });
  await step("what_it_takes_is_shown_as_it_takes_it", async () => {
    const taken = await take(agent);
    await page.waitForSelector(`.agent-runs [data-run="${taken}"] [data-state=Submitted]`);
    await page.waitForFunction(() => document.querySelector(".could-run h2 b")?.textContent === "2");
  });
  await step("a_lost_connection_heals", async () => {
    cable.cut();
    await page.waitForSelector(".notice.lost");
    await take(agent);
    await mend();
    await page.waitForFunction(() => document.querySelector(".could-run h2 b")?.textContent === "1");
  });
  await step("a_silent_one_is_forgotten_after_a_second_question", async () => {
    await keys("g", "a");
    await page.click(`[data-agent="${old}"] .agent-who a`);
    await page.click("[data-action=forget]");
    await page.waitForSelector("dialog[open]");
    await page.keyboard.press("Enter");
    await page.waitForSelector("dialog[open]", { state: "detached" });
    const there = "query T($id: uuid!) { agent(where: {id: {_eq: $id}}) { id } }";
    expectEqual((await ask(there, { id: old })).agent.length, 1, "agents of that id");
    await page.click("[data-action=forget]");
    await page.click("[data-confirm=forget]");
    await page.waitForFunction(() => location.pathname === "/agents");
    expectEqual((await ask(there, { id: old })).agent.length, 0, "agents of that id");
    await page.waitForSelector(`[data-agent="${old}"]`, { state: "detached" });
  });
  await step("an_agent_that_is_not_there_is_told", async () => {
    await open(`/agent/${old}`);
    await page.waitForSelector(".empty h1");
    expectEqual(await page.textContent(".empty h1"), "There is no such agent.", "the page");
  });
});
