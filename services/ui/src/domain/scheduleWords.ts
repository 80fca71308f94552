/** A schedule's JSON (clocks, filters, adjustments) in words. It only describes: the next fires are runs that the scheduler has made. */
import { cronWords } from "./cronWords";
import { capital, counted, listed, lowered } from "./words";

export interface MomentJson {
  readonly dt?: string;
  readonly tz?: string | null;
}

export interface ClockJson {
  readonly type?: string;
  readonly cron?: string;
  readonly day_or?: boolean | null;
  /** Microseconds. */
  readonly interval?: number;
  readonly start_date?: MomentJson | null;
  readonly end_date?: MomentJson | null;
  readonly dates?: readonly MomentJson[];
  readonly parameter_defaults?: Readonly<Record<string, unknown>> | null;
  readonly labels?: readonly string[] | null;
}

interface Reference {
  readonly fn?: string;
  readonly kwargs?: Readonly<Record<string, unknown>> | null;
}

export interface ScheduleJson {
  readonly clocks?: readonly ClockJson[];
  readonly filters?: readonly (Reference | null)[] | null;
  readonly or_filters?: readonly (Reference | null)[] | null;
  readonly not_filters?: readonly (Reference | null)[] | null;
  readonly adjustments?: readonly (Reference | null)[] | null;
}

export interface ClockWords {
  /** "Every day at 06:00". */
  readonly when: string;
  /** The expression as written, for crons. */
  readonly source: string | null;
  readonly zone: string;
  readonly bounds: string | null;
  readonly labels: readonly string[] | null;
  readonly parameters: Readonly<Record<string, unknown>>;
}

export interface ScheduleWords {
  readonly clocks: readonly ClockWords[];
  /** What holds for all clocks: "Only between 09:00 and 17:00". */
  readonly rules: readonly string[];
}

const SECOND = 1_000_000;
const UNITS = [
  ["day", 86_400 * SECOND],
  ["hour", 3_600 * SECOND],
  ["minute", 60 * SECOND],
  ["second", SECOND],
] as const;
const MONTHS = "January February March April May June July August September October November December".split(" ");
const DAYS = ["Sundays", "Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays"];
const DATES_SHOWN = 4;

/** The zone in which a clock lives. */
export function zoneOf(clock: ClockJson): string {
  return clock.start_date?.tz ?? clock.dates?.[0]?.tz ?? "UTC";
}

/** "1 day and 6 hours", of microseconds. */
export function lengthWords(microseconds: number): string {
  let left = Math.abs(microseconds);
  const parts: string[] = [];
  for (const [unit, size] of UNITS) {
    const n = Math.floor(left / size);
    left -= n * size;
    if (n > 0) parts.push(counted(n, unit));
  }
  return parts.length === 0 ? "0 seconds" : listed(parts);
}

/** A wall time as it is written: "28 Nov 2026 06:00"; midnight needs no time. */
function wallWords(moment: MomentJson, midnight = true): string {
  const found = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d:\d\d)(:\d\d)?)?/.exec(moment.dt ?? "");
  if (!found) return moment.dt ?? "?";
  const [, year, month, day, time = "00:00", seconds = ""] = found;
  const date = `${Number(day)} ${(MONTHS[Number(month) - 1] ?? "?").slice(0, 3)} ${year}`;
  const exact = seconds === "" || seconds === ":00" ? time : time + seconds;
  return exact === "00:00" && !midnight ? date : `${date} ${exact}`;
}

function intervalWords(clock: ClockJson): string {
  const size = clock.interval ?? 0;
  const [, day] = UNITS[0];
  const single = UNITS.find(([, unit]) => size === unit);
  const every = single ? `every ${single[0]}` : `every ${lengthWords(size)}`;
  const from = clock.start_date;
  if (size % day === 0) {
    const time = /[T ](\d\d:\d\d)/.exec(from?.dt ?? "")?.[1] ?? "00:00";
    const anchor =
      size === day ? "" : `, counted from ${wallWords(from ?? { dt: "2019-01-01" }, false).replace(` ${time}`, "")}`;
    return `${every} at ${time}${anchor}`;
  }
  return from ? `${every}, counted from ${wallWords(from)}` : every;
}

function datesWords(clock: ClockJson): string {
  const dates = clock.dates ?? [];
  const shown = dates.slice(0, DATES_SHOWN).map((d) => wallWords(d));
  const more = dates.length - shown.length;
  return `on ${more > 0 ? `${shown.join(", ")} and ${more} more` : listed(shown)}`;
}

