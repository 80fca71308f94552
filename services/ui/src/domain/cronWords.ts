/**
 * A cron expression in words. It only describes: when runs happen is computed by the scheduler. Whatever is not understood here is shown as
 * it was written, never guessed.
 */
import { counted, listed, ordinal } from "./words";

const WEEKDAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = "January February March April May June July August September October November December".split(" ");
const ALIASES: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};
/** Times of the day that are still listed one by one. */
const MOST_TIMES = 6;

type Range = readonly [number, number];

interface Field {
  readonly any: boolean;
  readonly values: readonly number[];
  /** The step of a field such as `*` `/15`, which begins at the field's least value; else null. */
  readonly step: number | null;
  /** Set when the field is one unbroken range. */
  readonly range: Range | null;
}

function numberOf(text: string, names: readonly string[], base: number): number | null {
  const named = names.findIndex((n) => n.slice(0, 3).toLowerCase() === text.toLowerCase());
  if (named >= 0) return named + base;
  return /^\d+$/.test(text) ? Number(text) : null;
}

function fieldOf(text: string, [low, high]: Range, names: readonly string[] = [], base = 0): Field | null {
  if (text === "*" || text === "?") return { any: true, values: [], step: 1, range: null };
  const values = new Set<number>();
  const parts = text.split(",");
  for (const part of parts) {
    const found = /^(\*|(\w+)(?:-(\w+))?)(?:\/(\d+))?$/.exec(part);
    if (!found) return null;
    const [, all, from, to, by] = found;
    const step = by === undefined ? 1 : Number(by);
    const first = all === "*" ? low : numberOf(from as string, names, base);
    const only = all !== "*" && to === undefined && by === undefined;
    const last = all === "*" || (to === undefined && !only) ? high : only ? first : numberOf(to as string, names, base);
    if (first === null || last === null || step < 1 || first < low || last > high || first > last) return null;
    for (let v = first; v <= last; v += step) values.add(v);
  }
  const sorted = [...values].sort((a, b) => a - b);
  const whole = /^\*\/(\d+)$/.exec(text);
  const [least, most] = [sorted[0] as number, sorted.at(-1) as number];
  const unbroken = sorted.length > 1 && most - least === sorted.length - 1;
  return {
    any: sorted.length === high - low + 1,
    values: sorted,
    step: whole ? Number(whole[1]) : null,
    range: unbroken ? [least, most] : null,
  };
}

const two = (n: number) => String(n).padStart(2, "0");
const at = (hour: number, minute: number, second: number) =>
  `${two(hour)}:${two(minute)}${second === 0 ? "" : `:${two(second)}`}`;

/** The part of a day; `daily` says whether it stands on its own ("every hour") or names times of the day ("at 06:00"). */
function timesOf(minute: Field, hour: Field, second: number): { text: string; daily: boolean } {
  const [firstMinute, lastMinute] = minute.any ? [0, 59] : [minute.values[0] as number, minute.values.at(-1) as number];
  const every =
    minute.any || minute.step !== null
      ? minute.any
        ? "every minute"
        : 60 % (minute.step as number) === 0
          ? `every ${counted(minute.step as number, "minute")}`
          : null
      : null;
  if (hour.any) {
    if (every) return { text: every, daily: false };
    if (minute.values.length === 1 && firstMinute === 0) return { text: "every hour, on the hour", daily: false };
    return {
      text: `every hour at ${minute.values.length === 1 ? "minute" : "minutes"} ${listed(minute.values.map(String))}`,
      daily: false,
    };
  }
  const stepped = hour.step !== null && 24 % hour.step === 0 && hour.values.length > 3;
  const count = hour.values.length * (minute.any ? 60 : minute.values.length);
  if (count <= MOST_TIMES && !minute.any && !stepped)
    return {
      text: `at ${listed(hour.values.flatMap((h) => minute.values.map((m) => at(h, m, second))))}`,
      daily: true,
    };
  const [firstHour, lastHour] = [hour.values[0] as number, hour.values.at(-1) as number];
  if (every && hour.range)
    return { text: `${every} from ${at(firstHour, 0, 0)} to ${at(lastHour, lastMinute, 0)}`, daily: false };
  const minutes = minute.values.length === 1 ? "" : ` at minutes ${listed(minute.values.map(String))}`;
  if (!every && hour.range)
    return {
      text: `every hour from ${at(firstHour, firstMinute, 0)} to ${at(lastHour, lastMinute, 0)}${minutes}`,
      daily: false,
    };
  if (!every && stepped && minute.values.length === 1)
    return {
      text: `every ${counted(hour.step as number, "hour")}, from ${at(firstHour, firstMinute, second)}`,
      daily: false,
    };
  const hours = listed(hour.values.map((h) => `${two(h)}:00`));
  if (every) return { text: `${every} in the hours that begin at ${hours}`, daily: false };
  return {
    text: `at ${listed(minute.values.map((m) => `minute ${m}`))} of the hours that begin at ${hours}`,
    daily: true,
  };
}

