/**
 * The form for a run: what stands in each field, what it means, and what is wrong with it, in words. What is not touched is not sent, so that
 * the server's defaults hold. Pure; a draft is plain JSON, so that it can be kept.
 */
import { readJson } from "./jsonText";
import { canonical, type ParameterField, shown, wrong } from "./parameters";
import { listed } from "./words";

/** `missing`: required and not touched. `default`: not sent. `value`: the text means a value. */
export interface Entry {
  readonly mode: "missing" | "default" | "null" | "value";
  readonly text: string;
}
export type Entries = Readonly<Record<string, Entry>>;

export interface Draft {
  readonly entries: Entries;
  /** The whole as JSON, while the form shows that instead of fields. */
  readonly json: string | null;
  readonly labels: string;
  readonly runName: string;
  readonly start: "now" | "at";
  /** As a datetime-local field writes it, in the reader's zone. */
  readonly at: string;
  /** What was sent last and the key it was sent with: sent again unchanged, it is the same wish and makes no second run. */
  readonly sent: { readonly key: string; readonly what: string } | null;
}

export type Meaning =
  | { readonly kind: "absent" }
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "wrong"; readonly message: string };

export const EMPTY: Draft = { entries: {}, json: null, labels: "", runName: "", start: "now", at: "", sent: null };

/** Whether there is anything in a draft that would be missed. */
export function isEmpty(draft: Draft): boolean {
  const touched = Object.values(draft.entries).some((e) => e.mode === "value" || e.mode === "null");
  return !touched && canonical({ ...draft, entries: {} }) === canonical(EMPTY);
}

export function untouched(field: ParameterField): Entry {
  return { mode: field.fallback === null ? "missing" : "default", text: "" };
}

export function entryOf(entries: Entries, field: ParameterField): Entry {
  return entries[field.name] ?? untouched(field);
}

/** How a value stands in its field. */
export function textOf(field: ParameterField, value: unknown): string {
  if (value === null || value === undefined) return "";
  if (field.kind === "choice") return canonical(value);
  if (field.kind === "array" || field.kind === "object") return JSON.stringify(value, null, 2);
  if (typeof value !== "string") return JSON.stringify(value);
  // a text that would be read as something else keeps its quotes
  return field.kind === "any" && readAny(value) !== value ? JSON.stringify(value) : value;
}

/** Of a field that takes anything: JSON where it is some, else a text. */
function readAny(text: string): unknown {
  const read = readJson(text);
  return read.ok ? read.value : text;
}

/** After typing: an emptied field of a required parameter is as if never touched, since an empty number or list means nothing. */
export function typed(field: ParameterField, text: string): Entry {
  return text === "" && field.fallback === null ? untouched(field) : { mode: "value", text };
}

const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i;

function number(field: ParameterField, raw: string): Meaning {
  const text = raw.trim();
  if (text === "") return { kind: "wrong", message: "Write a number." };
  if (/^[+-]?\d+,\d+$/.test(text))
    return { kind: "wrong", message: `Write it with a point: ${text.replace(",", ".")}` };
  if (!NUMBER.test(text)) return { kind: "wrong", message: `“${text}” is not a number.` };
  const value = Number(text);
  if (!Number.isFinite(value)) return { kind: "wrong", message: "This number is too large." };
  if (field.kind === "integer" && !Number.isInteger(value))
    return { kind: "wrong", message: `${text} is not a whole number.` };
  if (/^[+-]?\d+$/.test(text) && BigInt(text) !== BigInt(value))
    return { kind: "wrong", message: `A browser cannot send ${text} exactly; use the command line for it.` };
  return { kind: "value", value };
}

function json(field: ParameterField, text: string): Meaning {
  if (text.trim() === "")
    return {
      kind: "wrong",
      message: `Write ${field.kind === "array" ? "a list, like [1, 2]" : 'an object, like {"a": 1}'}.`,
    };
  const read = readJson(text);
  return read.ok ? { kind: "value", value: read.value } : { kind: "wrong", message: read.message };
}