function boundsOf(clock: ClockJson): string | null {
  const parts: string[] = [];
  // an interval says where it is counted from already
  if (clock.start_date && clock.type === "CronClock") parts.push(`from ${wallWords(clock.start_date, false)}`);
  if (clock.end_date) parts.push(`until ${wallWords(clock.end_date)}`);
  return parts.length === 0 ? null : parts.join(" ");
}

/** One clock in words. */
export function clockWords(clock: ClockJson): ClockWords {
  let when = `a clock of the kind ${clock.type ?? "unknown"}`;
  let source: string | null = null;
  if (clock.type === "CronClock") {
    source = clock.cron ?? "";
    when = cronWords(source, clock.day_or !== false) ?? "by a cron expression";
  } else if (clock.type === "IntervalClock") when = intervalWords(clock);
  else if (clock.type === "DatesClock") when = datesWords(clock);
  return {
    when: capital(when),
    source,
    zone: zoneOf(clock),
    bounds: boundsOf(clock),
    labels: clock.labels ?? null,
    parameters: clock.parameter_defaults ?? {},
  };
}

const bare = (value: unknown) => String(value ?? "?").replace(/^\/\/(time|datetime|timedelta):/, "");
const time = (value: unknown) => bare(value).slice(0, 5);
const moment = (value: unknown) => wallWords({ dt: bare(value) });
const date = (day: unknown, month: unknown) => `${day} ${MONTHS[Number(month) - 1] ?? "?"}`;

const PHRASES: Readonly<Record<string, (k: Readonly<Record<string, unknown>>) => string>> = {
  is_weekday: () => "Monday to Friday",
  is_weekend: () => "on Saturdays and Sundays",
  is_day_of_week: (k) => `on ${DAYS[Number(k.day_of_week)] ?? "?"}`,
  is_month_start: () => "on the first day of a month",
  is_month_end: () => "on the last day of a month",
  at_time: (k) => `at ${time(k.t)}`,
  between_times: (k) => `between ${time(k.start)} and ${time(k.end)}`,
  on_date: (k) => `on ${date(k.day, k.month)}`,
  between_dates: (k) => `between ${date(k.start_day, k.start_month)} and ${date(k.end_day, k.end_month)}`,
  on_datetime: (k) => `at ${moment(k.dt)}`,
  between_datetimes: (k) => `between ${moment(k.start)} and ${moment(k.end)}`,
};

const nameOf = (reference: Reference) => (reference.fn ?? "?").split(".").at(-1) as string;

function phrase(reference: Reference): string {
  const name = nameOf(reference);
  const known = Object.hasOwn(PHRASES, name) ? PHRASES[name] : undefined;
  return known?.(reference.kwargs ?? {}) ?? `where ${name} agrees`;
}

function adjustment(reference: Reference): string {
  const name = nameOf(reference);
  if (name === "next_weekday") return "Moved to Monday when it falls on a weekend";
  if (name !== "add") return `Adjusted by ${name}`;
  const seconds = Number(bare(reference.kwargs?.interval));
  return `Moved ${lengthWords(seconds * SECOND)} ${seconds < 0 ? "earlier" : "later"}`;
}

const present = (list: readonly (Reference | null)[] | null | undefined) => (list ?? []).filter((r) => r !== null);

/** A schedule in words; null when there is none. */
export function scheduleWords(schedule: ScheduleJson | null): ScheduleWords | null {
  if (!schedule?.clocks || schedule.clocks.length === 0) return null;
  const either = present(schedule.or_filters).map(phrase);
  return {
    clocks: schedule.clocks.map(clockWords),
    rules: [
      ...present(schedule.filters).map((f) => `Only ${phrase(f)}`),
      ...(either.length > 0 ? [`Only ${listed(either, "or")}`] : []),
      ...present(schedule.not_filters).map((f) => `Never ${phrase(f)}`),
      ...present(schedule.adjustments).map(adjustment),
    ],
  };
}

/** The schedule in one line, for heads and lists: "Every day at 06:00, Europe/Berlin, and 2 more clocks". */
export function scheduleLine(schedule: ScheduleJson | null): string | null {
  const words = scheduleWords(schedule);
  const first = words?.clocks[0];
  if (!words || !first) return null;
  const more = words.clocks.length - 1;
  const rules = words.rules.length > 0 ? `, ${lowered(words.rules[0] as string)}` : "";
  const said = first.when === "By a cron expression" ? `${first.when} ${first.source}` : first.when;
  return `${said}, ${first.zone}${rules}${more > 0 ? `, and ${counted(more, "more clock")}` : ""}`;
}
