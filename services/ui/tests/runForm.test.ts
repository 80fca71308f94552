// The form for a run: what is typed and what it means, what is wrong and in which words, and that nothing is lost between its two shapes.
import { describe, expect, it } from "vitest";
import { readJson } from "../src/domain/jsonText";
import { fieldsOf, type ParameterField, type ParameterJson, same } from "../src/domain/parameters";
import {
  check,
  command,
  EMPTY,
  entryOf,
  fieldsRefused,
  fromJson,
  fromValues,
  labelsOf,
  meaningOf,
  startOf,
  textOf,
  toJson,
  typed,
  untouched,
} from "../src/domain/runForm";

const one = (parameter: Partial<ParameterJson>, group = {}): ParameterField =>
  fieldsOf([{ name: "p", required: true, ...parameter }], group)[0] as ParameterField;
const of = (type: string, more = {}) => one({ schema: { type, ...more } });
const says = (field: ParameterField, text: string) => {
  const meant = meaningOf(field, { mode: "value", text });
  return meant.kind === "wrong" ? meant.message : meant;
};
const value = (v: unknown) => ({ kind: "value", value: v });

describe("fields", () => {
  it("take their kind from the schema, else from the default", () => {
    const kinds = (p: Partial<ParameterJson>) => one({ required: false, ...p }).kind;
    expect(
      [
        { schema: { type: "integer" } },
        { schema: { type: ["integer", "null"] } },
        { schema: { type: ["integer", "string"] } },
        { schema: { type: "string", format: "date-time" } },
        { schema: { type: "string", format: "date" } },
        { schema: { type: "string", format: "uri" } },
        { schema: { enum: ["a", 1, null] } },
        { schema: { type: "tuple" } },
        { default: 3 },
        { default: true },
        { default: "x" },
        { default: [1] },
        { default: { a: 1 } },
        { default: null },
        {},
      ].map(kinds),
    ).toEqual(
      "integer integer any date-time date string choice any number boolean string array object any any".split(" "),
    );
  });
  it("are optional where the flow or its group has a default, and the group's wins", () => {
    expect(one({}).required).toBe(true);
    expect(one({ required: false }).fallback).toEqual({ value: null, of: "flow" });
    expect(one({}, { p: 5 })).toMatchObject({ required: false, fallback: { value: 5, of: "group" } });
    expect(one({ required: false, default: 1 }, { p: null }).fallback).toEqual({ value: null, of: "group" });
  });
  it("stand required first, else as registered", () => {
    const fields = fieldsOf(
      [
        { name: "b", required: false },
        { name: "c", required: true },
        { name: "a", required: true },
      ],
      {},
    );
    expect(fields.map((f) => f.name)).toEqual(["c", "a", "b"]);
  });
  it("may be null where the schema, the choices or the default say so, and where nothing is known", () => {
    expect([of("integer").nullable, one({ schema: { type: ["integer", "null"] } }).nullable, one({}).nullable]).toEqual(
      [false, true, true],
    );
    expect(one({ required: false, schema: { type: "integer" }, default: null }).nullable).toBe(true);
    expect(one({ schema: { enum: ["a", null] } })).toMatchObject({ nullable: true, choices: ["a"] });
  });
});

