/** The runs explorer: any run there has been, found by filters that stand in the address; many chosen and acted on at once. */
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useQuery } from "../app/router";
import { moveRow, useShortcuts } from "../app/shortcuts";
import { useTitle } from "../app/title";
import { BulkActions } from "../components/BulkActions";
import { FoundRuns } from "../components/FoundRuns";
import { Problem } from "../components/Problem";
import { clearFilters, RunFilters } from "../components/RunFilters";
import { useCell } from "../data/cell";
import { CHOICES, type ChoicesData } from "../data/documents/runs";
import { LiveRead } from "../data/liveRead";
import { RunsSession } from "../data/runsSession";
import { filterOf, isFiltered } from "../domain/runFilter";
import "../styles/runs.css";

export function RunsPage() {
  const query = useQuery();
  const filter = useMemo(() => filterOf(query), [query]);
  const choices = useMemo(() => new LiveRead<ChoicesData>(CHOICES, {}), []);
  useEffect(() => choices.start(), [choices]);
  useTitle("Runs");
  return <Explorer filter={filter} choices={choices} />;
}

const NONE: ReadonlySet<string> = new Set();

/** What keeps the rows where they are: the reader has scrolled, chose some, points at them or stands on one. */
function useBusy() {
  const scroller = useRef<HTMLDivElement>(null);
  const pointed = useRef(false);
  const chosen = useRef(0);
  const busy = useCallback(() => {
    const element = scroller.current;
    if (!element) return false;
    const focused = element.contains(document.activeElement);
    return element.scrollTop > 4 || pointed.current || focused || chosen.current > 0;
  }, []);
  return { scroller, pointed, chosen, busy };
}

function Explorer({ filter, choices }: { filter: ReturnType<typeof filterOf>; choices: LiveRead<ChoicesData> }) {
  const { scroller, pointed, chosen: chosenCount, busy } = useBusy();
  const session = useMemo(() => new RunsSession(filter, busy), [filter, busy]);
  useEffect(() => {
    scroller.current?.scrollTo(0, 0);
    return session.start();
  }, [session, scroller]);
  const newView = useCell(session.view);
  // Until the answer to a new filter is there, the old one stands, dimmed.
  const before = useRef(newView);
  const view = newView.loaded ? newView : before.current;
  useEffect(() => {
    if (newView.loaded) before.current = newView;
  }, [newView]);
  const count = useCell(session.count);
  const error = useCell(session.error);
  const loadingMore = useCell(session.loadingMore);
  const [choice, setChoice] = useState({ session, ids: NONE });
  const chosen = choice.session === session ? choice.ids : NONE;
  chosenCount.current = chosen.size;
  const choose = useCallback(
    (id: string) => {
      setChoice((old) => {
        const ids = new Set(old.session === session ? old.ids : NONE);
        if (!ids.delete(id)) ids.add(id);
        return { session, ids };
      });
    },
    [session],
  );
  const chooseNone = useCallback(() => setChoice({ session, ids: NONE }), [session]);
  const search = useRef<HTMLInputElement>(null);
  // Enter means the first row of what was asked for, not of what still stands there.
  const [entering, setEntering] = useState(false);
  const enter = useCallback(() => setEntering(true), []);
  useEffect(() => {
    if (!entering || !newView.loaded) return;
    setEntering(false);
    if (document.activeElement === document.body) moveRow(1);
  }, [entering, newView]);
  useShortcuts(
    useMemo(
      () => ({
        j: () => moveRow(1),
        k: () => moveRow(-1),
        x: () => {
          const id = document.activeElement?.closest<HTMLElement>("[data-run]")?.dataset.run;
          if (id) choose(id);
        },
        "/": () => search.current?.focus(),
        escape: chooseNone,
      }),
      [choose, chooseNone],
    ),
  );
  const onMore = useCallback(() => session.more(), [session]);
  const onSeen = useCallback((ids: readonly string[]) => session.seen(ids), [session]);
  const onPoint = useCallback(
    (inside: boolean) => {
      pointed.current = inside;
      if (!busy()) session.release();
    },
    [busy, pointed, session],
  );
  const showNew = () => {
    scroller.current?.scrollTo(0, 0);
    session.release();
  };
  const runs = view.rows.filter((run) => chosen.has(run.id));
  return (
    <main className="explorer">
      <header className="explorer-head">
        <h1>Runs</h1>
        <p className="faint" aria-live="polite" data-count={count ?? undefined}>
          {count === null ? "" : `${count.toLocaleString("en")} ${isFiltered(filter) ? "match" : "until now"}`}
        </p>
        {view.held > 0 && (
          <button type="button" className="held" onClick={showNew}>
            {view.held.toLocaleString("en")}
            {view.held >= 100 ? " or more" : ""} new: show
          </button>
        )}
      </header>
      <RunFilters filter={filter} choices={choices} search={search} onEnter={enter} />
      {error && <Problem error={error} />}
      <div
        role="table"
        className="found-table"
        data-stale={!newView.loaded || undefined}
        aria-label="Runs"
        aria-rowcount={count === null ? -1 : count + 1}
      >
        <div role="rowgroup">
          {runs.length > 0 ? (
            <BulkActions runs={runs} onClear={chooseNone} />
          ) : (
            <div role="row" tabIndex={-1} className="found-head" aria-rowindex={1}>
              <span role="columnheader" tabIndex={-1}>
                <span className="sr">Choose</span>
              </span>
              {["State", "Flow", "Run", "Agent, labels"].map((name) => (
                <span key={name} role="columnheader" tabIndex={-1}>
                  {name}
                </span>
              ))}
              <span role="columnheader" tabIndex={-1} className="num">
                Start
              </span>
              <span role="columnheader" tabIndex={-1} className="num">
                Duration
              </span>
            </div>
          )}
        </div>
        <FoundRuns
          view={view}
          count={count}
          loadingMore={loadingMore}
          chosen={chosen}
          scroller={scroller}
          onChoose={choose}
          onMore={onMore}
          onSeen={onSeen}
          onPoint={onPoint}
        />
      </div>
      {view.loaded && view.rows.length === 0 && (
        <p className="nothing">
          {isFiltered(filter) ? "No run matches. " : "No run has been due yet. "}
          {isFiltered(filter) && (
            <button type="button" className="plain" onClick={clearFilters}>
              Show all
            </button>
          )}
        </p>
      )}
    </main>
  );
}
