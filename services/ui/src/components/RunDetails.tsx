/** All there is to say of a run: every state with its words, parameters in full, who holds it, the runs around it, artifacts. */
import { useEffect, useMemo, useState } from "react";
import { type ApiError, asApiError } from "../api/errors";
import { request } from "../api/http";
import { useNow } from "../app/now";
import { follow, runPath, taskRunPath } from "../app/router";
import { ARTIFACTS, type ArtifactsData, type RunRow, type StateRow } from "../data/documents/run";
import { duration, moment, parse, relative } from "../domain/time";
import { Glyph } from "./Glyph";
import { Ledger } from "./Ledger";
import { Markdown } from "./Markdown";
import { type Pair, Pairs } from "./Pairs";
import { Problem } from "./Problem";

export function RunDetails({ run }: { run: RunRow }) {
  return (
    <div className="details" tabIndex={0}>
      <section>
        <h2>States</h2>
        <Ledger states={run.states} />
        <StateTable states={run.states} />
      </section>
      <Parameters parameters={run.parameters} />
      <Owner run={run} />
      {(run.parent || run.children.length > 0) && (
        <section>
          <h2>Runs around it</h2>
          <ul className="around">
            {[
              ...(run.parent ? [["created by", run.parent] as const] : []),
              ...run.children.map((c) => ["created", c] as const),
            ].map(([how, other]) => (
              <li key={other.id}>
                <span className="faint">{how}</span>
                <a href={runPath(other.id)} onClick={follow}>
                  <Glyph state={other.state} /> {other.flow.name} {other.name}
                </a>
                <span className="faint">{other.state}</span>
              </li>
            ))}
          </ul>
        </section>
      )}
      <Artifacts key={`${run.id} ${run.state}`} id={run.id} />
    </div>
  );
}

/** Every state, newest first, an attempt at a time. */
export function StateTable({ states }: { states: readonly StateRow[] }) {
  const now = useNow();
  const last = states.at(-1);
  return (
    <table className="states">
      <thead>
        <tr>
          <th scope="col">State</th>
          <th scope="col">At</th>
          <th scope="col" className="num">
            Held
          </th>
          <th scope="col">Words</th>
          <th scope="col">By</th>
        </tr>
      </thead>
      <tbody>
        {[...states].reverse().map((state, i, all) => {
          const at = parse(state.timestamp) ?? 0;
          const next = all[i - 1];
          const held = next ? (parse(next.timestamp) ?? at) - at : null;
          const first = all[i + 1]?.attempt !== state.attempt && (last?.attempt ?? 1) > 1;
          return (
            <tr key={state.id} data-first={first || undefined}>
              <td>
                <Glyph state={state.state} /> {state.state}
                {first && <span className="faint"> attempt {state.attempt}</span>}
              </td>
              <td title={state.timestamp}>{moment(at, now)}</td>
              <td className="num">{held === null ? "" : duration(held)}</td>
              <td className="words">{state.message}</td>
              <td className="faint">{state.actor}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function Parameters({ parameters }: { parameters: RunRow["parameters"] }) {
  const entries = Object.entries(parameters);
  if (entries.length === 0) return null;
  return (
    <section>
      <h2>Parameters</h2>
      <Pairs
        pairs={entries.map(([name, value]) => [name, <pre key={name}>{JSON.stringify(value, null, 2)}</pre>] as const)}
      />
    </section>
  );
}

/** Who has it in hand: of use when a run does not do what it should. */
function Owner({ run }: { run: RunRow }) {
  const now = useNow();
  const at = (iso: string | null) => (iso === null ? null : relative(parse(iso) ?? now, now));
  const facts: readonly Pair[] = [
    ["Run id", run.id],
    ["Flow", `${run.flow.name}, version ${run.flow.version}${run.flow.archived ? ", archived" : ""}`],
    ["Made by", run.parent ? "another run" : run.auto_scheduled ? "its schedule" : "a call"],
    ["Run config", run.run_config_type],
    ["Labels", run.labels.join(", ") || null],
    ["Agent", run.agent?.name ?? null],
    ["Held by", run.lease_holder],
    ["Phase", run.phase],
    ["Lease ends", at(run.lease_expires_at)],
    ["Last beat", at(run.heartbeat)],
    ["Claims so far", run.fence > 0 ? String(run.fence) : null],
    ["Lives used", run.times_resurrected > 0 ? String(run.times_resurrected) : null],
    ["Waits for", run.waiting_for],
  ];
  return (
    <section>
      <h2>Facts</h2>
      <Pairs pairs={facts} />
    </section>
  );
}

/** Read when they are looked at, and again when the run's state has changed. */
function Artifacts({ id }: { id: string }) {
  const [found, setFound] = useState<ArtifactsData["artifacts"]>([]);
  const [error, setError] = useState<ApiError | null>(null);
  useEffect(() => {
    const stop = new AbortController();
    request<ArtifactsData>(ARTIFACTS, { run: id }, stop.signal)
      .then((data) => setFound(data.artifacts))
      .catch((cause) => {
        if (!stop.signal.aborted) setError(asApiError(cause));
      });
    return () => stop.abort();
  }, [id]);
  if (error) return <Problem error={error} />;
  if (found.length === 0) return null;
  return (
    <section>
      <h2>Artifacts</h2>
      {found.map((a) => (
        <article key={a.id} className="artifact">
          <p>
            <a href={taskRunPath(a.task_run.id)} onClick={follow}>
              {a.task_run.task.name ?? a.task_run.task.slug}
              {a.task_run.map_index >= 0 && ` #${a.task_run.map_index}`}
            </a>{" "}
            <span className="faint">{a.kind}</span>
          </p>
          <Artifact kind={a.kind} data={a.data} />
        </article>
      ))}
    </section>
  );
}

/** A link is a link, Markdown is drawn, the rest is shown as it was written: nothing that a run wrote is executed here. */
export function Artifact({ kind, data }: { kind: string; data: unknown }) {
  const held = data as { link?: unknown; markdown?: unknown } | null;
  const text = useMemo(() => {
    const held = data as { link?: unknown } | null;
    if (typeof held?.link === "string") return held.link;
    return typeof data === "string" ? data : JSON.stringify(data, null, 2);
  }, [data]);
  if (typeof held?.markdown === "string") return <Markdown text={held.markdown} />;
  if (kind === "link" && /^https?:\/\//.test(text))
    return (
      <a href={text} target="_blank" rel="noreferrer" className="plain">
        {text}
      </a>
    );
  return <pre>{text}</pre>;
}
