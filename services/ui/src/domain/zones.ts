/**
 * Points in time on the clocks of time zones, by the browser's own time zone database. A fire after a change of clocks says so: two fires of
 * "02:30" are not always a day apart. Pure; the reader's zone and `now` are arguments.
 */

export interface WallTime {
  /** "Sat 28 Nov", with the year when it is another one than now. */
  readonly day: string;
  /** "06:00", with seconds only when there are some. */
  readonly time: string;
  /** "+01:00". */
  readonly offset: string;
}

const FORMATS = new Map<string, Intl.DateTimeFormat | null>();

function formatOf(zone: string): Intl.DateTimeFormat | null {
  const known = FORMATS.get(zone);
  if (known !== undefined) return known;
  let made: Intl.DateTimeFormat | null = null;
  try {
    made = new Intl.DateTimeFormat("en-GB", {
      timeZone: zone,
      hourCycle: "h23",
      weekday: "short",
      day: "numeric",
      month: "short",
      year: "numeric",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
      timeZoneName: "longOffset",
    });
  } catch {
    // a zone that this browser does not know
  }
  FORMATS.set(zone, made);
  return made;
}

export function isKnownZone(zone: string): boolean {
  return formatOf(zone) !== null;
}

/** What the clock shows in a zone; UTC where the browser does not know the zone (`isKnownZone`). */
export function wallTime(at: number, zone: string, now: number): WallTime {
  const format = formatOf(zone) ?? (formatOf("UTC") as Intl.DateTimeFormat);
  const read = (when: number) => Object.fromEntries(format.formatToParts(when).map((p) => [p.type, p.value]));
  const parts = read(at);
  const year = parts.year === read(now).year ? "" : ` ${parts.year}`;
  const offset = (parts.timeZoneName ?? "").replace("GMT", "");
  return {
    day: `${parts.weekday} ${parts.day} ${(parts.month as string).slice(0, 3)}${year}`,
    time: `${parts.hour}:${parts.minute}${parts.second === "00" ? "" : `:${parts.second}`}`,
    offset: offset === "" ? "+00:00" : offset,
  };
}

export function localZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

export interface Fire {
  readonly id: string;
  readonly at: number;
  readonly zone: string;
}

export interface FireRow extends Fire {
  readonly local: WallTime;
  /** On the schedule's own clock; null when that shows the same as the reader's. */
  readonly zoned: WallTime | null;
  /** That clocks have changed since the fire before, in either zone. */
  readonly change: string | null;
}

function minutes(offset: string): number {
  const found = /^([+-])(\d\d):(\d\d)$/.exec(offset);
  return found ? (found[1] === "-" ? -1 : 1) * (Number(found[2]) * 60 + Number(found[3])) : 0;
}

function changeOf(before: WallTime, after: WallTime): string | null {
  const by = minutes(after.offset) - minutes(before.offset);
  if (by === 0) return null;
  const size = Math.abs(by) % 60 === 0 ? `${Math.abs(by) / 60} h` : `${Math.abs(by)} min`;
  return by > 0 ? `clocks have gone forward by ${size}` : `clocks have gone back by ${size}`;
}

/** Fires in order of time, each on both clocks. */
export function fireRows(fires: readonly Fire[], local: string, now: number): FireRow[] {
  const before = new Map<string, WallTime>();
  const step = (zone: string, wall: WallTime) => {
    const last = before.get(zone);
    before.set(zone, wall);
    return last ? changeOf(last, wall) : null;
  };
  return fires.map((fire) => {
    const here = wallTime(fire.at, local, now);
    const there = wallTime(fire.at, fire.zone, now);
    const same = here.offset === there.offset;
    const changes = fire.zone === local ? [step(local, here)] : [step(fire.zone, there), step(local, here)];
    const [inZone, inLocal] = changes;
    const change = inZone ?? (inLocal ? `your ${inLocal}` : null);
    return { ...fire, local: here, zoned: same ? null : there, change };
  });
}
