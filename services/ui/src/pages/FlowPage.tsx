/**
 * One flow, by the id of its group or of one of its versions: what it is and when it runs, its graph, its tasks over its recent runs, its
 * versions, and the form for a run. What is open and which version is meant stand in the address.
 */
import { useCallback, useEffect, useMemo, useState } from "react";
import { flowPath, follow, navigate, setQuery, useQuery } from "../app/router";
import { useShortcuts } from "../app/shortcuts";
import { labelsOfFlow, useInner } from "../components/FlowFacts";
import { FlowGraph } from "../components/FlowGraph";
import { FlowOverview } from "../components/FlowOverview";
import { FlowVersions } from "../components/FlowVersions";
import { Markdown } from "../components/Markdown";
import { Problem } from "../components/Problem";
import { RunForm } from "../components/RunForm";
import { RunGrid } from "../components/RunGrid";
import { type Tab, Tabs } from "../components/Tabs";
import { useCell } from "../data/cell";
import {
  FLOW,
  FLOW_RUNS,
  type FlowData,
  type FlowRunsData,
  type GroupRow,
  VERSIONS_READ,
  type VersionRow,
} from "../data/documents/flow";
import { FlowGrid } from "../data/flowGrid";
import { LiveRead } from "../data/liveRead";
import { WAITING_STATES } from "../domain/states";
import "../styles/flow.css";

const TABS = ["overview", "graph", "runs", "versions"] as const;
type TabName = (typeof TABS)[number];
const RUNS_READ = 60;
const COMING_READ = 10;

export function FlowPage({ id }: { id: string }) {
  const read = useMemo(() => new LiveRead<FlowData>(FLOW, { id }), [id]);
  useEffect(() => read.start(), [read]);
  const reread = useCallback(() => read.read(), [read]);
  const { data, error } = useCell(read.answer);
  const group = data?.group[0];
  const of = data?.of[0];
  const [groupId, version] = [of?.flow_group_id, of?.version];
  useEffect(() => {
    if (groupId === undefined) return;
    const query = new URLSearchParams(location.search);
    query.set("version", String(version));
    navigate(`${flowPath(groupId)}?${query}`, { replace: true });
  }, [groupId, version]);
  const name = group?.flows[0]?.name;
  useEffect(() => {
    document.title = `${name ?? "Flow"} · Towpath`;
  }, [name]);
  return (
    <main className="page flow" aria-busy={data === null}>
      {error && <Problem error={error} />}
      {group && group.flows.length > 0 && <Room group={group} onChanged={reread} />}
      {data && !of && (!group || group.flows.length === 0) && (
        <section className="empty small">
          <h1>There is no such flow.</h1>
          <p>It may have been deleted, or it belongs to another tenant.</p>
          <a href="/flows" onClick={follow}>
            Flows
          </a>
        </section>
      )}
    </main>
  );
}

