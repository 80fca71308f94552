/** Today in numbers, each a link to its runs. Read anew when runs have changed, at most every three seconds, and at midnight. */
import { useEffect, useMemo, useState } from "react";
import { request } from "../api/http";
import { useNow } from "../app/now";
import { follow } from "../app/router";
import { Gathered, OneAtATime } from "../data/cell";
import { TODAY, type TodayData } from "../data/documents/home";
import { type Family, familyOf, STATE_NAMES, WAITING_STATES } from "../domain/states";

const GAP_MS = 3_000;

/** The reader's midnight before `now`, and the one after it. */
export function dayAround(now: number): readonly [number, number] {
  const day = new Date(now);
  const midnight = new Date(day.getFullYear(), day.getMonth(), day.getDate()).getTime();
  return [midnight, new Date(day.getFullYear(), day.getMonth(), day.getDate() + 1).getTime()];
}

const of = (family: Family) => STATE_NAMES.filter((name) => familyOf(name) === family);
const PARTS: readonly (readonly [keyof TodayData, string, Family])[] = [
  ["success", "succeeded", "success"],
  ["failed", "failed", "failed"],
  ["cancelled", "cancelled", "cancelled"],
  ["running", "under way", "running"],
  ["coming", "to come", "waiting"],
];

/** `changed` is a new value whenever runs may have changed. */
export function Today({ changed }: { changed: unknown }) {
  const [data, setData] = useState<TodayData | null>(null);
  const [midnight, tomorrow] = dayAround(useNow());
  const gathered = useMemo(() => {
    // One at a time: an answer that was overtaken by a later one would stay.
    const reader = new OneAtATime(async () => {
      const at = (ms: number) => new Date(ms).toISOString();
      const variables = {
        success: of("success"),
        failed: of("failed"),
        running: of("running"),
        waiting: WAITING_STATES,
        midnight: at(midnight),
        tomorrow: at(tomorrow),
      };
      // A read that fails says nothing here: the lists beside it tell of the connection.
      await request<TodayData>(TODAY, variables).then(setData, () => undefined);
    });
    return new Gathered(() => void reader.ask(), GAP_MS);
  }, [midnight, tomorrow]);
  useEffect(() => () => gathered.stop(), [gathered]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a change of `changed` is the reason to ask
  useEffect(() => gathered.ask(), [gathered, changed]);
  const from = encodeURIComponent(new Date(midnight).toISOString());
  return (
    <p className="today" data-known={data !== null || undefined}>
      <b>Today</b>
      {data &&
        PARTS.filter(([name]) => data[name].aggregate.count > 0 || name === "success").map(([name, word, family]) => (
          <a
            key={name}
            href={
              name === "running"
                ? `/runs?state=running&range=any`
                : name === "coming"
                  ? "/runs?range=coming"
                  : `/runs?state=${family}&range=between&from=${from}`
            }
            onClick={follow}
            data-today={name}
          >
            <b>{data[name].aggregate.count.toLocaleString("en")}</b> {word}
          </a>
        ))}
    </p>
  );
}
