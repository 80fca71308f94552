/** Light, dark, or as the system has it. The choice is kept in local storage and stands on the root element for the style sheets. */
import { useSyncExternalStore } from "react";
import type { Theme } from "../domain/colour";

export type Choice = "auto" | Theme;
const NAME = "towpath.theme";
const listeners = new Set<() => void>();
const dark = () => window.matchMedia("(prefers-color-scheme: dark)");

export function choice(): Choice {
  const kept = localStorage.getItem(NAME);
  return kept === "light" || kept === "dark" ? kept : "auto";
}

export function applyTheme(): void {
  document.documentElement.dataset.theme = choice();
}

/** The other one than what is seen; back to `auto` when that is what the system wants. */
export function toggleTheme(): void {
  const next: Theme = effective() === "dark" ? "light" : "dark";
  const system: Theme = dark().matches ? "dark" : "light";
  if (next === system) localStorage.removeItem(NAME);
  else localStorage.setItem(NAME, next);
  applyTheme();
  for (const each of listeners) each();
}

function effective(): Theme {
  const chosen = choice();
  if (chosen !== "auto") return chosen;
  return dark().matches ? "dark" : "light";
}

export function useTheme(): Theme {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      const query = dark();
      query.addEventListener("change", listener);
      return () => {
        listeners.delete(listener);
        query.removeEventListener("change", listener);
      };
    },
    effective,
    () => "light",
  );
}