/** Weekdays in words, Monday first; null when the field is not understood. */
function weekdaysOf(text: string): string | null {
  const nth = /^(\w+)#([1-5])$/.exec(text);
  const last = /^L(\w+)$|^(\w+)L$/i.exec(text);
  if (nth || last) {
    const day = numberOf((nth?.[1] ?? last?.[1] ?? last?.[2]) as string, WEEKDAYS, 0);
    if (day === null || day > 7) return null;
    return `on the ${ordinal(nth ? Number(nth[2]) : 0)} ${WEEKDAYS[day % 7]} of the month`;
  }
  const field = fieldOf(text, [0, 7], WEEKDAYS);
  if (!field) return null;
  const days = [...new Set(field.values.map((d) => d % 7))].sort((a, b) => ((a + 6) % 7) - ((b + 6) % 7));
  const key = days.join("");
  if (days.length === 7) return "";
  if (key === "12345") return "Monday to Friday";
  if (key === "60") return "on Saturdays and Sundays";
  const places = days.map((d) => (d + 6) % 7);
  if (days.length > 2 && (places.at(-1) as number) - (places[0] as number) === days.length - 1)
    return `${WEEKDAYS[days[0] as number]} to ${WEEKDAYS[days.at(-1) as number]}`;
  return `on ${listed(days.map((d) => `${WEEKDAYS[d]}s`))}`;
}

function monthDaysOf(text: string): string | null {
  if (/^l$/i.test(text)) return "on the last day of the month";
  const field = fieldOf(text, [1, 31]);
  if (!field) return null;
  if (field.any) return "";
  if (field.range) return `on days ${field.range[0]} to ${field.range[1]} of the month`;
  if (field.values.length === 1) return `on day ${field.values[0]} of the month`;
  return `on days ${listed(field.values.map(String))} of the month`;
}

function monthsOf(text: string): string | null {
  const field = fieldOf(text, [1, 12], MONTHS, 1);
  if (!field) return null;
  if (field.any) return "";
  const name = (n: number) => MONTHS[n - 1] as string;
  if (field.range && field.values.length > 2) return `from ${name(field.range[0])} to ${name(field.range[1])}`;
  return `in ${listed(field.values.map(name))}`;
}

function daysOf(monthDay: string, weekday: string, dayOr: boolean): string | null {
  const byMonth = monthDay === "*" || monthDay === "?" ? "" : monthDaysOf(monthDay);
  const byWeek = weekday === "*" || weekday === "?" ? "" : weekdaysOf(weekday);
  if (byMonth === null || byWeek === null) return null;
  if (byMonth === "" || byWeek === "") return `${byMonth}${byWeek}`;
  return dayOr ? `${byMonth}, and also ${byWeek}` : `${byMonth} if that is ${byWeek.replace(/^on /, "one of the ")}`;
}

/** The expression in words, beginning in lower case; null when it has parts that this page does not describe. */
export function cronWords(expression: string, dayOr = true): string | null {
  const text = expression.trim();
  const parts = (ALIASES[text.toLowerCase()] ?? text).split(/\s+/);
  if (parts.length !== 5 && parts.length !== 6) return null;
  const [m, h, monthDay, month, weekday, s = "0"] = parts as [string, string, string, string, string, string?];
  const [minute, hour, second] = [fieldOf(m, [0, 59]), fieldOf(h, [0, 23]), fieldOf(s, [0, 59])];
  const days = daysOf(monthDay, weekday, dayOr);
  const months = monthsOf(month);
  if (!minute || !hour || second?.values.length !== 1 || days === null || months === null) return null;
  const times = timesOf(minute, hour, second.values[0] as number);
  if (times.daily && days === "") return `every day ${times.text}${months && ` ${months}`}`;
  return [times.text, days && (times.daily ? days : `, ${days}`), months]
    .filter(Boolean)
    .join(" ")
    .replaceAll(" ,", ",");
}
