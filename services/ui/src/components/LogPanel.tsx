/** The log of a run as it is written: level and text filter, one task's lines only, and following the tail until the reader scrolls away. */
import { memo, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { useShortcuts } from "../app/shortcuts";
import { asText, filterLines, LEVELS, type Level, type LogLine, type LogRowView, rank, toRows } from "../data/logStore";
import type { LogView } from "../data/runSession";
import { clock } from "../domain/time";
import { counted } from "../domain/words";
import { useViewport } from "./useVirtual";

const ROW = 20;
const SHORT: Record<string, string> = {
  DEBUG: "debug",
  INFO: "info",
  WARNING: "warn",
  ERROR: "error",
  CRITICAL: "crit",
};

/** One task's lines only. */
export interface LogChoice {
  readonly label: string;
  readonly of: (taskRunId: string) => boolean;
}

interface Props {
  readonly view: LogView;
  readonly running: boolean;
  readonly level: Level;
  readonly onLevel: (level: Level) => void;
  readonly text: string;
  readonly onText: (text: string) => void;
  readonly chosen: LogChoice | null;
  readonly onClear: () => void;
  readonly onEarlier: (all: boolean) => Promise<void>;
  readonly labelOf: (taskRunId: string) => string;
  /** What the file is called that it is kept as. */
  readonly fileName: string;
}

export function LogPanel(props: Props) {
  const { view, running, level, onLevel, text, onText, chosen, onClear, onEarlier, labelOf, fileName } = props;
  const [follow, setFollow] = useState(true);
  const [busy, setBusy] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const viewport = useViewport(scroller);
  const lines = useMemo(
    () => filterLines(view.lines, { level, text, of: chosen?.of ?? null }, view.floor),
    [view.lines, view.floor, level, text, chosen],
  );
  const rows = useMemo(() => toRows(lines), [lines]);
  const seen = useRef({ count: 0, first: "" });
  const [unseen, setUnseen] = useState(0);

  useShortcuts(
    useMemo(
      () => ({
        "/": () => input.current?.focus(),
        f: () => setFollow((on) => !on),
      }),
      [],
    ),
  );

  // Follow, or hold what is being read in its place when older lines come in above it.
  // biome-ignore lint/correctness/useExhaustiveDependencies: a pane that grew or shrank must go to the tail again
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const first = rows[0]?.line.id ?? "";
    const grown = rows.length - seen.current.count;
    if (follow) {
      element.scrollTop = element.scrollHeight;
      setUnseen(0);
    } else if (grown > 0) {
      if (seen.current.first !== "" && first !== seen.current.first) element.scrollTop += grown * ROW;
      else setUnseen((n) => n + grown);
    } else setUnseen(0);
    seen.current = { count: rows.length, first };
  }, [rows, follow, viewport.height]);

  const onWheel = useCallback((event: React.WheelEvent) => {
    if (event.deltaY < 0) setFollow(false);
  }, []);
  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const onScroll = () => {
      const away = element.scrollHeight - element.scrollTop - element.clientHeight;
      if (away < 2) setUnseen(0);
      if (away > ROW * 3) setFollow(false);
    };
    element.addEventListener("scroll", onScroll, { passive: true });
    return () => element.removeEventListener("scroll", onScroll);
  }, []);

  const from = Math.max(0, Math.floor(viewport.top / ROW) - 30);
  const to = Math.min(rows.length, Math.ceil((viewport.top + viewport.height) / ROW) + 30);
  const counts = useMemo(() => countLevels(view.lines), [view.lines]);
  const filtered = level !== "DEBUG" || text.trim() !== "" || chosen !== null;
  const earlier = (all: boolean) => {
    setFollow(false);
    setBusy(true);
    return onEarlier(all).finally(() => setBusy(false));
  };
  const toBegin = () => {
    setFollow(false);
    const go = () => scroller.current?.scrollTo({ top: 0 });
    if (view.complete) return go();
    // once all of it has been drawn
    void earlier(true).then(() => setTimeout(go, 200));
  };
  return (
    <section className="log" aria-label="Log">
      <header className="pane-head">
        <h2>Log</h2>
        <div className="levels" role="group" aria-label="Least level shown">
          {LEVELS.slice(0, 4).map((l) => (
            <button key={l} type="button" aria-pressed={level === l} onClick={() => onLevel(l)} data-level={l}>
              {l === "DEBUG" ? "All" : l === "INFO" ? "Info" : l === "WARNING" ? "Warnings" : "Errors"}
              {rank(l) >= 2 && (counts[l] ?? 0) > 0 && <b>{counts[l]}</b>}
            </button>
          ))}
        </div>
        {chosen && (
          <button
            type="button"
            className="task-filter"
            onClick={onClear}
            aria-label={`Show all tasks, not only ${chosen.label}`}
          >
            {chosen.label} <span aria-hidden="true">×</span>
          </button>
        )}
        <label className="find">
          <span className="sr">Filter lines by text</span>
          <input
            ref={input}
            type="search"
            placeholder="Filter"
            value={text}
            onChange={(e) => onText(e.target.value)}
            onKeyDown={(e) => {
              if (e.key !== "Escape" && e.key !== "Enter") return;
              if (e.key === "Escape") onText("");
              e.currentTarget.blur();
            }}
          />
          {text === "" && (
            <span className="key" aria-hidden="true">
              /
            </span>
          )}
        </label>
        <button
          type="button"
          className="follow"
          aria-pressed={follow}
          onClick={() => setFollow(!follow)}
          aria-keyshortcuts="f"
        >
          Follow
        </button>
      </header>
      <div
        className="log-scroll"
        ref={scroller}
        onWheel={onWheel}
        tabIndex={0}
        role="log"
        aria-live="off"
        aria-label="Log lines"
      >
        {view.loaded && !view.complete && view.lines.length > 0 && !filtered && viewport.top < 200 && (
          <button type="button" className="earlier" disabled={busy} onClick={() => void earlier(false)}>
            {busy ? "Reading…" : "Earlier lines"}
          </button>
        )}
        <div className="log-rows" style={{ height: rows.length * ROW }}>
          {rows.slice(from, to).map((row, i) => (
            <LogRow
              key={`${row.line.id}.${row.part}`}
              row={row}
              top={(from + i) * ROW}
              text={text.trim()}
              labelOf={labelOf}
            />
          ))}
        </div>
        {rows.length === 0 && (
          <p className="nothing">
            {!view.loaded
              ? ""
              : view.lines.length > 0
                ? "No line matches the filter."
                : running
                  ? "No line yet."
                  : "This run wrote no log."}
          </p>
        )}
      </div>
      <footer className="log-foot">
        <span data-log-count={view.lines.length}>
          {filtered
            ? `${lines.length.toLocaleString("en")} of ${counted(view.lines.length, "line")}`
            : counted(lines.length, "line")}
          {!view.complete && view.lines.length > 0 && ", older ones not read"}
        </span>
        {!follow && unseen > 0 && (
          <button type="button" className="plain" onClick={() => setFollow(true)}>
            {unseen} new below
          </button>
        )}
        <span className="log-tools">
          <button type="button" className="plain" onClick={toBegin} disabled={busy}>
            Beginning
          </button>
          <button
            type="button"
            className="plain"
            onClick={() => {
              const element = scroller.current;
              if (running) setFollow(true);
              else element?.scrollTo({ top: element.scrollHeight });
            }}
          >
            End
          </button>
          <Keep lines={lines} labelOf={labelOf} fileName={fileName} />
        </span>
      </footer>
    </section>
  );
}

