/** GraphiQL against a real backend: the merged schema is read, a mixed query answered, a header sent, a table subscribed to. */
import { ask, checkRoom } from "./checking.mjs";

const { FLOW_ID: flow } = process.env;

await checkRoom("graphiql", async ({ page, cable, step }) => {
  const write = (editor, text) =>
    page.evaluate(
      ([selector, value]) => document.querySelector(`${selector} .CodeMirror`).CodeMirror.setValue(value),
      [editor, text],
    );
  const answered = (part) =>
    page.waitForFunction(
      (wanted) => document.querySelector(".result-window .CodeMirror")?.CodeMirror.getValue().includes(wanted),
      part,
    );
  /** A named operation; GraphiQL has read it once the tab is called after it. */
  const operation = async (name, text) => {
    await write(".graphiql-query-editor", text);
    await page.waitForSelector(`.graphiql-tab-button:has-text("${name}")`);
  };
  const run = () => page.click(".graphiql-execute-button");

  await step("the_schema_of_both_sides_is_shown", async () => {
    await page.goto(`${cable.url}/graphiql`);
    await page.evaluate(() => {
      window.neverReloaded = true;
    });
    await page.waitForSelector(".graphiql-query-editor .CodeMirror");
    await page.click('[aria-label="Show Documentation Explorer"]');
    await page.click('.graphiql-doc-explorer-content a:has-text("Query")');
    for (const field of ["flow_run_aggregate", "auth_info"])
      await page.waitForSelector(`.graphiql-doc-explorer-content a:text-is("${field}")`);
  });
  await step("a_query_of_both_sides_is_answered", async () => {
    await operation("Both", "query Both { flow { name } api { backend } }");
    await run();
    await answered("canal");
  });
  await step("a_header_is_sent", async () => {
    await write(".graphiql-editor-tool .graphiql-editor:not(.hidden)", '{ "authorization": "Bearer nobody" }');
    await run();
    await answered("UNAUTHENTICATED");
    await write(".graphiql-editor-tool .graphiql-editor:not(.hidden)", '{ "authorization": "" }');
    await run();
    await answered("canal");
  });
  await step("a_table_is_subscribed_to", async () => {
    await operation("Barges", "subscription Barges { flow_run { name } }");
    await run();
    await answered('"flow_run": []');
    await ask("mutation M($i: create_flow_run_input!) { create_flow_run(input: $i) { id } }", {
      i: { flow_id: flow, flow_run_name: "barge-1" },
    });
    await answered("barge-1");
  });
});
