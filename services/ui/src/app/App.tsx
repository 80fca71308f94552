/** The frame around every page: the bar, the notice of the connection, the page of the address, the help. Pages come when they are asked for. */
import { Suspense, useMemo, useState } from "react";
import { ConnectionMark, ConnectionNotice } from "../components/ConnectionNotice";
import { Help } from "../components/Help";
import { LoadFailure } from "../components/LoadFailure";
import { Mark } from "../components/Mark";
import { NotThere } from "../components/NotThere";
import { later } from "./later";
import { follow, navigate, type Route, routeOf, usePath } from "./router";
import { useShortcuts } from "./shortcuts";
import { toggleTheme, useTheme } from "./theme";

const HomePage = later(() => import("../pages/HomePage").then((m) => m.HomePage));
const RunsPage = later(() => import("../pages/RunsPage").then((m) => m.RunsPage));
const RunPage = later(() => import("../pages/RunPage").then((m) => m.RunPage));
const TaskRunPage = later(() => import("../pages/TaskRunPage").then((m) => m.TaskRunPage));
const FlowsPage = later(() => import("../pages/FlowsPage").then((m) => m.FlowsPage));
const AgentsPage = later(() => import("../pages/AgentsPage").then((m) => m.AgentsPage));
const AgentPage = later(() => import("../pages/AgentPage").then((m) => m.AgentPage));
const FlowPage = later(() => import("../pages/FlowPage").then((m) => m.FlowPage));

const PAGES: Record<Exclude<Route["page"], "lost">, { readonly load: () => Promise<unknown> }> = {
  home: HomePage,
  runs: RunsPage,
  run: RunPage,
  "task-run": TaskRunPage,
  flows: FlowsPage,
  flow: FlowPage,
  agents: AgentsPage,
  agent: AgentPage,
};

/** Fetch the page of an address before anything is drawn: React would hold back for a third of a second what comes after a placeholder. */
export function preload(path: string): Promise<unknown> {
  const { page } = routeOf(path);
  return page === "lost" ? Promise.resolve() : PAGES[page].load();
}

/** Fetch the other pages, so that none is waited for when it is opened; one that cannot be fetched now is fetched then. */
export async function preloadAll(): Promise<void> {
  await Promise.allSettled(Object.values(PAGES).map((page) => page.load()));
  performance.mark("pages-fetched");
}

interface Room {
  readonly name: string;
  readonly path: string;
  readonly key: string;
  /** Pages that count as this room. */
  readonly pages: readonly Route["page"][];
}

const ROOMS: readonly Room[] = [
  { name: "Home", path: "/", key: "g h", pages: ["home"] },
  { name: "Runs", path: "/runs", key: "g r", pages: ["runs", "run", "task-run"] },
  { name: "Flows", path: "/flows", key: "g f", pages: ["flows", "flow"] },
  { name: "Agents", path: "/agents", key: "g a", pages: ["agents", "agent"] },
];

export function App() {
  const path = usePath();
  const route = routeOf(path);
  const [help, setHelp] = useState(false);
  useShortcuts(
    useMemo(
      () => ({
        "?": () => setHelp(true),
        t: () => toggleTheme(),
        ...Object.fromEntries(ROOMS.map((room) => [room.key, () => navigate(room.path)])),
      }),
      [],
    ),
  );
  return (
    <>
      <Bar route={route} onHelp={() => setHelp(true)} />
      <LoadFailure key={path}>
        <Suspense fallback={<main aria-busy="true" />}>
          <Page route={route} />
        </Suspense>
      </LoadFailure>
      <Help open={help} onClose={() => setHelp(false)} />
    </>
  );
}

function Page({ route }: { route: Route }) {
  switch (route.page) {
    case "home":
      return <HomePage />;
    case "runs":
      return <RunsPage />;
    case "run":
      return <RunPage key={route.id} id={route.id} />;
    case "task-run":
      return <TaskRunPage key={route.id} id={route.id} />;
    case "flows":
      return <FlowsPage />;
    case "agents":
      return <AgentsPage />;
    case "agent":
      return <AgentPage key={route.id} id={route.id} />;
    case "flow":
      return <FlowPage key={route.id} id={route.id} />;
    case "lost":
      return (
        <main className="page">
          <NotThere title="Nothing is here.">
            <code>{route.path}</code> is no address of this page.
          </NotThere>
        </main>
      );
  }
}

function Bar({ route, onHelp }: { route: Route; onHelp: () => void }) {
  const theme = useTheme();
  return (
    <header className="bar-top">
      <a href="/" onClick={follow} className="brand" aria-label="Towpath, home">
        <Mark /> <span>Towpath</span>
      </a>
      <nav className="rooms" aria-label="Rooms">
        {ROOMS.map((room) => (
          <a
            key={room.path}
            href={room.path}
            onClick={follow}
            aria-current={room.pages.includes(route.page) ? "page" : undefined}
            aria-keyshortcuts={room.key}
          >
            {room.name}
          </a>
        ))}
      </nav>
      <ConnectionNotice />
      <ConnectionMark />
      <button
        type="button"
        className="quiet icon"
        onClick={toggleTheme}
        aria-label={theme === "dark" ? "Light colours" : "Dark colours"}
      >
        <svg width="14" height="14" viewBox="0 0 14 14" aria-hidden="true">
          <circle cx="7" cy="7" r="5.500" fill="none" stroke="currentColor" strokeWidth="1.300" />
          <path d="M7 1.500a5.500 5.500 0 0 1 0 11z" fill="currentColor" />
        </svg>
      </button>
      <button
        type="button"
        className="quiet icon to-help"
        onClick={onHelp}
        aria-label="Keys and states"
        aria-keyshortcuts="?"
      >
        ?
      </button>
    </header>
  );
}
