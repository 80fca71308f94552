/** Runs that no living agent takes: which, why, and the command that starts one that does. */
import { useEffect, useMemo } from "react";
import { useNow } from "../app/now";
import { follow, runPath } from "../app/router";
import { useCell } from "../data/cell";
import { OFFERED, type OfferedData, type OfferedRun } from "../data/documents/agents";
import { LiveRead } from "../data/liveRead";
import { labelWords, type Serving, startCommand, whyNobody } from "../domain/serving";
import { moment, parse, relative } from "../domain/time";
import { counted } from "../domain/words";
import { Command } from "./Command";

/** The queues that nobody serves, the one that is due first in front. */
export function unserved(
  queues: readonly OfferedRun[],
  agents: readonly Serving[],
  now: number,
): readonly { readonly first: OfferedRun; readonly why: string }[] {
  return queues
    .map((first) => ({ first, why: whyNobody(first, agents, now) }))
    .filter((queue): queue is { first: OfferedRun; why: string } => queue.why !== null)
    .sort((a, b) => (parse(a.first.due_at) ?? 0) - (parse(b.first.due_at) ?? 0));
}

export function Unserved({ queues, agents }: { queues: readonly OfferedRun[]; agents: readonly Serving[] }) {
  const now = useNow();
  const alone = unserved(queues, agents, now);
  if (alone.length === 0) return null;
  return (
    <section className="unserved" aria-label="Runs that nobody can take">
      <h2>
        Nobody can take <b>{counted(alone.length, "kind of run", "kinds of run")}</b>
      </h2>
      <ul>
        {alone.map(({ first, why }) => (
          <Queue key={`${first.run_config_type} ${first.labels.join(",")}`} first={first} why={why} now={now} />
        ))}
      </ul>
    </section>
  );
}

function Queue({ first, why, now }: { first: OfferedRun; why: string; now: number }) {
  const key = JSON.stringify([first.labels, first.run_config_type]);
  const read = useMemo(() => {
    const [labels, type] = JSON.parse(key) as [string[], string];
    const where = { due_at: { _is_null: false }, labels: { _eq: labels }, run_config_type: { _eq: type } };
    return new LiveRead<OfferedData>(OFFERED, { where, limit: 1 });
  }, [key]);
  useEffect(() => read.start(), [read]);
  const count = useCell(read.answer).data?.count.aggregate.count ?? null;
  const due = parse(first.due_at) ?? now;
  const command = startCommand(first);
  return (
    <li data-queue={first.labels.join(" ") || "none"} data-late={due < now || undefined}>
      <p>
        <b>{count === null ? "Runs" : counted(count, "run")}</b> with {labelWords(first.labels)}
        {first.run_config_type !== "UniversalRun" && `, as ${first.run_config_type}`}; the first,{" "}
        <a href={runPath(first.id)} onClick={follow}>
          {first.flow.name} {first.name}
        </a>
        , {due < now ? "was due" : "is due"} {relative(due, now)} ({moment(due, now)}).
      </p>
      <p className="why">{why}</p>
      {command ? (
        <Command text={command} />
      ) : (
        <p className="why">Start an agent of a kind that runs {first.run_config_type}.</p>
      )}
    </li>
  );
}
