/**
 * What the runs explorer is filtered by: from the query string of the address to a condition in the server's dialect. Pure; an address that
 * somebody else wrote may hold anything, so what means nothing here is left out.
 */
import { FAMILIES, type Family, familyOf, STATE_NAMES, WAITING_STATES } from "./states";
import { parse } from "./time";

export const RANGES = {
  "1h": 3_600_000,
  "24h": 86_400_000,
  "7d": 7 * 86_400_000,
  "30d": 30 * 86_400_000,
} as const;

/** "" is everything that has been due until now; "coming" what is due later; "any" both. */
export type Range = "" | keyof typeof RANGES | "coming" | "any" | "between";

export interface RunFilter {
  readonly families: readonly Family[];
  readonly states: readonly string[];
  /** Id of a flow group. */
  readonly flow: string | null;
  readonly project: string | null;
  readonly agent: string | null;
  readonly labels: readonly string[];
  readonly text: string;
  readonly range: Range;
  readonly from: number | null;
  readonly to: number | null;
  /** By the time a run was due, or by when it began (then only those that have). */
  readonly order: "due" | "start";
  readonly oldestFirst: boolean;
}

export type Condition = Readonly<Record<string, unknown>>;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

function uuid(value: string | null): string | null {
  return value !== null && UUID.test(value) ? value.toLowerCase() : null;
}

export function filterOf(query: URLSearchParams): RunFilter {
  const states = query.getAll("state");
  const range = query.get("range") ?? "";
  const from = parse(query.get("from"));
  const to = parse(query.get("to"));
  const named = Object.hasOwn(RANGES, range) || ["coming", "any", "between"].includes(range);
  return {
    families: FAMILIES.filter((f) => states.includes(f)),
    states: STATE_NAMES.filter((name) => states.includes(name)),
    flow: uuid(query.get("flow")),
    project: uuid(query.get("project")),
    agent: uuid(query.get("agent")),
    labels: [...new Set(query.getAll("label").filter((label) => label !== ""))],
    text: (query.get("q") ?? "").trim(),
    range: named ? (range as Range) : "",
    from: range === "between" ? from : null,
    to: range === "between" ? to : null,
    order: query.get("order") === "start" ? "start" : "due",
    oldestFirst: query.get("first") === "oldest",
  };
}

/** The names that a query string of the explorer may hold: what "clear" takes out. */
export const FILTER_NAMES = ["state", "flow", "project", "agent", "label", "q", "range", "from", "to"] as const;

/** Whether anything is left out but what is still to come. */
export function isFiltered(filter: RunFilter): boolean {
  const { families, states, flow, project, agent, labels, text, range } = filter;
  return (
    families.length + states.length + labels.length > 0 || [flow, project, agent].some(Boolean) || text + range !== ""
  );
}

export function stateNames(filter: RunFilter): readonly string[] {
  return STATE_NAMES.filter((name) => filter.states.includes(name) || filter.families.includes(familyOf(name)));
}

/** Text that stands for itself within a LIKE pattern. */
export function likeAnywhere(text: string): string {
  return `%${text.replace(/[\\%_]/g, "\\$&")}%`;
}

/**
 * "Until now" reaches a little further, since it is asked for once and then followed: a run that is created for now is in it at once. Whoever
 * follows asks anew at least this often.
 */
export const SOON_MS = 90_000;

function timeConditions(filter: RunFilter, now: number): Condition[] {
  const at = (ms: number) => new Date(ms).toISOString();
  const soon = { scheduled_start_time: { _lte: at(now + SOON_MS) } };
  const begunOrDue = { _or: [{ state: { _nin: WAITING_STATES } }, soon] };
  switch (filter.range) {
    case "":
      return [begunOrDue];
    case "any":
      return [];
    case "coming":
      return [{ state: { _in: WAITING_STATES } }, { scheduled_start_time: { _gt: at(now) } }];
    case "between":
      return [
        ...(filter.from === null ? [] : [{ scheduled_start_time: { _gte: at(filter.from) } }]),
        ...(filter.to === null ? [] : [{ scheduled_start_time: { _lt: at(filter.to) } }]),
      ];
    default:
      return [{ scheduled_start_time: { _gte: at(now - RANGES[filter.range]) } }, begunOrDue];
  }
}

/** The condition on flow runs; `now` is the moment that "until now" ends at. */
export function conditionOf(filter: RunFilter, now: number): Condition {
  const all: Condition[] = [];
  const states = stateNames(filter);
  if (states.length > 0) all.push({ state: { _in: states } });
  if (filter.flow) all.push({ flow_group_id: { _eq: filter.flow } });
  if (filter.project) all.push({ flow: { project_id: { _eq: filter.project } } });
  if (filter.agent) all.push({ agent_id: { _eq: filter.agent } });
  if (filter.labels.length > 0) all.push({ labels: { _contains: filter.labels } });
  for (const word of filter.text.split(/\s+/).filter(Boolean)) {
    const like = { _ilike: likeAnywhere(word) };
    all.push(UUID.test(word) ? { id: { _eq: word } } : { _or: [{ name: like }, { flow: { name: like } }] });
  }
  if (filter.order === "start") all.push({ start_time: { _is_null: false } });
  return { _and: [...all, ...timeConditions(filter, now)] };
}

const COLUMN = { due: "scheduled_start_time", start: "start_time" } as const;

export function orderOf(filter: RunFilter): readonly Condition[] {
  const way = filter.oldestFirst || filter.range === "coming" ? "asc" : "desc";
  return [{ [COLUMN[filter.order]]: way }, { id: way }];
}

/** What comes after a row in that order: a page goes on from a key, so rows that come or go meanwhile shift nothing. */
export function afterRow(
  filter: RunFilter,
  row: { readonly id: string; readonly scheduled_start_time: string; readonly start_time: string | null },
): Condition {
  const beyond = filter.oldestFirst || filter.range === "coming" ? "_gt" : "_lt";
  const column = COLUMN[filter.order];
  const at = filter.order === "due" ? row.scheduled_start_time : row.start_time;
  return {
    // The first condition follows from the others; it lets the server begin at the right place of its index.
    _and: [
      { [column]: { [`${beyond}e`]: at } },
      { _or: [{ [column]: { [beyond]: at } }, { id: { [beyond]: row.id } }] },
    ],
  };
}
