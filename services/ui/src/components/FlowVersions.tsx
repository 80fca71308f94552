/** The versions of a flow, the newest first: what changed against the one before, and the way out for those that are not wanted any more. */
import { useMemo, useState } from "react";
import { asApiError } from "../api/errors";
import { request } from "../api/http";
import { useNow } from "../app/now";
import { setQuery } from "../app/router";
import { ARCHIVE, DELETE, type Done, type FlowGraphRow, type GroupRow, type VersionRow } from "../data/documents/flow";
import { moment, parse, relative } from "../domain/time";
import { type Change, changesOf, type VersionFacts } from "../domain/versionDiff";
import { counted } from "../domain/words";
import { useGraphs } from "./FlowGraph";
import { Problem } from "./Problem";
import { Question } from "./Question";

const AT_ONCE = 10;
const CHANGES_SHOWN = 8;

interface Props {
  readonly group: GroupRow;
  /** The version that the page shows. */
  readonly chosen: string;
  readonly onChanged: () => Promise<void>;
}

export function factsOf(version: VersionRow, graph: FlowGraphRow): VersionFacts {
  const slugs = new Map(graph.tasks.map((t) => [t.id, t.slug]));
  const end = (id: string) => slugs.get(id) ?? id;
  return {
    tasks: graph.tasks,
    edges: graph.edges.map((e) => ({ from: end(e.upstream_task_id), to: end(e.downstream_task_id), key: e.key })),
    parameters: version.parameters,
    schedule: version.schedule,
    code_hash: version.code_hash,
    storage: version.storage,
    description: version.description,
  };
}

export function FlowVersions({ group, chosen, onChanged }: Props) {
  const [shown, setShown] = useState(AT_ONCE);
  const [asked, setAsked] = useState<{ what: "archive" | "delete"; version: VersionRow } | null>(null);
  const flows = group.flows.slice(0, shown);
  // one more, for the last one shown to be compared with
  const { graphs, error } = useGraphs(
    group.flows
      .slice(0, shown + 1)
      .map((f) => f.id)
      .join(" "),
  );
  const by = useMemo(() => new Map((graphs ?? []).map((g) => [g.id, g])), [graphs]);
  const changes = (i: number): readonly Change[] | "first" | null => {
    const [is, was] = [group.flows[i] as VersionRow, group.flows[i + 1]];
    if (!was) return group.flows.length === group.flows_aggregate.aggregate.count ? "first" : null;
    const [a, b] = [by.get(was.id), by.get(is.id)];
    return a && b ? changesOf(factsOf(was, a), factsOf(is, b)) : null;
  };
  const send = async () => {
    if (!asked) return;
    const { done } = await request<Done>(asked.what === "archive" ? ARCHIVE : DELETE, { id: asked.version.id });
    if (!done.success) throw asApiError([{ message: done.error ?? "The server refused." }]);
    await onChanged();
  };
  return (
    <>
      {error && <Problem error={error} />}
      <ol className="versions">
        {flows.map((version, i) => (
          <Version
            key={version.id}
            version={version}
            previous={group.flows[i + 1]?.version ?? null}
            changes={changes(i)}
            chosen={version.id === chosen}
            onAsk={(what) => setAsked({ what, version })}
          />
        ))}
      </ol>
      {group.flows.length > shown && (
        <button type="button" className="button" onClick={() => setShown(shown + AT_ONCE)}>
          {counted(group.flows.length - shown, "older version")}
        </button>
      )}
      {group.flows_aggregate.aggregate.count > group.flows.length && shown >= group.flows.length && (
        <p className="faint">Only the newest {group.flows.length} are shown.</p>
      )}
      {asked && (
        <Question
          what={asked.what}
          title={`${asked.what === "archive" ? "Archive" : "Delete"} version ${asked.version.version}?`}
          yes={asked.what === "archive" ? "Archive it" : "Delete it"}
          no="Keep it"
          danger={asked.what === "delete"}
          onYes={send}
          onClose={() => setAsked(null)}
        >
          <p className="ask-name">{asked.version.name}</p>
          <p>
            {asked.what === "archive"
              ? "Its schedule is switched off, its runs that wait for their time are withdrawn, and no run of it can be made any more. What has begun or ended stays."
              : "The version goes, and with it its runs, their task runs and their logs. Nothing brings them back."}
          </p>
        </Question>
      )}
    </>
  );
}

interface VersionProps {
  readonly version: VersionRow;
  readonly previous: number | null;
  readonly changes: readonly Change[] | "first" | null;
  readonly chosen: boolean;
  readonly onAsk: (what: "archive" | "delete") => void;
}

function Version({ version, previous, changes, chosen, onAsk }: VersionProps) {
  const now = useNow();
  const at = parse(version.created) ?? now;
  const show = (tab: string) => setQuery({ version: String(version.version), tab, task: null });
  return (
    <li data-version={version.version} data-archived={version.archived || undefined} data-chosen={chosen || undefined}>
      <header>
        <h2>Version {version.version}</h2>
        <span className="faint" title={moment(at, now)}>
          {relative(at, now)}
        </span>
        {version.archived && <span className="tag">archived</span>}
        {version.is_schedule_active && version.schedule && <span className="tag on">schedule on</span>}
        <div className="version-tools">
          <button type="button" className="quiet" onClick={() => show("graph")}>
            Graph
          </button>
          {!version.archived && (
            <button type="button" className="quiet" data-ask="archive" onClick={() => onAsk("archive")}>
              Archive…
            </button>
          )}
          <button type="button" className="quiet danger" data-ask="delete" onClick={() => onAsk("delete")}>
            Delete…
          </button>
        </div>
      </header>
      <Changes changes={changes} previous={previous} />
    </li>
  );
}

function Changes({ changes, previous }: Pick<VersionProps, "changes" | "previous">) {
  const [all, setAll] = useState(false);
  if (changes === null) return <p className="faint changes">…</p>;
  if (changes === "first") return <p className="faint changes">The first one that is kept.</p>;
  if (changes.length === 0)
    return <p className="faint changes">Nothing that is registered changed since version {previous}.</p>;
  return (
    <ul className="changes" aria-label={`Changes since version ${previous}`}>
      {changes.slice(0, all ? changes.length : CHANGES_SHOWN).map((change) => (
        <li key={change.sign + change.what} data-sign={change.sign}>
          <b>{change.sign}</b> {change.what}
          {change.detail && <span className="faint"> {change.detail}</span>}
        </li>
      ))}
      {!all && changes.length > CHANGES_SHOWN && (
        <li>
          <button type="button" className="plain" onClick={() => setAll(true)}>
            {changes.length - CHANGES_SHOWN} more
          </button>
        </li>
      )}
    </ul>
  );
}
