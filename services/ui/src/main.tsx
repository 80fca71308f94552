/** Starts the page. */
import { createRoot } from "react-dom/client";
import { watchNetwork } from "./api/live";
import { App, preload, preloadAll } from "./app/App";
import { applyTheme } from "./app/theme";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/lists.css";
import "./styles/home.css";
import "./styles/run.css";
import "./styles/schematic.css";

const SETTLED_MS = 2_000;

applyTheme();
watchNetwork();
const root = document.getElementById("root");
const draw = () => root && createRoot(root).render(<App />);
// A page that cannot be fetched is told by the frame around it.
preload(location.pathname).then(draw, draw);
// The page that is open comes first: its code and what it reads.
setTimeout(() => (window.requestIdleCallback ?? setTimeout)(() => void preloadAll()), SETTLED_MS);
