/**
 * Keyboard shortcuts that mean something on a page, never while the reader types: single keys by their name in lower case ("j", "escape"),
 * or `g` and a second key within a second and a half ("g r").
 */
import { useEffect } from "react";

export type Shortcuts = Readonly<Record<string, (event: KeyboardEvent) => void>>;

const PREFIX = "g";
const WITHIN_MS = 1_500;

export function isTyping(target: EventTarget | null): boolean {
  const at = target as { tagName?: string; isContentEditable?: boolean; type?: string } | null;
  if (at?.tagName === "INPUT") return at.type !== "checkbox" && at.type !== "radio";
  return at?.isContentEditable === true || ["TEXTAREA", "SELECT"].includes(at?.tagName ?? "");
}

/** Tells of each key what it means after the one before it. */
export function sequences(): (key: string, at: number) => string {
  let prefixAt = Number.NEGATIVE_INFINITY;
  return (key, at) => {
    const follows = at - prefixAt < WITHIN_MS;
    prefixAt = !follows && key === PREFIX ? at : Number.NEGATIVE_INFINITY;
    return follows ? `${PREFIX} ${key}` : key;
  };
}

const meaningOf = sequences();
/** What the key that is being handled means; found once, before any page hears of it. */
let meant = "";
if (typeof window !== "undefined")
  window.addEventListener(
    "keydown",
    (event) => {
      if (!["Shift", "Control", "Alt", "Meta"].includes(event.key))
        meant = meaningOf(isTyping(event.target) ? "" : event.key.toLowerCase(), event.timeStamp);
    },
    { capture: true },
  );

export function useShortcuts(shortcuts: Shortcuts): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.metaKey || event.ctrlKey || event.altKey || isTyping(event.target)) return;
      if (document.querySelector("dialog[open]")) return;
      const act = Object.hasOwn(shortcuts, meant) ? shortcuts[meant] : undefined;
      if (!act) return;
      event.preventDefault();
      act(event);
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [shortcuts]);
}

/** Move the focus among the rows that carry `data-row`, by one step; from nowhere to the first or last. */
export function moveRow(by: 1 | -1): void {
  const rows = [...document.querySelectorAll<HTMLElement>("[data-row]")];
  if (rows.length === 0) return;
  const at = rows.indexOf(document.activeElement as HTMLElement);
  const to = at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + by));
  rows[to]?.focus();
  rows[to]?.scrollIntoView({ block: "nearest" });
}
