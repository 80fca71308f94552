// A schedule in words, and its fires on the clocks of two zones.
import { describe, expect, it } from "vitest";
import { cronWords } from "../src/domain/cronWords";
import { lengthWords, type ScheduleJson, scheduleLine, scheduleWords } from "../src/domain/scheduleWords";
import { fireRows, isKnownZone, wallTime } from "../src/domain/zones";

describe("a cron expression", () => {
  it.each([
    ["* * * * *", "every minute"],
    ["*/15 * * * *", "every 15 minutes"],
    ["0 * * * *", "every hour, on the hour"],
    ["5,35 * * * *", "every hour at minutes 5 and 35"],
    ["*/25 * * * *", "every hour at minutes 0, 25 and 50"],
    ["0 6 * * *", "every day at 06:00"],
    ["30 6,18 * * *", "every day at 06:30 and 18:30"],
    ["0 */4 * * *", "every 4 hours, from 00:00"],
    ["0 */12 * * *", "every day at 00:00 and 12:00"],
    ["0 9-17 * * 1-5", "every hour from 09:00 to 17:00, Monday to Friday"],
    ["*/15 9-17 * * mon-fri", "every 15 minutes from 09:00 to 17:45, Monday to Friday"],
    ["0 9 * * 1-5", "at 09:00 Monday to Friday"],
    ["0 9 * * 0", "at 09:00 on Sundays"],
    ["0 9 * * 7", "at 09:00 on Sundays"],
    ["0 9 * * 6,0", "at 09:00 on Saturdays and Sundays"],
    ["0 9 * * 2,4", "at 09:00 on Tuesdays and Thursdays"],
    ["0 9 * * 0-6", "every day at 09:00"],
    ["0 0 1 * *", "at 00:00 on day 1 of the month"],
    ["0 0 1,15 * *", "at 00:00 on days 1 and 15 of the month"],
    ["0 0 l * *", "at 00:00 on the last day of the month"],
    ["0 8 * * 5#2", "at 08:00 on the second Friday of the month"],
    ["0 8 * * L5", "at 08:00 on the last Friday of the month"],
    ["0 8 1 jan,jul *", "at 08:00 on day 1 of the month in January and July"],
    ["0 8 1 * 1", "at 08:00 on day 1 of the month, and also on Mondays"],
    ["0 8 * 3-5 *", "every day at 08:00 from March to May"],
    ["0 0 6 * * *", null],
    ["0 6 * * * 30", "every day at 06:00:30"],
    ["@daily", "every day at 00:00"],
    ["@hourly", "every hour, on the hour"],
  ])("%s", (cron, words) => {
    if (words === null) expect(cronWords(cron)).not.toBe(cronWords("0 6 * * *"));
    else expect(cronWords(cron)).toBe(words);
  });
  it("is shown as written where it is not understood", () => {
    for (const cron of [
      "",
      "0 6 * *",
      "61 * * * *",
      "0 24 * * *",
      "x * * * *",
      "0 6 * * 9",
      "5-1 * * * *",
      "0 6 15W * *",
      "*/0 * * * *",
    ])
      expect(cronWords(cron)).toBeNull();
    expect(scheduleLine({ clocks: [{ type: "CronClock", cron: "0 6 15W * *" }] })).toBe(
      "By a cron expression 0 6 15W * *, UTC",
    );
  });
  it("means both days when told so", () => {
    expect(cronWords("0 8 1 * 1", false)).toBe("at 08:00 on day 1 of the month if that is one of the Mondays");
  });
});

