/** Points in time and durations as people read them. Pure; `now` is always an argument. Times are milliseconds since the epoch. */

export function parse(iso: string | null | undefined): number | null {
  if (!iso) return null;
  const ms = Date.parse(iso);
  return Number.isNaN(ms) ? null : ms;
}

/** A duration in the two largest units that say something: 12 ms, 4.2 s, 3 m 07 s, 2 h 05 m, 3 d 4 h. */
export function duration(ms: number): string {
  if (ms <= 0) return "0 s";
  if (ms < 95) return ms < 1 ? "< 1 ms" : `${Math.round(ms)} ms`;
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`;
  const s = Math.round(ms / 1000);
  if (s < 60) return `${s} s`;
  const two = (n: number) => String(n).padStart(2, "0");
  if (s < 3600) return `${Math.floor(s / 60)} m ${two(s % 60)} s`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${two(Math.floor((s % 3600) / 60))} m`;
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`;
}

/** A duration in one short unit, for axes and "ago": 8 s, 12 m, 3 h, 5 d. */
export function coarse(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} m`;
  if (s < 172_800) return `${Math.floor(s / 3600)} h`;
  return `${Math.floor(s / 86_400)} d`;
}

/** "4 m ago", "in 12 m", "now". */
export function relative(at: number, now: number): string {
  const off = at - now;
  if (Math.abs(off) < 2_000) return "now";
  return off < 0 ? `${coarse(-off)} ago` : `in ${coarse(off)}`;
}

const two = (n: number) => String(n).padStart(2, "0");

/** Clock time in the reader's zone: 14:03:12, with milliseconds where the order of lines is at stake. */
export function clock(at: number, withMs = false): string {
  const d = new Date(at);
  const base = `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
  return withMs ? `${base}.${String(d.getMilliseconds()).padStart(3, "0")}` : base;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Clock time, with the day in front when it is another day than today: "21 Nov 14:03". */
export function moment(at: number, now: number): string {
  const d = new Date(at);
  const n = new Date(now);
  const hm = `${two(d.getHours())}:${two(d.getMinutes())}`;
  const sameDay = d.toDateString() === n.toDateString();
  return sameDay ? `${hm}:${two(d.getSeconds())}` : `${d.getDate()} ${MONTHS[d.getMonth()]} ${hm}`;
}

/** How long a run took or has been running; null before its start. */
export function elapsed(start: number | null, end: number | null, now: number): number | null {
  return start === null ? null : Math.max(0, (end ?? now) - start);
}
