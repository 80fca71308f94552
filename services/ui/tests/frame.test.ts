/** The frame: addresses, query strings, and keys that follow each other. */
import { describe, expect, it } from "vitest";
import { changedQuery, routeOf } from "../src/app/router";
import { isTyping, sequences } from "../src/app/shortcuts";

const ID = "0192f0c4-0000-7000-8000-00000000abcd";

describe("an address", () => {
  it("leads to its page, by id in either case", () => {
    expect([routeOf("/"), routeOf("/runs")]).toEqual([{ page: "home" }, { page: "runs" }]);
    expect(routeOf(`/run/${ID.toUpperCase()}`)).toEqual({ page: "run", id: ID });
    expect(routeOf(`/task-run/${ID}/`)).toEqual({ page: "task-run", id: ID });
    expect(routeOf(`/flow/${ID}`)).toEqual({ page: "flow", id: ID });
  });
  it("may be one that Prefect 1's client prints", () => {
    expect(routeOf(`/default/flow-run/${ID}`)).toEqual({ page: "run", id: ID });
    expect(routeOf(`/default/task-run/${ID}`)).toEqual({ page: "task-run", id: ID });
    expect(routeOf(`/default/flow/${ID}`)).toEqual({ page: "flow", id: ID });
    expect([routeOf(`/default/flow-run/${ID}/logs`).page, routeOf(`/default/constructor/${ID}`).page]).toEqual([
      "lost",
      "lost",
    ]);
  });
  it("that means nothing is told as such", () => {
    for (const path of ["/run", "/run/7", `/run/${ID}/logs`, `/home/${ID}`, "/constructor"])
      expect(routeOf(path)).toEqual({ page: "lost", path });
  });
});

describe("a query string", () => {
  it("changes one name and keeps the others where they are", () => {
    expect(changedQuery("?flow=tides&state=Failed", { state: "Running" })).toBe("?flow=tides&state=Running");
    expect(changedQuery("?a=1&b=2", { a: null })).toBe("?b=2");
    expect(changedQuery("?a=1", { a: "" })).toBe("");
  });
  it("gives a list as the same name several times", () => {
    expect(changedQuery("?label=x", { label: ["gpu", "nörth & south"] })).toBe("?label=gpu&label=n%C3%B6rth+%26+south");
    expect(changedQuery("?label=x&q=1", { label: [] })).toBe("?q=1");
  });
});

describe("keys", () => {
  it("follow each other only in time and only after g", () => {
    const meaning = sequences();
    expect([meaning("g", 0), meaning("r", 900), meaning("r", 1_000)]).toEqual(["g", "g r", "r"]);
    expect([meaning("g", 5_000), meaning("h", 6_600)]).toEqual(["g", "h"]);
    expect([meaning("g", 9_000), meaning("g", 9_100), meaning("h", 9_200)]).toEqual(["g", "g g", "h"]);
  });
  it("are letters while the reader types, and shortcuts on a checkbox", () => {
    const at = (it: object) => isTyping(it as EventTarget);
    expect(at({ tagName: "INPUT", type: "search" })).toBe(true);
    expect(at({ tagName: "INPUT", type: "checkbox" })).toBe(false);
    expect([at({ tagName: "TEXTAREA" }), at({ tagName: "A" })]).toEqual([true, false]);
  });
});