describe("a schedule", () => {
  const MINUTE = 60_000_000;
  const berlin = { dt: "2026-03-01T06:00:00", tz: "Europe/Berlin" };
  it("names lengths of time", () => {
    expect([MINUTE, 90 * MINUTE, 1_440 * MINUTE, 1_500 * MINUTE].map(lengthWords)).toEqual([
      "1 minute",
      "1 hour and 30 minutes",
      "1 day",
      "1 day and 1 hour",
    ]);
  });
  it.each<[ScheduleJson, string]>([
    [{ clocks: [{ type: "IntervalClock", interval: 60 * MINUTE }] }, "Every hour, UTC"],
    [{ clocks: [{ type: "IntervalClock", interval: 15 * MINUTE }] }, "Every 15 minutes, UTC"],
    [
      { clocks: [{ type: "IntervalClock", interval: 1_440 * MINUTE, start_date: berlin }] },
      "Every day at 06:00, Europe/Berlin",
    ],
    [
      { clocks: [{ type: "IntervalClock", interval: 2_880 * MINUTE, start_date: berlin }] },
      "Every 2 days at 06:00, counted from 1 Mar 2026, Europe/Berlin",
    ],
    [
      { clocks: [{ type: "IntervalClock", interval: 90 * MINUTE, start_date: berlin }] },
      "Every 1 hour and 30 minutes, counted from 1 Mar 2026 06:00, Europe/Berlin",
    ],
    [
      {
        clocks: [
          {
            type: "DatesClock",
            dates: [
              { dt: "2026-12-24T08:00:00", tz: "UTC" },
              { dt: "2026-12-31T08:00:00", tz: "UTC" },
            ],
          },
        ],
      },
      "On 24 Dec 2026 08:00 and 31 Dec 2026 08:00, UTC",
    ],
    [
      {
        clocks: [
          { type: "CronClock", cron: "0 6 * * *" },
          { type: "CronClock", cron: "0 7 * * *" },
        ],
        filters: [{ fn: "prefect.schedules.filters.is_weekday", kwargs: {} }],
      },
      "Every day at 06:00, UTC, only Monday to Friday, and 1 more clock",
    ],
  ])("in one line %#", (schedule, line) => {
    expect(scheduleLine(schedule)).toBe(line);
  });
  it("tells what holds for all clocks", () => {
    const of = (name: string, kwargs: Record<string, unknown> = {}) => ({
      fn: `towpath.schedules.filters.${name}`,
      kwargs,
    });
    const words = scheduleWords({
      clocks: [{ type: "CronClock", cron: "0 * * * *", start_date: berlin, end_date: berlin, labels: ["gpu"] }],
      filters: [of("between_times", { start: "//time:09:00:00", end: "//time:17:30:00" }), null],
      or_filters: [of("is_day_of_week", { day_of_week: 1 }), of("is_month_start")],
      not_filters: [of("on_date", { month: 12, day: 24 }), of("of_my_own")],
      adjustments: [
        { fn: "prefect.schedules.adjustments.add", kwargs: { interval: "//timedelta:7200.0" } },
        { fn: "prefect.schedules.adjustments.next_weekday", kwargs: {} },
      ],
    });
    expect(words?.rules).toEqual([
      "Only between 09:00 and 17:30",
      "Only on Mondays or on the first day of a month",
      "Never on 24 December",
      "Never where of_my_own agrees",
      "Moved 2 hours later",
      "Moved to Monday when it falls on a weekend",
    ]);
    expect(words?.clocks[0]).toMatchObject({ bounds: "from 1 Mar 2026 06:00 until 1 Mar 2026 06:00", labels: ["gpu"] });
  });
  it("is nothing when there is none", () => {
    expect([scheduleWords(null), scheduleWords({ clocks: [] }), scheduleLine(null)]).toEqual([null, null, null]);
  });
});

describe("fires", () => {
  const now = Date.parse("2026-03-27T12:00:00Z");
  it("show the day, and the year when it is another one", () => {
    expect(wallTime(Date.parse("2026-11-28T05:00:00Z"), "Europe/Berlin", now)).toEqual({
      day: "Sat 28 Nov",
      time: "06:00",
      offset: "+01:00",
    });
    expect(wallTime(Date.parse("2027-01-01T00:00:30Z"), "UTC", now)).toEqual({
      day: "Fri 1 Jan 2027",
      time: "00:00:30",
      offset: "+00:00",
    });
    expect(wallTime(now, "Asia/Kolkata", now).offset).toBe("+05:30");
  });
  it("say when clocks have changed since the one before", () => {
    // 02:30 each day in Berlin: the clocks go forward on 29 March, when there is no 02:30
    const at = ["2026-03-28T01:30:00Z", "2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"].map((t) => Date.parse(t));
    const fires = at.map((t, i) => ({ id: String(i), at: t, zone: "Europe/Berlin" }));
    const rows = fireRows(fires, "America/New_York", now);
    expect(rows.map((r) => r.zoned?.time)).toEqual(["02:30", "03:30", "02:30"]);
    expect(rows.map((r) => r.change)).toEqual([null, "clocks have gone forward by 1 h", null]);
    expect(fireRows(fires, "Europe/Berlin", now).map((r) => r.zoned)).toEqual([null, null, null]);
  });
  it("say when only the reader's clocks have changed", () => {
    const fires = ["2026-10-24T06:00:00Z", "2026-10-26T06:00:00Z"].map((t, i) => ({
      id: `${i}`,
      at: Date.parse(t),
      zone: "UTC",
    }));
    const rows = fireRows(fires, "Europe/Berlin", now);
    expect(rows.map((r) => `${r.local.time} ${r.zoned?.time}`)).toEqual(["08:00 06:00", "07:00 06:00"]);
    expect(rows[1]?.change).toBe("your clocks have gone back by 1 h");
  });
  it("fall back to UTC for a zone that the browser does not know", () => {
    expect(isKnownZone("Mars/Olympus")).toBe(false);
    expect(wallTime(now, "Mars/Olympus", now).offset).toBe("+00:00");
  });
});