/** Copy what is shown, or keep it as a file. */
function Keep(props: { lines: readonly LogLine[]; labelOf: (taskRunId: string) => string; fileName: string }) {
  const { lines, labelOf, fileName } = props;
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 2_000);
    return () => clearTimeout(timer);
  }, [copied]);
  const download = () => {
    const url = URL.createObjectURL(new Blob([asText(lines, labelOf)], { type: "text/plain" }));
    const link = document.createElement("a");
    link.href = url;
    link.download = fileName;
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 1_000);
  };
  return (
    <>
      <button
        type="button"
        className="plain"
        disabled={lines.length === 0}
        onClick={() => void navigator.clipboard.writeText(asText(lines, labelOf)).then(() => setCopied(true))}
      >
        {copied ? "Copied" : "Copy"}
      </button>
      <button type="button" className="plain" disabled={lines.length === 0} onClick={download} data-download>
        Download
      </button>
    </>
  );
}

function countLevels(lines: readonly LogLine[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const line of lines) {
    const r = rank(line.level);
    if (r >= 2) counts.WARNING = (counts.WARNING ?? 0) + 1;
    if (r >= 3) counts.ERROR = (counts.ERROR ?? 0) + 1;
  }
  return counts;
}

interface RowProps {
  readonly row: LogRowView;
  readonly top: number;
  readonly text: string;
  readonly labelOf: (taskRunId: string) => string;
}

const LogRow = memo(function LogRow({ row: { line, text: said, part }, top, text, labelOf }: RowProps) {
  return (
    <div
      className="log-row"
      data-level={line.level}
      data-first={part === 0 || undefined}
      style={{ transform: `translateY(${top}px)` }}
    >
      <time>{part === 0 ? clock(line.at, true) : ""}</time>
      <span className="level">{part === 0 ? (SHORT[line.level] ?? line.level) : ""}</span>
      <span className="from">{part === 0 ? (line.taskRunId ? labelOf(line.taskRunId) : (line.logger ?? "")) : ""}</span>
      <span className="said">{text === "" ? said : <Marked text={said} part={text} />}</span>
    </div>
  );
});

function Marked({ text, part }: { text: string; part: string }) {
  const at = text.toLowerCase().indexOf(part.toLowerCase());
  if (at < 0) return text;
  return (
    <>
      {text.slice(0, at)}
      <mark>{text.slice(at, at + part.length)}</mark>
      <Marked text={text.slice(at + part.length)} part={part} />
    </>
  );
}
