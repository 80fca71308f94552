/** The runs explorer: what an address means, which rows are held, what is done to many. */
import { describe, expect, it } from "vitest";
import { affected, type BulkRun, fewAtATime } from "../src/components/BulkActions";
import { localInput } from "../src/components/RunFilters";
import { RunsStore } from "../src/data/runsStore";
import { afterRow, conditionOf, filterOf, isFiltered, orderOf, stateNames } from "../src/domain/runFilter";

const NOW = Date.parse("2026-11-28T12:00:00Z");
const ID = "0192f0c4-0000-7000-8000-00000000abcd";
const of = (query: string) => filterOf(new URLSearchParams(query));
const conditions = (query: string) => (conditionOf(of(query), NOW) as { _and: unknown[] })._and;

describe("an address of the explorer", () => {
  it("names families and single states", () => {
    const filter = of("state=failed&state=Running&state=Nonsense&state=constructor");
    expect([filter.families, filter.states]).toEqual([["failed"], ["Running"]]);
    expect(stateNames(filter)).toEqual([
      "Running",
      "Failed",
      "TimedOut",
      "TriggerFailed",
      "ValidationFailed",
      "ClientFailed",
    ]);
  });
  it("leaves out what means nothing, wherever it came from", () => {
    expect(of("flow=7&agent=x&range=yesterday&from=soon&order=size&label=")).toEqual(of(""));
    expect(isFiltered(of("order=start&first=oldest"))).toBe(false);
    expect(isFiltered(of("range=7d"))).toBe(true);
  });
  it("without a word means everything that has been due, also what is late", () => {
    const [only, ...more] = conditions("") as { _or: Record<string, unknown>[] }[];
    expect(more).toEqual([]);
    expect(only?._or[1]).toEqual({ scheduled_start_time: { _lte: "2026-11-28T12:01:30.000Z" } });
    expect(only?._or[0]).toMatchObject({ state: { _nin: expect.arrayContaining(["Scheduled", "Paused"]) } });
  });
  it("asks for each word in flow or name, and takes signs of patterns for what they are", () => {
    expect(conditions("range=any&q=50%25_off tide")).toEqual([
      { _or: [{ name: { _ilike: "%50\\%\\_off%" } }, { flow: { name: { _ilike: "%50\\%\\_off%" } } }] },
      { _or: [{ name: { _ilike: "%tide%" } }, { flow: { name: { _ilike: "%tide%" } } }] },
    ]);
    expect(conditions(`range=any&q=${ID}`)).toEqual([{ id: { _eq: ID } }]);
  });
  it("bounds time on both sides, half open", () => {
    expect(conditions("range=between&from=2026-11-01T00:00:00Z&to=2026-11-02T00:00:00Z")).toEqual([
      { scheduled_start_time: { _gte: "2026-11-01T00:00:00.000Z" } },
      { scheduled_start_time: { _lt: "2026-11-02T00:00:00.000Z" } },
    ]);
    expect(conditions("range=1h")[0]).toEqual({ scheduled_start_time: { _gte: "2026-11-28T11:00:00.000Z" } });
  });
  it("asks for all labels at once", () => {
    expect(conditions("range=any&label=gpu&label=north&label=gpu")).toEqual([
      { labels: { _contains: ["gpu", "north"] } },
    ]);
  });
  it("goes on after a row, whichever way it is ordered", () => {
    const row = {
      id: ID,
      scheduled_start_time: "2026-11-28T11:00:00.123456+00:00",
      start_time: "2026-11-28T11:00:01+00:00",
    };
    expect(orderOf(of(""))).toEqual([{ scheduled_start_time: "desc" }, { id: "desc" }]);
    expect(afterRow(of(""), row)).toEqual({
      _and: [
        { scheduled_start_time: { _lte: row.scheduled_start_time } },
        { _or: [{ scheduled_start_time: { _lt: row.scheduled_start_time } }, { id: { _lt: ID } }] },
      ],
    });
    expect(orderOf(of("order=start&first=oldest"))).toEqual([{ start_time: "asc" }, { id: "asc" }]);
    expect(afterRow(of("order=start&first=oldest"), row)).toMatchObject({
      _and: [{ start_time: { _gte: row.start_time } }, {}],
    });
    expect(orderOf(of("range=coming"))).toEqual([{ scheduled_start_time: "asc" }, { id: "asc" }]);
  });
  it("shows a point in time as the reader's wall clock", () => {
    expect(localInput(null)).toBe("");
    expect(new Date(localInput(NOW)).getTime()).toBe(NOW);
  });
});