function Room({ group, onChanged }: { group: GroupRow; onChanged: () => Promise<void> }) {
  const query = useQuery();
  const tab = (TABS as readonly string[]).includes(query.get("tab") ?? "") ? (query.get("tab") as TabName) : "overview";
  const openTab = useCallback((name: string) => setQuery({ tab: name === "overview" ? null : name }), []);
  const usable = group.flows.find((f) => !f.archived) ?? null;
  const asked = Number(query.get("version"));
  const version = group.flows.find((f) => f.version === asked) ?? usable ?? (group.flows[0] as VersionRow);
  const read = useMemo(
    () =>
      new LiveRead<FlowRunsData>(FLOW_RUNS, {
        group: group.id,
        waiting: WAITING_STATES,
        begun: RUNS_READ,
        coming: COMING_READ,
      }),
    [group.id],
  );
  useEffect(() => read.start(), [read]);
  const { data: runs, error } = useCell(read.answer);
  const like = query.get("run-like");
  const [asking, setAsking] = useState(false);
  const closeForm = useCallback(() => {
    setAsking(false);
    setQuery({ "run-like": null }, { replace: true });
  }, []);
  useShortcuts(
    useMemo(
      () => ({
        r: () => setAsking(usable !== null),
        escape: () => setQuery({ task: null }, { replace: true }),
        ...Object.fromEntries(TABS.map((name, i) => [String(i + 1), () => openTab(name)])),
      }),
      [openTab, usable],
    ),
  );
  const begun = runs?.begun ?? null;
  const tabs: readonly Tab[] = [
    { id: "overview", label: "Overview", keys: "1" },
    { id: "graph", label: "Graph", keys: "2" },
    { id: "runs", label: "Runs by task", keys: "3" },
    { id: "versions", label: "Versions", keys: "4", note: group.flows_aggregate.aggregate.count.toLocaleString("en") },
  ];
  return (
    <>
      <Head group={group} version={version} usable={usable} onRun={() => setAsking(true)} />
      {error && <Problem error={error} />}
      <Tabs label="Views of the flow" tabs={tabs} open={tab} onOpen={openTab} />
      <section className="flow-panel" role="tabpanel" id={`panel-${tab}`} aria-labelledby={`tab-${tab}`}>
        {tab === "overview" && (
          <FlowOverview
            group={group}
            version={version}
            begun={begun}
            coming={runs?.coming ?? []}
            onChanged={onChanged}
          />
        )}
        {tab === "graph" && <FlowGraph version={version} />}
        {tab === "runs" && <Grid begun={begun} version={version} />}
        {tab === "versions" && <FlowVersions group={group} chosen={version.id} onChanged={onChanged} />}
      </section>
      {(asking || like !== null) && usable && <Form group={group} version={usable} like={like} onClose={closeForm} />}
    </>
  );
}

function Form(props: { group: GroupRow; version: VersionRow; like: string | null; onClose: () => void }) {
  const inner = useInner(props.version.id);
  return <RunForm {...props} labels={labelsOfFlow(props.group, inner)} />;
}

interface HeadProps {
  readonly group: GroupRow;
  readonly version: VersionRow;
  readonly usable: VersionRow | null;
  readonly onRun: () => void;
}

function Head({ group, version, usable, onRun }: HeadProps) {
  const description = group.description ?? version.description;
  const newest = (usable ?? group.flows[0])?.id;
  return (
    <header>
      <div className="run-title">
        <h1>
          {version.name} <span>{version.project.name}</span>
        </h1>
        <select
          className="version-pick"
          aria-label="Version"
          value={version.version}
          onChange={(e) => {
            const picked = group.flows.find((f) => f.version === Number(e.target.value));
            setQuery({ version: !picked || picked.id === newest ? null : String(picked.version), task: null });
          }}
        >
          {group.flows.map((f) => (
            <option key={f.id} value={f.version}>
              version {f.version}
              {f.archived && ", archived"}
            </option>
          ))}
        </select>
        <div className="actions">
          <button
            type="button"
            className="button solid"
            data-ask="run"
            aria-keyshortcuts="r"
            disabled={usable === null}
            title={usable === null ? "Every version is archived: register the flow again to run it" : undefined}
            onClick={onRun}
          >
            Run…
          </button>
        </div>
      </div>
      {description && (
        <div className="flow-what">
          <Markdown text={description} />
        </div>
      )}
      {version.id !== newest && (
        <p className="older">
          You look at version {version.version}
          {version.archived && ", which is archived"}.{" "}
          <button type="button" className="plain" onClick={() => setQuery({ version: null, task: null })}>
            Show the newest
          </button>
        </p>
      )}
      {group.flows_aggregate.aggregate.count > VERSIONS_READ && (
        <p className="sr">Only the newest {VERSIONS_READ} versions can be chosen.</p>
      )}
    </header>
  );
}

/** Asked for only while it is looked at: states of fifty runs are not for every visit. */
function Grid({ begun, version }: { begun: FlowRunsData["begun"] | null; version: VersionRow }) {
  const grid = useMemo(() => new FlowGrid(), []);
  useEffect(() => grid.start(), [grid]);
  useEffect(() => {
    if (begun) grid.show(begun, version.id);
  }, [grid, begun, version.id]);
  const view = useCell(grid.view);
  if (begun === null) return <div aria-busy="true" />;
  if (begun.length === 0) return <p className="nothing">It has not run yet.</p>;
  return (
    <>
      {view.error && <Problem error={view.error} />}
      <RunGrid label="Tasks by runs" runs={begun} rows={view.rows} cells={view.cells} reading={view.reading} />
    </>
  );
}
