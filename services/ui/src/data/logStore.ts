/**
 * The log lines of one run that this page holds: each once (by id), in order of their own time. Holds at most `capacity` lines, the newest;
 * what was dropped at the old end can be read again.
 */
import { parse } from "../domain/time";
import type { LogRow } from "./documents/run";

export interface LogLine {
  readonly id: string;
  readonly at: number;
  readonly level: string;
  readonly logger: string | null;
  readonly message: string;
  readonly taskRunId: string | null;
}

export const LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] as const;
export type Level = (typeof LEVELS)[number];

export interface LogFilter {
  readonly level: Level;
  readonly text: string;
  /** Whether the lines of a task run are meant; null for the whole log. */
  readonly of: ((taskRunId: string) => boolean) | null;
}

export function rank(level: string): number {
  const found = LEVELS.indexOf(level as Level);
  return found < 0 ? 1 : found;
}

function before(a: LogLine, b: LogLine): boolean {
  return a.at < b.at || (a.at === b.at && a.id < b.id);
}

export class LogStore {
  private readonly ids = new Set<string>();
  private lines: LogLine[] = [];
  private view: readonly LogLine[] = [];
  private stale = false;
  private lastReceived: string | null = null;
  /** True once the first line of the run is held. */
  complete = false;
  private bottom = Number.POSITIVE_INFINITY;

  constructor(private readonly capacity = 50_000) {}

  get newestId(): string | null {
    return this.lastReceived;
  }

  has(id: string): boolean {
    return this.ids.has(id);
  }

  get size(): number {
    return this.lines.length;
  }

  newest(): LogLine | null {
    return this.lines.at(-1) ?? null;
  }

  /** Since when the log is held without a gap: lines before it were looked for by a filter, and stand alone. */
  get floor(): number {
    return this.bottom;
  }

  /** Add rows in any order; answers how many of them were new. `apart`: found by a filter, so there may be others between them. */
  add(rows: readonly LogRow[], apart = false): number {
    if (!apart) for (const row of rows) this.bottom = Math.min(this.bottom, parse(row.timestamp) ?? this.bottom);
    const fresh: LogLine[] = [];
    for (const row of rows) {
      if (this.ids.has(row.id)) continue;
      this.ids.add(row.id);
      if (!apart && (this.lastReceived === null || row.id > this.lastReceived)) this.lastReceived = row.id;
      fresh.push({
        id: row.id,
        at: parse(row.timestamp) ?? 0,
        level: row.level,
        logger: row.name,
        message: row.message ?? "",
        taskRunId: row.task_run_id,
      });
    }
    if (fresh.length === 0) return 0;
    fresh.sort((a, b) => (before(a, b) ? -1 : 1));
    const last = this.lines.at(-1);
    if (!last || before(last, fresh[0] as LogLine)) this.lines.push(...fresh);
    else this.lines = mergeSorted(this.lines, fresh);
    if (this.lines.length > this.capacity) {
      for (const dropped of this.lines.splice(0, this.lines.length - this.capacity)) this.ids.delete(dropped.id);
      this.complete = false;
      this.bottom = Math.max(this.bottom, this.lines[0]?.at ?? 0);
    }
    this.stale = true;
    return fresh.length;
  }

  snapshot(): readonly LogLine[] {
    if (this.stale) {
      this.view = this.lines.slice();
      this.stale = false;
    }
    return this.view;
  }
}

function mergeSorted(a: readonly LogLine[], b: readonly LogLine[]): LogLine[] {
  const merged: LogLine[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const [x, y] = [a[i] as LogLine, b[j] as LogLine];
    if (before(y, x)) {
      merged.push(y);
      j += 1;
    } else {
      merged.push(x);
      i += 1;
    }
  }
  for (; i < a.length; i += 1) merged.push(a[i] as LogLine);
  for (; j < b.length; j += 1) merged.push(b[j] as LogLine);
  return merged;
}

/**
 * The lines that a filter lets through. Text matches without regard to case, in the message or the logger's name. Lines before `floor` have
 * gaps between them, and are shown only where the filter is one by which they were looked for: a task, or warnings and errors.
 */
export function filterLines(lines: readonly LogLine[], filter: LogFilter, floor = 0): readonly LogLine[] {
  const least = rank(filter.level);
  const text = filter.text.trim().toLowerCase();
  const from = filter.of !== null || least >= rank("WARNING") ? 0 : floor;
  if (least === 0 && text === "" && filter.of === null && (lines[0]?.at ?? from) >= from) return lines;
  return lines.filter(
    (line) =>
      line.at >= from &&
      rank(line.level) >= least &&
      (filter.of === null || (line.taskRunId !== null && filter.of(line.taskRunId))) &&
      (text === "" ||
        line.message.toLowerCase().includes(text) ||
        (line.logger?.toLowerCase().includes(text) ?? false)),
  );
}

/** Lines as a text file has them. */
export function asText(lines: readonly LogLine[], labelOf: (taskRunId: string) => string): string {
  return lines
    .map((line) => {
      const from = line.taskRunId === null ? (line.logger ?? "") : labelOf(line.taskRunId);
      return `${new Date(line.at).toISOString()}  ${line.level.padEnd(8)}  ${from}  ${line.message}\n`;
    })
    .join("");
}

/** One row on the screen: a line of a message. A traceback of twenty lines is one log line and twenty rows. */
export interface LogRowView {
  readonly line: LogLine;
  readonly text: string;
  /** 0 for the first line of a message. */
  readonly part: number;
}

export function toRows(lines: readonly LogLine[]): LogRowView[] {
  const rows: LogRowView[] = [];
  for (const line of lines) {
    if (!line.message.includes("\n")) {
      rows.push({ line, text: line.message, part: 0 });
      continue;
    }
    const parts = line.message.replace(/\n+$/, "").split("\n");
    for (let i = 0; i < parts.length; i += 1) rows.push({ line, text: parts[i] as string, part: i });
  }
  return rows;
}

/**
 * The id to read from after a pause: a little before the newest held, since lines that were received earlier may have been committed later.
 * The first 48 bits of a UUIDv7 are its milliseconds.
 */
export function catchUpFrom(newestId: string, overlapMs = 30_000): string {
  const ms = Number.parseInt(newestId.replaceAll("-", "").slice(0, 12), 16);
  const hex = Math.max(0, ms - overlapMs)
    .toString(16)
    .padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-0000-0000-000000000000`;
}
