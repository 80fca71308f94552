/** Starts the page. */
import { createRoot } from "react-dom/client";
import { watchNetwork } from "./api/live";
import { App } from "./app/App";
import { applyTheme } from "./app/theme";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/lists.css";
import "./styles/home.css";
import "./styles/run.css";
import "./styles/schematic.css";

applyTheme();
watchNetwork();
const root = document.getElementById("root");
if (root) createRoot(root).render(<App />);
