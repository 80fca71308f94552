/** The schedule of a flow: on or off, in words, and the runs that it has made for the times to come, on both clocks. */
import { useEffect, useState } from "react";
import type { ApiError } from "../api/errors";
import { useNow } from "../app/now";
import { follow, runPath } from "../app/router";
import type { ComingRow, GroupRow, VersionRow } from "../data/documents/flow";
import { type ClockWords, scheduleWords, zoneOf } from "../domain/scheduleWords";
import { parse, relative } from "../domain/time";
import { counted } from "../domain/words";
import { fireRows, isKnownZone, localZone } from "../domain/zones";
import { Problem } from "./Problem";
import { ScheduleSwitch } from "./ScheduleSwitch";

const FIRES = 10;

function Clock({ clock }: { clock: ClockWords }) {
  const parameters = Object.entries(clock.parameters);
  return (
    <li>
      <p>
        {clock.when} <span className="zone">{clock.zone}</span>
      </p>
      {(clock.source || clock.bounds) && (
        <p className="faint">
          {clock.source && <code>{clock.source}</code>} {clock.bounds}
        </p>
      )}
      {parameters.length > 0 && (
        <p className="faint">
          with{" "}
          {parameters.map(([name, value]) => (
            <code key={name}>
              {name}={JSON.stringify(value)}{" "}
            </code>
          ))}
        </p>
      )}
      {clock.labels && <p className="faint">labels {clock.labels.join(" · ") || "none"}</p>}
      {!isKnownZone(clock.zone) && (
        <p className="faint">This browser does not know the zone; its times are shown in UTC.</p>
      )}
    </li>
  );
}

interface Props {
  readonly group: GroupRow;
  readonly version: VersionRow;
  readonly coming: readonly ComingRow[];
  readonly onChanged: () => Promise<void>;
}

export function FlowSchedule({ group, version, coming, onChanged }: Props) {
  const schedule = group.schedule ?? version.schedule;
  const words = scheduleWords(schedule);
  const [refused, setRefused] = useState<ApiError | null>(null);
  return (
    <section className="flow-card" aria-labelledby="schedule-title">
      <h2 id="schedule-title">Schedule</h2>
      {words ? (
        <>
          {!version.archived && (
            <div className="schedule-switch" data-schedule={version.is_schedule_active ? "on" : "off"}>
              <ScheduleSwitch
                flowId={version.id}
                name={version.name}
                on={version.is_schedule_active}
                onError={setRefused}
                onChanged={onChanged}
              />
              {version.is_schedule_active ? "On" : "Off"}
            </div>
          )}
          {refused && <Problem error={refused} />}
          <ul className="clocks">
            {words.clocks.map((clock, i) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: clocks have no order of their own and never move
              <Clock key={i} clock={clock} />
            ))}
          </ul>
          {words.rules.map((rule) => (
            <p key={rule} className="rule">
              {rule}
            </p>
          ))}
          {group.schedule && <p className="faint">Set for the flow; it stands in place of the version's own.</p>}
        </>
      ) : (
        <p className="faint">None. It runs when somebody or something asks for it.</p>
      )}
      <Fires group={group} version={version} coming={coming} scheduled={words !== null} />
    </section>
  );
}

function Fires({ group, version, coming, scheduled }: Omit<Props, "onChanged"> & { scheduled: boolean }) {
  const now = useNow();
  const [all, setAll] = useState(false);
  const zones = new Map(version.clocks.map((c) => [c.key, zoneOf(c.spec)]));
  const usual = zoneOf((group.schedule ?? version.schedule)?.clocks?.[0] ?? {});
  const local = localZone();
  const rows = fireRows(
    coming.map((run) => ({
      id: run.id,
      at: parse(run.scheduled_start_time) ?? now,
      zone: run.schedule_clock ? (zones.get(run.schedule_clock) ?? usual) : local,
    })),
    local,
    now,
  );
  const other = rows.some((r) => r.zoned !== null);
  const byHand = new Set(coming.filter((r) => !r.auto_scheduled).map((r) => r.id));
  const off = scheduled && !version.is_schedule_active;
  useEffect(() => {
    if (rows.length <= 5) setAll(false);
  }, [rows.length]);
  if (rows.length === 0)
    return scheduled || off ? (
      <p className="faint fires-none">
        {off
          ? "No run will be made while it is off."
          : "No run is scheduled: the schedule is over, or the scheduler has not made the next one yet."}
      </p>
    ) : null;
  return (
    <table className="fires">
      <caption className="sr">The next {rows.length} runs</caption>
      <thead>
        <tr>
          <th scope="col">Next</th>
          <th scope="col">{other ? "your time" : local}</th>
          {other && <th scope="col">{usual}</th>}
        </tr>
      </thead>
      <tbody>
        {rows.slice(0, all ? FIRES : 5).map((row) => (
          <tr key={row.id} data-fire={row.at}>
            <td>
              <a href={runPath(row.id)} onClick={follow}>
                {row.at < now ? `was due ${relative(row.at, now)}` : relative(row.at, now)}
              </a>
            </td>
            <td title={`UTC${row.local.offset}`}>
              {row.local.day} {row.local.time}
              {byHand.has(row.id) && <span className="faint"> by hand</span>}
              {row.change && <em>{row.change}</em>}
            </td>
            {other && (
              <td title={row.zoned ? `UTC${row.zoned.offset}` : undefined}>{row.zoned ? row.zoned.time : "same"}</td>
            )}
          </tr>
        ))}
      </tbody>
      {rows.length > 5 && !all && (
        <tfoot>
          <tr>
            <td colSpan={3}>
              <button type="button" className="plain" onClick={() => setAll(true)}>
                {counted(rows.length - 5, "more", "more")}
              </button>
            </td>
          </tr>
        </tfoot>
      )}
    </table>
  );
}
