/** What a flow is at one look: how its recent runs went and how long they took, when it runs next, and how it was registered. */
import { useNow } from "../app/now";
import { follow, runPath } from "../app/router";
import type { ComingRow, FlowRunOfRow, GroupRow, VersionRow } from "../data/documents/flow";
import { rate, standingOf } from "../domain/runGrid";
import { duration, elapsed, moment, parse, relative } from "../domain/time";
import { counted } from "../domain/words";
import { FlowFacts, useInner } from "./FlowFacts";
import { FlowSchedule } from "./FlowSchedule";
import { StateChip } from "./Glyph";
import { RunGrid } from "./RunGrid";

interface Props {
  readonly group: GroupRow;
  readonly version: VersionRow;
  readonly begun: readonly FlowRunOfRow[] | null;
  readonly coming: readonly ComingRow[];
  readonly onChanged: () => Promise<void>;
}

const LISTED = 8;
const NO_CELLS = new Map<string, never>();

export function FlowOverview({ group, version, begun, coming, onChanged }: Props) {
  const inner = useInner(version.id);
  return (
    <div className="overview">
      <section className="overview-runs" aria-labelledby="recent-title" aria-busy={begun === null}>
        <h2 id="recent-title">Recent runs</h2>
        {begun && begun.length === 0 && <p className="faint">It has not run yet.</p>}
        {begun && begun.length > 0 && <Recent begun={begun} group={group} />}
      </section>
      <FlowSchedule group={group} version={version} coming={coming} onChanged={onChanged} />
      <FlowFacts group={group} version={version} inner={inner} />
    </div>
  );
}

function Recent({ begun, group }: { begun: readonly FlowRunOfRow[]; group: GroupRow }) {
  const now = useNow();
  const facts = begun.map((r) => ({ state: r.state, start: parse(r.start_time), end: parse(r.end_time) }));
  const standing = standingOf(facts);
  const share = rate(standing);
  return (
    <>
      <dl className="standing">
        <div>
          <dt>Succeeded</dt>
          <dd data-bad={standing.failed > 0 || undefined}>{share ?? "–"}</dd>
          <dd className="faint">of the last {counted(standing.succeeded + standing.failed, "run")} that ended</dd>
        </div>
        <div>
          <dt>Usually takes</dt>
          <dd>{standing.median === null ? "–" : duration(standing.median)}</dd>
          <dd className="faint">median of the successful</dd>
        </div>
        <div>
          <dt>Failed</dt>
          <dd>{standing.failed}</dd>
          <dd className="faint">of them</dd>
        </div>
      </dl>
      <RunGrid label="Durations of recent runs" runs={begun} rows={[]} cells={NO_CELLS} />
      <table className="run-table flow-runs">
        <thead className="sr">
          <tr>
            {["State", "Run", "Version", "Started", "Took"].map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {begun.slice(0, LISTED).map((run, i) => {
            const at = parse(run.start_time) ?? parse(run.scheduled_start_time) ?? now;
            const took = elapsed(facts[i]?.start ?? null, facts[i]?.end ?? null, now);
            return (
              <tr key={run.id} className="run-row" data-run={run.id}>
                <td>
                  <StateChip state={run.state} />
                </td>
                <td className="flow">
                  <a href={runPath(run.id)} data-row onClick={follow}>
                    {run.name}
                  </a>
                </td>
                <td className="faint">v{run.flow.version}</td>
                <td title={moment(at, now)}>{relative(at, now)}</td>
                <td className="num">{took === null ? "–" : duration(took)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
      <a className="all-runs plain" href={`/runs?flow=${group.id}`} onClick={follow}>
        All runs of this flow
      </a>
    </>
  );
}
