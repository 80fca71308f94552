/**
 * What a flow asks for: one field a parameter, from what was registered (`{name, required, default, schema?}`) and the defaults of the flow's
 * group; and what a value must be. Pure; the form is runForm.ts.
 */
import { listed } from "./words";

export interface ParameterJson {
  readonly name: string;
  readonly required?: boolean;
  readonly default?: unknown;
  /** Names of JSON Schema. */
  readonly schema?: {
    readonly type?: string | readonly string[];
    readonly format?: string;
    readonly enum?: readonly unknown[];
    readonly description?: string;
  } | null;
}

export type Kind =
  | "integer"
  | "number"
  | "string"
  | "boolean"
  | "choice"
  | "date-time"
  | "date"
  | "array"
  | "object"
  | "any";

export interface ParameterField {
  readonly name: string;
  readonly required: boolean;
  readonly kind: Kind;
  readonly nullable: boolean;
  readonly choices: readonly unknown[];
  /** What the server takes when nothing is sent, and whose default that is. */
  readonly fallback: { readonly value: unknown; readonly of: "flow" | "group" } | null;
  readonly description: string | null;
}

const SIMPLE: Readonly<Record<string, Kind>> = {
  integer: "integer",
  number: "number",
  boolean: "boolean",
  array: "array",
  object: "object",
};

export const KIND_WORDS: Readonly<Record<Kind, string>> = {
  integer: "whole number",
  number: "number",
  string: "text",
  boolean: "true or false",
  choice: "one of a list",
  "date-time": "date and time",
  date: "date",
  array: "list (JSON)",
  object: "object (JSON)",
  any: "any value",
};

function kindOfDefault(value: unknown): Kind {
  if (typeof value === "boolean") return "boolean";
  if (typeof value === "number") return "number";
  if (typeof value === "string") return "string";
  if (Array.isArray(value)) return "array";
  return value !== null && typeof value === "object" ? "object" : "any";
}

function kindOf(parameter: ParameterJson, types: readonly string[]): Kind {
  const { schema } = parameter;
  if (schema?.enum && schema.enum.length > 0) return "choice";
  const [only, more] = types;
  if (only === undefined || more !== undefined) return schema?.type ? "any" : kindOfDefault(parameter.default);
  if (only === "string") return schema?.format === "date-time" || schema?.format === "date" ? schema.format : "string";
  return Object.hasOwn(SIMPLE, only) ? (SIMPLE[only] as Kind) : "any";
}

function fallbackOf(parameter: ParameterJson, group: Readonly<Record<string, unknown>>): ParameterField["fallback"] {
  if (Object.hasOwn(group, parameter.name)) return { value: group[parameter.name], of: "group" };
  return parameter.required ? null : { value: parameter.default ?? null, of: "flow" };
}

/** The fields of a flow version, required ones first, else in the order of registration. */
export function fieldsOf(
  parameters: readonly ParameterJson[],
  group: Readonly<Record<string, unknown>>,
): ParameterField[] {
  const fields = parameters.map((parameter): ParameterField => {
    const { schema } = parameter;
    const given = schema?.type === undefined ? [] : typeof schema.type === "string" ? [schema.type] : schema.type;
    const types = given.filter((t) => t !== "null");
    const choices = schema?.enum ?? [];
    const fallback = fallbackOf(parameter, group);
    const nullable =
      given.length === 0 && choices.length === 0
        ? true
        : given.includes("null") || choices.includes(null) || fallback?.value === null;
    return {
      name: parameter.name,
      required: fallback === null,
      kind: kindOf(parameter, types),
      nullable,
      choices: choices.filter((c) => c !== null),
      fallback,
      description: schema?.description?.trim() || null,
    };
  });
  return [...fields.filter((f) => f.required), ...fields.filter((f) => !f.required)];
}

/** A value as a sentence names it: short, and never the whole of a big one. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

export function same(a: unknown, b: unknown): boolean {
  return canonical(a) === canonical(b);
}

/** JSON with the names of objects in order: two texts are alike when the values are. */
export function canonical(value: unknown): string {
  return (
    JSON.stringify(value, (_, v) =>
      v !== null && typeof v === "object" && !Array.isArray(v)
        ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1)))
        : v,
    ) ?? "undefined"
  );
}

const DATE = /^(\d{4})-(\d\d)-(\d\d)$/;
const DATE_TIME = /^(\d{4}-\d\d-\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?(Z|[+-]\d\d:?\d\d)?$/i;

function wrongDate(text: string): string | null {
  const found = DATE.exec(text);
  if (!found) return "Write the date like 2026-01-31.";
  const [year, month, day] = found.slice(1).map(Number) as [number, number, number];
  if (month < 1 || month > 12) return `There is no month ${found[2]}.`;
  const days = new Date(Date.UTC(year, month, 0)).getUTCDate();
  return day < 1 || day > days ? `This month has no day ${found[3]}; it has ${days}.` : null;
}

function wrongDateTime(text: string): string | null {
  const found = DATE_TIME.exec(text);
  if (!found) return "Write date and time like 2026-01-31T08:00:00+01:00.";
  const [, date, hour, minute, second = "0", zone] = found;
  const wrong = wrongDate(date as string);
  if (wrong) return wrong;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59)
    return `There is no time ${text.slice(11, 19)}; hours go to 23, minutes and seconds to 59.`;
  const off = zone && zone.toUpperCase() !== "Z" ? zone.replace(":", "") : "+0000";
  return Number(off.slice(1, 3)) > 23 || Number(off.slice(3)) > 59 ? `There is no offset ${zone}.` : null;
}

const MUST: Readonly<Partial<Record<Kind, readonly [(v: unknown) => boolean, string]>>> = {
  integer: [(v) => Number.isInteger(v), "a whole number"],
  number: [(v) => typeof v === "number", "a number"],
  string: [(v) => typeof v === "string", "a text"],
  "date-time": [(v) => typeof v === "string", "a date and time, as a text"],
  date: [(v) => typeof v === "string", "a date, as a text"],
  boolean: [(v) => typeof v === "boolean", "true or false"],
  array: [(v) => Array.isArray(v), "a list"],
  object: [(v) => v !== null && typeof v === "object" && !Array.isArray(v), "an object"],
};

/** Why a value is none for this field; null when it is one. */
export function wrong(field: ParameterField, value: unknown): string | null {
  if (value === null) return field.nullable ? null : `This must be ${MUST[field.kind]?.[1] ?? "a value"}, not null.`;
  if (field.kind === "choice")
    return field.choices.some((c) => same(c, value))
      ? null
      : `This must be ${listed(field.choices.map(shown), "or")}, not ${shown(value)}.`;
  const must = MUST[field.kind];
  if (must && !must[0](value)) return `This must be ${must[1]}, not ${shown(value)}.`;
  if (field.kind === "date-time") return wrongDateTime(value as string);
  if (field.kind === "date") return wrongDate(value as string);
  if (field.kind === "integer" && !Number.isSafeInteger(value))
    return `A browser cannot send ${String(value)} exactly; use the command line for it.`;
  return null;
}