const rows = (...ids: string[]) => ids.map((id) => ({ id, version: 1 }));
const ids = (store: RunsStore<{ id: string; version: number }>) => store.snapshot().rows.map((row) => row.id);

describe("the rows that are held", () => {
  it("follow the head, and keep what was read below it", () => {
    const store = new RunsStore(3);
    store.head(rows("e", "d", "c"), false);
    store.append(rows("b", "a"));
    expect(store.snapshot()).toMatchObject({ complete: true, loaded: true, held: 0 });
    store.head(rows("f", "e", "d"), false);
    expect(ids(store)).toEqual(["f", "e", "d", "c", "b", "a"]);
  });
  it("drop out of the head what no longer belongs there", () => {
    const store = new RunsStore(3);
    store.head(rows("e", "d", "c"), false);
    store.append(rows("b", "a"));
    store.head(rows("e", "c", "b"), false);
    expect(ids(store)).toEqual(["e", "c", "b", "a"]);
    store.head(rows("e"), false);
    expect(ids(store)).toEqual(["e"]);
  });
  it("stay where they are while the reader is busy, and say how many wait", () => {
    const store = new RunsStore<{ id: string; version: number }>(3);
    store.head(rows("c", "b", "a"), true);
    store.head([...rows("e", "d"), { id: "c", version: 2 }], true);
    expect(ids(store)).toEqual(["c", "b", "a"]);
    expect(store.get("c")?.version).toBe(2);
    expect(store.snapshot().held).toBe(2);
    store.release();
    expect([ids(store), store.snapshot().held]).toEqual([["e", "d", "c", "b", "a"], 0]);
  });
  it("begin anew when the head has moved by more than a page", () => {
    const store = new RunsStore(2);
    store.head(rows("b", "a"), false);
    store.head(rows("z", "y"), false);
    expect([ids(store), store.snapshot().complete]).toEqual([["z", "y"], false]);
  });
  it("never go back to an older version, and take no stranger in", () => {
    const store = new RunsStore<{ id: string; version: number }>(2);
    store.head([{ id: "a", version: 4 }], false);
    store.update([
      { id: "a", version: 3 },
      { id: "x", version: 9 },
    ]);
    expect([store.get("a")?.version, store.get("x")]).toEqual([4, undefined]);
  });
});

describe("many runs at once", () => {
  const run = (state: string): BulkRun => ({ id: state, name: state, state, flow: { name: "f" } });
  const all = ["Scheduled", "Running", "Cancelling", "Success", "Failed", "Cancelled"].map(run);
  it("does what can be done to each", () => {
    expect(affected("cancel", all).map((r) => r.state)).toEqual(["Scheduled", "Running"]);
    expect(affected("restart", all).map((r) => r.state)).toEqual(["Failed", "Cancelled"]);
  });
  it("does each once, and only a few at a time", async () => {
    const done: number[] = [];
    let open = 0;
    let most = 0;
    await fewAtATime([...Array(11).keys()], 4, async (n) => {
      open += 1;
      most = Math.max(most, open);
      await Promise.resolve();
      done.push(n);
      open -= 1;
    });
    expect([done.sort((a, b) => a - b), most]).toEqual([[...Array(11).keys()], 4]);
  });
});