function parsed(field: ParameterField, text: string): Meaning {
  switch (field.kind) {
    case "integer":
    case "number":
      return number(field, text);
    case "array":
    case "object":
      return json(field, text);
    case "boolean":
    case "choice": {
      const read = readJson(text);
      return { kind: "value", value: read.ok ? read.value : text };
    }
    case "any": {
      const read = readJson(text);
      if (!read.ok && /^\s*["{[]/.test(text)) return { kind: "wrong", message: read.message };
      return { kind: "value", value: read.ok ? read.value : text };
    }
    case "date":
    case "date-time":
      return { kind: "value", value: text.trim() };
    case "string":
      return { kind: "value", value: text };
  }
}

/** What an entry means, or what is wrong with it. */
export function meaningOf(field: ParameterField, entry: Entry): Meaning {
  if (entry.mode === "default") return { kind: "absent" };
  if (entry.mode === "missing") return { kind: "wrong", message: "This needs a value." };
  const meant: Meaning = entry.mode === "null" ? { kind: "value", value: null } : parsed(field, entry.text);
  if (meant.kind !== "value") return meant;
  const message = wrong(field, meant.value);
  return message === null ? meant : { kind: "wrong", message };
}

export interface Checked {
  /** What is to be sent; whole only when there are no errors. */
  readonly values: Readonly<Record<string, unknown>>;
  /** By name of the field. */
  readonly errors: Readonly<Record<string, string>>;
}

export function check(fields: readonly ParameterField[], entries: Entries): Checked {
  const values: Record<string, unknown> = {};
  const errors: Record<string, string> = {};
  for (const field of fields) {
    const meant = meaningOf(field, entryOf(entries, field));
    if (meant.kind === "wrong") errors[field.name] = meant.message;
    if (meant.kind === "value") values[field.name] = meant.value;
  }
  return { values, errors };
}

/** The fields as one JSON text. What cannot be read is put in as the text that was typed, so that nothing is lost. */
export function toJson(fields: readonly ParameterField[], entries: Entries): string {
  const all: Record<string, unknown> = {};
  for (const field of fields) {
    const entry = entryOf(entries, field);
    const meant = meaningOf(field, entry);
    if (meant.kind === "value") all[field.name] = meant.value;
    else if (meant.kind === "wrong" && entry.mode === "value") all[field.name] = entry.text;
  }
  return JSON.stringify(all, null, 2);
}

export interface FromJson {
  readonly entries: Entries;
  /** What is wrong; empty when all of it is understood. */
  readonly problems: readonly string[];
}

/** Entries from one JSON text. */
export function fromJson(fields: readonly ParameterField[], text: string): FromJson {
  const read = text.trim() === "" ? { ok: true as const, value: {} } : readJson(text);
  if (!read.ok) return { entries: {}, problems: [read.message] };
  const { value } = read;
  if (value === null || typeof value !== "object" || Array.isArray(value))
    return { entries: {}, problems: [`Parameters are an object of names and values, not ${shown(value)}.`] };
  const { entries, unknown } = fromValues(fields, value as Record<string, unknown>);
  const given = value as Record<string, unknown>;
  const problems = unknown.map((name) => unknownWords(name, fields));
  for (const field of fields) {
    const message = Object.hasOwn(given, field.name)
      ? wrong(field, given[field.name])
      : field.required
        ? "It needs a value."
        : null;
    if (message) problems.push(`${field.name}: ${message}`);
  }
  return { entries, problems };
}

function unknownWords(name: string, fields: readonly ParameterField[]): string {
  const takes = fields.length === 0 ? "it takes none" : `it takes ${listed(fields.map((f) => f.name))}`;
  return `The flow has no parameter “${name}”; ${takes}.`;
}

/** Entries that stand for given values, such as those of a past run; and the names that the flow does not have. */
export function fromValues(
  fields: readonly ParameterField[],
  values: Readonly<Record<string, unknown>>,
): { entries: Entries; unknown: readonly string[] } {
  const entries: Record<string, Entry> = {};
  for (const field of fields) {
    if (!Object.hasOwn(values, field.name)) continue;
    const value = values[field.name];
    entries[field.name] = value === null ? { mode: "null", text: "" } : { mode: "value", text: textOf(field, value) };
  }
  const known = new Set(fields.map((f) => f.name));
  return { entries, unknown: Object.keys(values).filter((name) => !known.has(name)) };
}

/** Labels as people type them: separated by commas or spaces; none means those of the flow. */
export function labelsOf(text: string): string[] | null {
  const found = [...new Set(text.split(/[\s,]+/).filter(Boolean))].sort();
  return found.length === 0 ? null : found;
}

/** The start that is asked for: null for now. */
export function startOf(draft: Draft, now: number): { at: number | null; error: string | null } {
  if (draft.start === "now") return { at: null, error: null };
  const at = Date.parse(draft.at);
  if (Number.isNaN(at)) return { at: null, error: "Write date and time of the start." };
  return at < now - 60_000
    ? { at, error: "This time has passed; choose a later one, or start now." }
    : { at, error: null };
}

export interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

const OF_PARAMETERS: ReadonlySet<string> = new Set(["BAD_PARAMETERS", "MISSING_PARAMETER", "UNKNOWN_PARAMETER"]);

/** To which fields a refusal of the server belongs; empty when it is about none that is shown. */
export function fieldsRefused(refusal: Refusal, fields: readonly ParameterField[]): string[] {
  if (!OF_PARAMETERS.has(refusal.code)) return [];
  const { parameters, parameter } = refusal.detail;
  const named = Array.isArray(parameters) ? parameters : [parameter];
  return fields.map((f) => f.name).filter((name) => named.includes(name));
}

const quoted = (text: string) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

/** A value behind `--param name=`: JSON, but a text that cannot be taken for JSON stands for itself. */
function argument(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value);
  const plain = /^["{[]/.test(value) || /^-?(NaN|Infinity)$/.test(value) || readJson(value).ok || inJson(value);
  return plain ? JSON.stringify(value) : value;
}

/** Whether JSON would read it, also where `readJson` refuses for its size. */
function inJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

export interface Command {
  readonly flow: { readonly name: string; readonly project: string } | { readonly id: string };
  readonly values: Readonly<Record<string, unknown>>;
  readonly labels: readonly string[] | null;
  readonly runName: string;
  readonly at: number | null;
}

/** The same run as a command. */
export function command({ flow, values, labels, runName, at }: Command): string {
  const parts = ["towpath run"];
  if ("id" in flow) parts.push(`--id ${flow.id}`);
  else parts.push(`--name ${quoted(flow.name)}`, `--project ${quoted(flow.project)}`);
  for (const [name, value] of Object.entries(values)) parts.push(`--param ${quoted(`${name}=${argument(value)}`)}`);
  for (const label of labels ?? []) parts.push(`--label ${quoted(label)}`);
  if (runName !== "") parts.push(`--run-name ${quoted(runName)}`);
  if (at !== null) parts.push(`--at ${new Date(at).toISOString().replace(".000Z", "Z")}`);
  return parts.join(parts.length > 4 ? " \\\n  " : " ");
}
