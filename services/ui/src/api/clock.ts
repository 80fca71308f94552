/** The server's time as this browser knows it: durations of running runs are counted on the clock that wrote their start. */

let offset = 0;

/** A `Date` header is cut to whole seconds, so an offset below two seconds says nothing and is taken as none. */
export function offsetFrom(header: string | null, asked: number, answered: number): number | null {
  if (!header) return null;
  const server = Date.parse(header);
  if (Number.isNaN(server)) return null;
  const found = server + 500 - (asked + answered) / 2;
  return Math.abs(found) < 2_000 ? 0 : found;
}

export function noteServerDate(header: string | null, asked: number, answered: number): void {
  const found = offsetFrom(header, asked, answered);
  if (found !== null) offset = found;
}

export function serverNow(): number {
  return Date.now() + offset;
}
