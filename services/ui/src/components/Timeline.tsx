/**
 * When each task run ran: a row each on a time axis, with how many ran at once above it and the whole of it in small at the side. Drag or
 * wheel to look around, Ctrl and wheel (or a pinch, + and -) to zoom in time. Arrows up and down select, for readers of the screen it is a
 * slider over the rows. What moves is drawn on the next frame from a ref; React hears of what is pointed at only.
 */
import { memo, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { useNowWhile } from "../app/now";
import { usePalette } from "../app/palette";
import { useTheme } from "../app/theme";
import type { TaskView } from "../data/taskStore";
import type { Selection } from "../domain/selection";
import { clock, duration } from "../domain/time";
import {
  criticalPath,
  holdTime,
  loadOf,
  type Range,
  rowsOf,
  type TimeRow,
  type Window,
  wholeRange,
  zoomTime,
} from "../domain/timeline";
import { leading } from "./TaskList";
import { drawMap, field, HEAD, MAP, mapHeight, PITCH, paintTimeline, type Scene } from "./timelinePaint";

interface Props {
  readonly view: TaskView;
  readonly runStart: number | null;
  readonly runEnd: number | null;
  readonly selected: Selection | null;
  readonly onSelect: (selection: Selection | null) => void;
  readonly onOpen: (selection: Selection) => void;
}

interface Looked {
  window: Window | null;
  top: number;
  /** Somebody has zoomed or moved in time: from then on the whole is no longer shown by itself. */
  touched: boolean;
}

export const Timeline = memo(function Timeline({ view, runStart, runEnd, selected, onSelect, onOpen }: Props) {
  const now = useNowWhile(runEnd === null);
  const theme = useTheme();
  const palette = usePalette();
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [size, setSize] = useState({ width: 0, height: 0 });
  const [hover, setHover] = useState<number | null>(null);
  const look = useRef<Looked>({ window: null, top: 0, touched: false });

  const rows = useMemo(() => rowsOf(view.groups, (g) => leading(g, runEnd !== null)), [view, runEnd]);
  const critical = useMemo(() => criticalPath(view.groups, view.edges), [view]);
  const load = useMemo(() => loadOf(rows), [rows]);
  const range = useMemo(() => rangeOf(rows, runStart, now ?? runEnd), [rows, runStart, runEnd, now]);
  const at = useMemo(
    () =>
      selected === null
        ? null
        : rows.findIndex((r) => r.taskId === selected.taskId && r.mapIndex === selected.mapIndex),
    [rows, selected],
  );
  const chosen = at !== null && at >= 0 ? at : null;
  const labels = size.width < 560 ? 118 : 196;

  // For ten thousand rows once a change, not once a frame.
  const map = useMemo(
    () =>
      size.height === 0
        ? null
        : drawMap(rows, range, now, mapHeight(rows.length, size.height), theme, window.devicePixelRatio || 1),
    [rows, range, now, size.height, theme],
  );

  const scene = useRef<Omit<Scene, "window" | "top"> | null>(null);
  scene.current = { rows, load, critical, range, now, ...size, labels, selected: chosen, hover, palette, theme, map };
  const pending = useRef(0);
  const paint = useCallback(() => {
    pending.current = 0;
    const element = canvas.current;
    const g = element?.getContext("2d");
    const shown = scene.current;
    if (!element || !g || !shown || shown.width === 0) return;
    const l = look.current;
    const room = field(shown);
    if (l.window === null || !l.touched) l.window = wholeRange(shown.range, room);
    l.window = holdTime(l.window, shown.range, room);
    l.top = Math.min(Math.max(0, shown.rows.length * PITCH - (shown.height - HEAD)), Math.max(0, l.top));
    const ratio = window.devicePixelRatio || 1;
    const [w, h] = [Math.round(shown.width * ratio), Math.round(shown.height * ratio)];
    if (element.width !== w) element.width = w;
    if (element.height !== h) element.height = h;
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    paintTimeline(g, { ...shown, window: l.window, top: l.top });
  }, []);
  const ask = useCallback(() => {
    if (pending.current === 0) pending.current = requestAnimationFrame(paint);
  }, [paint]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: whatever is on the scene has changed
  useLayoutEffect(paint, [paint, rows, load, critical, range, now, size, labels, chosen, hover, palette, theme, map]);
  useEffect(() => () => cancelAnimationFrame(pending.current), []);

  useLayoutEffect(() => {
    const element = frame.current;
    if (!element) return;
    const take = () => setSize({ width: element.clientWidth, height: element.clientHeight });
    take();
    const observer = new ResizeObserver(take);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  // What was selected elsewhere comes into view.
  useEffect(() => {
    if (chosen === null || size.height === 0) return;
    const l = look.current;
    const y = chosen * PITCH;
    if (y < l.top || y + PITCH > l.top + size.height - HEAD) {
      l.top = y - (size.height - HEAD) / 2;
      ask();
    }
  }, [chosen, size.height, ask]);

  const move = useCallback(
    (next: (l: Looked & { window: Window }, shown: NonNullable<typeof scene.current>) => void) => {
      const shown = scene.current;
      const l = look.current;
      if (!shown || l.window === null) return;
      next(l as Looked & { window: Window }, shown);
      ask();
    },
    [ask],
  );
  const dragged = useHands(frame, move, setHover);

  const rowAt = (event: React.MouseEvent) => {
    const box = event.currentTarget.getBoundingClientRect();
    const y = event.clientY - box.top;
    if (y < HEAD || event.clientX - box.left > size.width - MAP) return null;
    const index = Math.floor((y - HEAD + look.current.top) / PITCH);
    return index < rows.length ? index : null;
  };
  const pick = (index: number) => {
    const row = rows[index] as TimeRow;
    onSelect({ taskId: row.taskId, mapIndex: row.mapIndex });
  };
  const onKey = (event: React.KeyboardEvent) => {
    if (event.metaKey || event.ctrlKey || event.altKey) return;
    const page = Math.max(1, Math.floor((size.height - HEAD) / PITCH) - 1);
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page };
    const from = chosen ?? (event.key === "ArrowUp" ? rows.length : -1);
    const step = steps[event.key];
    const middle = field({ width: size.width, labels }) / 2;
    if (step !== undefined) pick(Math.min(rows.length - 1, Math.max(0, from + step)));
    else if (event.key === "Home") pick(0);
    else if (event.key === "End") pick(rows.length - 1);
    else if (event.key === "Enter" && selected) onOpen(selected);
    else if (event.key === "ArrowLeft" || event.key === "ArrowRight")
      move((l) => {
        l.touched = true;
        l.window = { ...l.window, from: l.window.from + (event.key === "ArrowLeft" ? -80 : 80) * l.window.perPx };
      });
    else if (event.key === "+" || event.key === "=" || event.key === "-")
      move((l, s) => {
        l.touched = true;
        l.window = zoomTime(l.window, event.key === "-" ? 1 / 1.4 : 1.4, middle, s.range, field(s));
      });
    else if (event.key === "0")
      move((l) => {
        l.touched = false;
      });
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const told = rows[hover ?? chosen ?? -1];
  return (
    <div className="timeline">
      <div
        ref={frame}
        className="timeline-frame"
        role="slider"
        tabIndex={0}
        data-rows={rows.length}
        aria-orientation="vertical"
        aria-label="Timeline of task runs. Up and down select, left and right move in time, plus, minus and zero zoom."
        aria-valuemin={0}
        aria-valuemax={Math.max(0, rows.length - 1)}
        aria-valuenow={chosen ?? 0}
        aria-valuetext={chosen === null ? "nothing selected" : said(rows, rows[chosen] as TimeRow, range, now)}
        onKeyDown={onKey}
        onMouseMove={(event) => setHover(dragged.current > 3 ? null : rowAt(event))}
        onMouseLeave={() => setHover(null)}
        onClick={(event) => {
          if (dragged.current > 3) return;
          const index = rowAt(event);
          if (index !== null) pick(index);
        }}
        onDoubleClick={(event) => {
          const row = rows[rowAt(event) ?? -1];
          if (row) onOpen({ taskId: row.taskId, mapIndex: row.mapIndex });
        }}
      >
        <canvas ref={canvas} style={{ width: size.width, height: size.height }} />
      </div>
      <p className="timeline-said">
        {told ? (
          said(rows, told, range, now)
        ) : (
          <>
            <i className="critical-mark" aria-hidden="true" /> what the end waited for
          </>
        )}
      </p>
    </div>
  );
});

function rangeOf(rows: readonly TimeRow[], runStart: number | null, until: number | null): Range {
  let from = runStart ?? Number.POSITIVE_INFINITY;
  let to = until ?? Number.NEGATIVE_INFINITY;
  for (const row of rows) {
    if (row.start !== null && row.start < from) from = row.start;
    if (row.end !== null && row.end > to) to = row.end;
  }
  if (!Number.isFinite(from)) from = until ?? 0;
  return { from, to: Math.max(to, from + 1) };
}

function said(rows: readonly TimeRow[], row: TimeRow, range: Range, now: number | null): string {
  const name =
    row.mapIndex === null ? row.label : `${rows.find((r) => r.taskId === row.taskId)?.label ?? ""} ${row.label}`;
  if (row.start === null) return `${name} · ${row.state}`;
  const took = (row.end ?? now ?? row.start) - row.start;
  return `${name} · ${row.state} · ${duration(took)} · begun ${duration(row.start - range.from)} after the start, at ${clock(row.start, true)}`;
}

type Move = (next: (l: Looked & { window: Window }, shown: Omit<Scene, "window" | "top">) => void) => void;

/** Drag, wheel and two fingers; answers how far the pointer has been dragged since it went down. */
function useHands(
  frame: React.RefObject<HTMLDivElement | null>,
  move: Move,
  setHover: (row: number | null) => void,
): React.RefObject<number> {
  const dragged = useRef(0);
  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const fingers = new Map<number, { x: number; y: number; onMap: boolean }>();
    const place = (e: PointerEvent | WheelEvent) => {
      const box = element.getBoundingClientRect();
      return { x: e.clientX - box.left, y: e.clientY - box.top };
    };
    const toMap = (y: number) =>
      move((l, s) => {
        const share = (y - HEAD) / Math.max(1, mapHeight(s.rows.length, s.height));
        l.top = share * s.rows.length * PITCH - (s.height - HEAD) / 2;
      });
    const down = (e: PointerEvent) => {
      if (e.button !== 0) return;
      const at = place(e);
      const onMap = at.x > element.clientWidth - MAP;
      fingers.set(e.pointerId, { ...at, onMap });
      dragged.current = 0;
      if (onMap) toMap(at.y);
    };
    const drag = (e: PointerEvent) => {
      const before = fingers.get(e.pointerId);
      if (!before) return;
      const now = { ...place(e), onMap: before.onMap };
      const other = [...fingers].find(([id]) => id !== e.pointerId)?.[1];
      fingers.set(e.pointerId, now);
      dragged.current += Math.abs(now.x - before.x) + Math.abs(now.y - before.y);
      if (dragged.current <= 3) return;
      if (!element.hasPointerCapture(e.pointerId)) {
        element.setPointerCapture(e.pointerId);
        setHover(null);
      }
      if (now.onMap) return toMap(now.y);
      move((l, s) => {
        l.top -= now.y - before.y;
        if (other) {
          const factor = Math.max(10, Math.abs(now.x - other.x)) / Math.max(10, Math.abs(before.x - other.x));
          l.window = zoomTime(l.window, factor, (now.x + other.x) / 2 - s.labels, s.range, field(s));
        } else l.window = { ...l.window, from: l.window.from - (now.x - before.x) * l.window.perPx };
        // A drag straight down is no wish to stay at this part of time.
        if (other || Math.abs(now.x - before.x) > 1) l.touched = true;
      });
    };
    const up = (e: PointerEvent) => fingers.delete(e.pointerId);
    const wheel = (e: WheelEvent) => {
      const page = document.scrollingElement;
      const free = !page || page.scrollHeight <= page.clientHeight + 1;
      if (!e.ctrlKey && !free && !element.contains(document.activeElement)) return;
      e.preventDefault();
      const unit = e.deltaMode === 1 ? 16 : 1;
      const at = place(e);
      setHover(null);
      move((l, s) => {
        if (e.ctrlKey || e.metaKey) {
          l.touched = true;
          l.window = zoomTime(
            l.window,
            Math.exp(-Math.max(-120, Math.min(120, e.deltaY * unit)) * 0.008),
            at.x - s.labels,
            s.range,
            field(s),
          );
          return;
        }
        const aside = e.shiftKey ? e.deltaX || e.deltaY : e.deltaX;
        if (aside !== 0) {
          l.touched = true;
          l.window = { ...l.window, from: l.window.from + aside * unit * l.window.perPx };
        }
        if (!e.shiftKey) l.top += e.deltaY * unit;
      });
    };
    element.addEventListener("pointerdown", down);
    element.addEventListener("pointermove", drag);
    element.addEventListener("pointerup", up);
    element.addEventListener("pointercancel", up);
    element.addEventListener("wheel", wheel, { passive: false });
    return () => {
      element.removeEventListener("pointerdown", down);
      element.removeEventListener("pointermove", drag);
      element.removeEventListener("pointerup", up);
      element.removeEventListener("pointercancel", up);
      element.removeEventListener("wheel", wheel);
    };
  }, [frame, move, setHover]);
  return dragged;
}