describe("what is typed", () => {
  it.each<[string, string, unknown]>([
    ["integer", "5", 5],
    ["integer", " -7 ", -7],
    ["integer", "1e3", 1000],
    ["integer", "+4", 4],
    ["number", ".5", 0.5],
    ["number", "2.", 2],
    ["number", "-1.5e-3", -0.0015],
    ["string", "", ""],
    ["string", " kept as it is ", " kept as it is "],
    ["string", "5", "5"],
    ["boolean", "true", true],
    ["boolean", "false", false],
    ["array", "[1, [2]]", [1, [2]]],
    ["object", '{"a": null}', { a: null }],
    ["any-thing", "5", 5],
    ["any-thing", '"5"', "5"],
    ["any-thing", "plain words", "plain words"],
  ])("for %s: %s", (type, text, meant) => {
    expect(says(of(type), text)).toEqual(value(meant));
  });
  it.each<[string, string, string]>([
    ["integer", "", "Write a number."],
    ["integer", "3.5", "3.5 is not a whole number."],
    ["integer", "abc", "“abc” is not a number."],
    ["integer", "0x10", "“0x10” is not a number."],
    ["integer", "1 000", "“1 000” is not a number."],
    ["integer", "NaN", "“NaN” is not a number."],
    ["integer", "9007199254740993", "A browser cannot send 9007199254740993 exactly; use the command line for it."],
    ["integer", "1e300", "A browser cannot send 1e+300 exactly; use the command line for it."],
    ["number", "3,5", "Write it with a point: 3.5"],
    ["number", "Infinity", "“Infinity” is not a number."],
    ["number", "1e999", "This number is too large."],
    ["number", "--1", "“--1” is not a number."],
    ["boolean", "yes", 'This must be true or false, not "yes".'],
    ["boolean", "1", "This must be true or false, not 1."],
    ["array", "", "Write a list, like [1, 2]."],
    ["array", '{"a": 1}', 'This must be a list, not {"a":1}.'],
    ["array", "[1, 2", "This is not JSON. It ends too early."],
    ["array", "['a']", "This is not JSON. Line 1, column 2 is wrong. JSON wants double quotes."],
    ["array", "[1,\n 2,]", "This is not JSON. Line 2, column 4 is wrong. There is a comma before a closing bracket."],
    ["array", "[True]", "This is not JSON. Line 1, column 2 is wrong. JSON writes true, false and null."],
    ["array", "[NaN]", "This is not JSON. Line 1, column 2 is wrong. JSON knows no NaN and no Infinity."],
    [
      "array",
      "[12345678901234567890]",
      "A browser cannot send 12345678901234567890 exactly; use the command line for it, or a text.",
    ],
    ["object", "", 'Write an object, like {"a": 1}.'],
    ["object", "[]", "This must be an object, not []."],
    ["object", "null", "This must be an object, not null."],
    ["any-thing", '{"a": }', "This is not JSON. Line 1, column 7 is wrong."],
  ])("for %s: %s is refused", (type, text, message) => {
    expect(says(of(type), text)).toBe(message);
  });
  it.each<[string, string | null]>([
    ["2026-01-31T08:00:00+01:00", null],
    ["2026-01-31T08:00Z", null],
    ["2026-01-31 08:00", null],
    ["2028-02-29T00:00:00.123456Z", null],
    ["2026-01-31", "Write date and time like 2026-01-31T08:00:00+01:00."],
    ["tomorrow", "Write date and time like 2026-01-31T08:00:00+01:00."],
    ["2026-02-29T00:00:00Z", "This month has no day 29; it has 28."],
    ["2026-13-01T00:00:00Z", "There is no month 13."],
    ["2026-01-01T24:00:00Z", "There is no time 24:00:00; hours go to 23, minutes and seconds to 59."],
    ["2026-01-01T00:00:00+25:00", "There is no offset +25:00."],
  ])("as a date and time: %s", (text, message) => {
    expect(says(of("string", { format: "date-time" }), text)).toEqual(message ?? value(text));
  });
  it("as a date is a day that there is", () => {
    const date = of("string", { format: "date" });
    expect([says(date, "2026-02-28"), says(date, "2026-02-30"), says(date, "28.2.2026")]).toEqual([
      value("2026-02-28"),
      "This month has no day 30; it has 28.",
      "Write the date like 2026-01-31.",
    ]);
  });
  it("must be one of the choices, of their own type", () => {
    const choice = one({ schema: { enum: ["north", 2, { a: 1 }] } });
    expect(says(choice, '"north"')).toEqual(value("north"));
    expect(says(choice, '{"a":1}')).toEqual(value({ a: 1 }));
    expect(says(choice, '"2"')).toBe('This must be "north", 2 or {"a":1}, not "2".');
  });
  it("is not sent while untouched, and asked for where it is required", () => {
    expect(meaningOf(one({ required: false }), untouched(one({ required: false })))).toEqual({ kind: "absent" });
    expect(meaningOf(of("string"), untouched(of("string")))).toEqual({ kind: "wrong", message: "This needs a value." });
  });
  it("emptied again is as if untouched where it is required, and an empty text where it is not", () => {
    expect(typed(of("string"), "").mode).toBe("missing");
    expect(typed(one({ required: false, default: "x" }), "")).toEqual({ mode: "value", text: "" });
  });
  it("may be null only where null is a value", () => {
    expect(meaningOf(one({}), { mode: "null", text: "" })).toEqual(value(null));
    expect(meaningOf(of("integer"), { mode: "null", text: "" })).toEqual({
      kind: "wrong",
      message: "This must be a whole number, not null.",
    });
  });
});

const FIELDS = fieldsOf(
  [
    { name: "city", required: true, schema: { type: "string" } },
    { name: "days", required: false, default: 3, schema: { type: "integer" } },
    { name: "limits", required: false, default: { low: 1 } },
    { name: "mode", required: false, default: "fast", schema: { enum: ["fast", "full"] } },
    { name: "note", required: false },
  ],
  {},
);

