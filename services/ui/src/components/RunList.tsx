/** The list of runs: under way, coming, ended; with a filter by family and by text. One row, one link. */
import { memo, useMemo, useRef, useState } from "react";
import { useNow } from "../app/now";
import { follow, runPath } from "../app/router";
import { moveRow, useShortcuts } from "../app/shortcuts";
import { countFamilies, FAMILIES, FAMILY_LABEL, type Family, familyOf } from "../domain/states";
import { duration, elapsed, moment, relative } from "../domain/time";
import { FilterField } from "./FilterField";
import { StateChip } from "./Glyph";
import type { StripRun } from "./PulseStrip";

const COMING_SHOWN = 5;

interface Section {
  readonly title: string;
  readonly runs: readonly StripRun[];
  readonly more: number;
}

export function matches(run: StripRun, family: Family | null, text: string): boolean {
  if (family !== null && familyOf(run.state) !== family) return false;
  const words = text.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const hay = `${run.flow} ${run.name} ${run.state}`.toLowerCase();
  return words.every((w) => hay.includes(w));
}

export function sections(runs: readonly StripRun[], allComing: boolean): Section[] {
  const under: StripRun[] = [];
  const coming: StripRun[] = [];
  const ended: StripRun[] = [];
  for (const run of runs) {
    const family = familyOf(run.state);
    (family === "running" ? under : family === "waiting" ? coming : ended).push(run);
  }
  under.sort((a, b) => (b.start ?? b.due) - (a.start ?? a.due));
  coming.sort((a, b) => a.due - b.due);
  ended.sort((a, b) => (b.start ?? b.due) - (a.start ?? a.due));
  const few = allComing ? coming : coming.slice(0, COMING_SHOWN);
  return [
    { title: "Under way", runs: under, more: 0 },
    { title: "Coming up", runs: few, more: coming.length - few.length },
    { title: "Ended", runs: ended, more: 0 },
  ].filter((s) => s.runs.length > 0);
}

export function RunList({ runs }: { runs: readonly StripRun[] }) {
  const [family, setFamily] = useState<Family | null>(null);
  const [text, setText] = useState("");
  const [allComing, setAllComing] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  useShortcuts(
    useMemo(
      () => ({
        j: () => moveRow(1),
        k: () => moveRow(-1),
        "/": () => input.current?.focus(),
        escape: () => {
          setText("");
          setFamily(null);
        },
      }),
      [],
    ),
  );
  const counts = countFamilies(runs.map((r) => r.state));
  const shown = runs.filter((r) => matches(r, family, text));
  const parts = sections(shown, allComing || family === "waiting");
  return (
    <section className="runs" aria-label="Runs">
      <header className="runs-head">
        <h2>
          <a href="/runs" onClick={follow}>
            Runs
          </a>
        </h2>
        <div className="families" role="group" aria-label="Filter by state">
          <button type="button" aria-pressed={family === null} onClick={() => setFamily(null)}>
            All <b>{runs.length}</b>
          </button>
          {FAMILIES.map((f) => (
            <button
              key={f}
              type="button"
              aria-pressed={family === f}
              disabled={counts[f] === 0 && family !== f}
              onClick={() => setFamily(family === f ? null : f)}
            >
              {FAMILY_LABEL[f]} <b>{counts[f]}</b>
            </button>
          ))}
        </div>
        <FilterField
          label="Filter runs by flow, name or state"
          field={input}
          text={text}
          onText={setText}
          onEnter={() => moveRow(1)}
          onEscape={() => setText("")}
        />
      </header>
      <table className="run-table">
        <thead>
          <tr>
            <th scope="col">State</th>
            <th scope="col">Flow</th>
            <th scope="col">Run</th>
            <th scope="col" className="num">
              Start
            </th>
            <th scope="col" className="num">
              Duration
            </th>
          </tr>
        </thead>
        {parts.map((part) => (
          <tbody key={part.title}>
            <tr className="section">
              <th scope="rowgroup" colSpan={5}>
                {part.title}
              </th>
            </tr>
            {part.runs.map((run) => (
              <Row key={run.id} run={run} />
            ))}
            {part.more > 0 && (
              <tr className="more">
                <td colSpan={5}>
                  <button type="button" className="plain" onClick={() => setAllComing(true)}>
                    {part.more} more coming
                  </button>
                </td>
              </tr>
            )}
          </tbody>
        ))}
      </table>
      {parts.length === 0 && (
        <p className="nothing">
          No run matches.{" "}
          <button
            type="button"
            className="plain"
            onClick={() => {
              setText("");
              setFamily(null);
            }}
          >
            Show all
          </button>
        </p>
      )}
    </section>
  );
}

const Row = memo(function Row({ run }: { run: StripRun }) {
  return (
    <tr className="run-row" data-run={run.id}>
      <td>
        <StateChip state={run.state} />
      </td>
      <td className="flow">
        <a href={runPath(run.id)} data-row onClick={follow}>
          {run.flow}
          <span className="sr">, run {run.name}</span>
        </a>
      </td>
      <td className="name">{run.name}</td>
      <Times run={run} />
    </tr>
  );
});

function Times({ run }: { run: StripRun }) {
  const now = useNow();
  const took = elapsed(run.start, run.end, now);
  const waiting = familyOf(run.state) === "waiting";
  const late = waiting && run.state !== "Paused" && run.due < now - 5_000;
  return (
    <>
      <td className="num" title={new Date(run.start ?? run.due).toLocaleString()}>
        {waiting ? (
          <span data-late={late || undefined}>
            {late ? `late, was due ${relative(run.due, now)}` : `${relative(run.due, now)}, ${moment(run.due, now)}`}
          </span>
        ) : (
          moment(run.start ?? run.due, now)
        )}
      </td>
      <td className="num">{took === null ? <span className="faint">–</span> : duration(took)}</td>
    </>
  );
}
