/** The frame around every page: the bar, the notice of the connection, the page of the address, the help. */
import { useMemo, useState } from "react";
import { ConnectionMark, ConnectionNotice } from "../components/ConnectionNotice";
import { Help } from "../components/Help";
import { Mark } from "../components/Mark";
import { HomePage } from "../pages/HomePage";
import { RunPage } from "../pages/RunPage";
import { follow, navigate, routeOf, usePath } from "./router";
import { useShortcuts } from "./shortcuts";
import { toggleTheme, useTheme } from "./theme";

export function App() {
  const route = routeOf(usePath());
  const theme = useTheme();
  const [help, setHelp] = useState(false);
  useShortcuts(useMemo(() => ({ "?": () => setHelp(true), h: () => navigate("/"), t: () => toggleTheme() }), []));
  return (
    <>
      <header className="bar-top">
        <a href="/" onClick={follow} className="brand">
          <Mark /> Towpath
        </a>
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
          className="quiet icon"
          onClick={() => setHelp(true)}
          aria-label="Keys and states"
          aria-keyshortcuts="?"
        >
          ?
        </button>
      </header>
      {route.page === "home" && <HomePage />}
      {route.page === "run" && <RunPage key={route.id} id={route.id} />}
      {route.page === "lost" && (
        <main className="home">
          <section className="empty small">
            <h1>Nothing is here.</h1>
            <p>
              <code>{route.path}</code> is no address of this page.
            </p>
            <a href="/" onClick={follow}>
              All runs
            </a>
          </section>
        </main>
      )}
      <Help open={help} onClose={() => setHelp(false)} />
    </>
  );
}