describe("values", () => {
  /** Every kind of value that JSON knows, also those that look like another. */
  const VALUES = [
    null,
    true,
    false,
    0,
    -1.5,
    1e21,
    "",
    " ",
    "5",
    "true",
    "null",
    "[1]",
    '"q"',
    "it's",
    "ä\n\t€",
    [],
    [null, "1"],
    {},
    { a: { b: [1] } },
  ];
  it("survive the way into a field and out of it", () => {
    for (const field of [
      one({}),
      one({ schema: { type: ["string", "integer"] } }),
      one({ schema: { enum: VALUES.slice(1) } }),
    ])
      for (const v of VALUES.filter((v) => v !== null)) {
        const meant = says(field, textOf(field, v));
        expect(meant, `${field.kind} ${JSON.stringify(v)}`).toEqual(value(v));
      }
  });
  it("survive the way through the JSON of the whole form", () => {
    for (const v of VALUES) {
      const { entries, problems } = fromJson(FIELDS, JSON.stringify({ city: "Graz", note: v }));
      expect(problems).toEqual([]);
      expect(check(FIELDS, entries)).toEqual({ values: { city: "Graz", note: v }, errors: {} });
      expect(same(JSON.parse(toJson(FIELDS, entries)), { city: "Graz", note: v })).toBe(true);
    }
  });
  it("that are wrong are kept as they were typed", () => {
    const entries = {
      city: typed(FIELDS[0] as ParameterField, "Graz"),
      days: { mode: "value", text: "three" },
    } as const;
    const json = toJson(FIELDS, entries);
    expect(JSON.parse(json)).toEqual({ city: "Graz", days: "three" });
    const back = fromJson(FIELDS, json);
    expect(back.problems).toEqual(['days: This must be a whole number, not "three".']);
    expect(back.entries.days).toEqual({ mode: "value", text: "three" });
  });
  it("of the whole form are refused in words", () => {
    expect(fromJson(FIELDS, "[1]").problems).toEqual(["Parameters are an object of names and values, not [1]."]);
    expect(fromJson(FIELDS, '{"city": 5, "dyas": 1}').problems).toEqual([
      "The flow has no parameter “dyas”; it takes city, days, limits, mode and note.",
      "city: This must be a text, not 5.",
    ]);
    expect(fromJson(FIELDS, "").problems).toEqual(["city: It needs a value."]);
    expect(fromJson([], '{"a": 1}').problems).toEqual(["The flow has no parameter “a”; it takes none."]);
  });
  it("of a past run fill the fields, and what the flow no longer has is named", () => {
    const { entries, unknown } = fromValues(FIELDS, { city: "Graz", days: 3, note: null, gone: 1 });
    expect(unknown).toEqual(["gone"]);
    expect(check(FIELDS, entries).values).toEqual({ city: "Graz", days: 3, note: null });
    expect(entryOf(entries, FIELDS[2] as ParameterField).mode).toBe("default");
  });
});

describe("the rest of the form", () => {
  it("reads labels", () => {
    expect([labelsOf(" gpu, north  gpu"), labelsOf("  ")]).toEqual([["gpu", "north"], null]);
  });
  it("takes no start that has passed or is none", () => {
    const now = Date.parse("2026-11-28T12:00:00Z");
    expect(startOf(EMPTY, now)).toEqual({ at: null, error: null });
    expect(startOf({ ...EMPTY, start: "at", at: "" }, now).error).toContain("Write date and time");
    expect(startOf({ ...EMPTY, start: "at", at: "2020-01-01T00:00" }, now).error).toContain("has passed");
    expect(startOf({ ...EMPTY, start: "at", at: "2030-01-01T00:00" }, now).error).toBeNull();
  });
  it("leads a refusal to the fields it names", () => {
    const refusal = (code: string, detail: Record<string, unknown>) =>
      fieldsRefused({ code, message: "no", detail }, FIELDS);
    expect(refusal("MISSING_PARAMETER", { parameters: ["city", "other"] })).toEqual(["city"]);
    expect(refusal("BAD_PARAMETERS", { parameter: "days" })).toEqual(["days"]);
    expect(refusal("BAD_PARAMETERS", {})).toEqual([]);
    expect(refusal("FLOW_ARCHIVED", { parameters: ["city"] })).toEqual([]);
  });
  it("is a command that means the same", () => {
    const base = { flow: { name: "tide tables", project: "default" }, labels: null, runName: "", at: null };
    expect(command({ ...base, values: {} })).toBe("towpath run --name 'tide tables' --project default");
    const text = command({
      ...base,
      values: { city: "Graz", n: 5, digits: "5", list: [1, "a b"], quote: "it's", nan: "NaN", odd: "[x" },
      labels: ["gpu"],
      runName: "try 1",
      at: Date.parse("2026-11-28T12:00:00Z"),
    });
    for (const part of [
      "--param city=Graz",
      "--param n=5",
      `--param 'digits="5"'`,
      `--param 'list=[1,"a b"]'`,
      `--param 'quote=it'\\''s'`,
      `--param 'nan="NaN"'`,
      `--param 'odd="[x"'`,
      "--label gpu",
      "--run-name 'try 1'",
      "--at 2026-11-28T12:00:00Z",
    ])
      expect(text).toContain(part);
  });
});

describe("JSON", () => {
  it("does not mistake what stands in a text for a fault", () => {
    expect(readJson('["it\'s True, 12345678901234567890, # none"]').ok).toBe(true);
  });
  it("says where it breaks off, wherever that is", () => {
    const whole = '{"a": [1, -2.5e3, "x\\u00e9", {"b": null, "c": [true, {}]}]}';
    expect(readJson(whole).ok).toBe(true);
    for (let end = 1; end < whole.length; end += 1) {
      const read = readJson(whole.slice(0, end));
      expect(read.ok ? "" : read.message, whole.slice(0, end)).toMatch(
        /^This is not JSON\. (It ends too early|Line 1, column \d+ is wrong)\.$/,
      );
    }
  });
});
