/**
 * The graph of a flow: boxes and lines on a canvas, alone or with the states of a run. Mapped tasks are a stack with the shares of their
 * children; what was left out on purpose is muted. Hovering shows what is upstream and downstream; arrows walk along the edges, Enter or a
 * click selects. For readers of the screen it is a list box with one option a task.
 */
import { memo, useCallback, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "react";
import { usePalette } from "../app/palette";
import { useTheme } from "../app/theme";
import { type Extent, panBy, reveal, whole } from "../domain/camera";
import {
  type Box,
  boxAt,
  draw,
  focusOf,
  type Picture,
  related,
  type SchematicEdge,
  type SchematicTask,
  type TaskStanding,
  walk,
} from "../domain/schematic";
import { type Brush, measure, opening, paintBoxes, paintLines } from "./schematicPaint";
import { useCamera } from "./useCamera";

interface Props {
  readonly label: string;
  readonly tasks: readonly SchematicTask[];
  readonly edges: readonly SchematicEdge[];
  /** How each task stands, by its id; left out where no run is meant. */
  readonly standing?: ReadonlyMap<string, TaskStanding>;
  readonly selected?: string | null;
  readonly onSelect?: (taskId: string | null) => void;
  /** Asked for by a double click, and by Enter on what is selected already. */
  readonly onOpen?: (taskId: string) => void;
}

const NONE: ReadonlyMap<string, TaskStanding> = new Map();
const PAN = 60;

export const Schematic = memo(function Schematic(props: Props) {
  const { label, tasks, edges, standing = NONE, selected = null, onSelect, onOpen } = props;
  const live = props.standing !== undefined;
  const [down, setDown] = useState(false);
  const picture = useMemo(() => draw(tasks, edges, measure, down), [tasks, edges, down]);
  const id = useId();
  const theme = useTheme();
  const palette = usePalette();
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const standingNow = useRef(standing);
  standingNow.current = standing;
  const first = useCallback((view: Extent) => opening(picture, view, standingNow.current), [picture]);
  const look = useCamera(frame, picture, first);
  useDirection(tasks, edges, look.view, setDown);
  const [hover, setHover] = useState<number | null>(null);
  const [cursor, setCursor] = useState<number | null>(null);
  const [focused, setFocused] = useState(false);
  const chosen = selected === null ? null : (picture.index.get(selected) ?? null);
  const at = focused ? (cursor ?? chosen) : null;
  const lit = hover ?? at ?? chosen;
  const near = useMemo(() => (lit === null ? null : related(picture, lit)), [picture, lit]);

  // What was selected elsewhere comes into view.
  const shown = useRef<number | null>(null);
  useEffect(() => {
    if (chosen === shown.current || !look.ready) return;
    shown.current = chosen;
    if (chosen !== null) look.set((c, v) => reveal(c, picture.boxes[chosen] as Box, v));
  }, [chosen, look.ready, look.set, picture]);

  useLayoutEffect(() => {
    const g = canvas.current?.getContext("2d");
    if (!g || !canvas.current || !look.ready) return;
    const ratio = window.devicePixelRatio || 1;
    const [w, h] = [Math.round(look.view.width * ratio), Math.round(look.view.height * ratio)];
    if (canvas.current.width !== w) canvas.current.width = w;
    if (canvas.current.height !== h) canvas.current.height = h;
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.clearRect(0, 0, look.view.width, look.view.height);
    g.translate(look.camera.x, look.camera.y);
    g.scale(look.camera.scale, look.camera.scale);
    const brush: Brush = { g, picture, standing, live, palette, theme, camera: look.camera, view: look.view };
    paintLines(brush, near, lit);
    paintBoxes(brush, near, { chosen, hover, at });
  }, [picture, standing, live, palette, theme, look.camera, look.view, look.ready, near, lit, chosen, hover, at]);

  const point = (event: React.MouseEvent) => {
    const box = event.currentTarget.getBoundingClientRect();
    const { camera } = look;
    const to = (on: number, side: number, shift: number) => (on - side - shift) / camera.scale;
    return boxAt(
      picture,
      to(event.clientX, box.left, camera.x),
      to(event.clientY, box.top, camera.y),
      4 / camera.scale,
    );
  };
  const onKey = (event: React.KeyboardEvent) => {
    if (event.metaKey || event.ctrlKey || event.altKey) return;
    const act = keyAction(event.key, event.shiftKey);
    if (event.key === "Enter" || event.key === " ") {
      const box = at === null ? undefined : picture.boxes[at];
      if (box) box.id === selected && event.key === "Enter" && onOpen ? onOpen(box.id) : onSelect?.(box.id);
    } else if (event.key.startsWith("Arrow") && !event.shiftKey) {
      const to = at === null ? (chosen ?? focusOf(picture, standing)) : walk(picture, at, event.key);
      if (to === null) look.set((c) => panBy(c, ...arrow(event.key)));
      else {
        setCursor(to);
        look.set((c, v) => reveal(c, picture.boxes[to] as Box, v));
      }
    } else if (event.key.startsWith("Arrow")) look.set((c) => panBy(c, ...arrow(event.key)));
    else if (act === "fit") look.fitAll();
    else if (act !== null) look.zoom(act);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div className="schematic" data-moving={look.moving || undefined} data-hover={hover !== null || undefined}>
      <div
        ref={frame}
        className="schematic-frame"
        role="listbox"
        tabIndex={0}
        aria-label={`${label}. Arrows walk along the edges, plus, minus and zero zoom.`}
        aria-activedescendant={at === null ? undefined : `${id}-${at}`}
        onKeyDown={onKey}
        onFocus={() => setFocused(true)}
        onBlur={() => setFocused(false)}
        onMouseMove={(event) => setHover(look.moving ? null : point(event))}
        onMouseLeave={() => setHover(null)}
        onClick={(event) => {
          const to = point(event);
          setCursor(to);
          onSelect?.(to === null ? null : (picture.boxes[to] as Box).id);
        }}
        onDoubleClick={(event) => {
          const to = point(event);
          if (to !== null) onOpen?.((picture.boxes[to] as Box).id);
        }}
      >
        <canvas ref={canvas} style={{ width: look.view.width, height: look.view.height }} />
        <Options id={id} picture={picture} standing={standing} live={live} selected={selected} />
      </div>
      <div className="schematic-tools">
        <button
          type="button"
          className="quiet icon"
          aria-label="Zoom out"
          aria-keyshortcuts="-"
          onClick={() => look.zoom(1 / 1.4)}
        >
          −
        </button>
        <button
          type="button"
          className="quiet"
          aria-keyshortcuts="0"
          onClick={look.fitAll}
          title="Show the whole graph"
        >
          Fit
        </button>
        <button
          type="button"
          className="quiet icon"
          aria-label="Zoom in"
          aria-keyshortcuts="+"
          onClick={() => look.zoom(1.4)}
        >
          +
        </button>
      </div>
    </div>
  );
});

/** How many tasks are laid out both ways to see which can be read better; more than these do not fit in either. */
const FEW = 120;

/** From left to right, unless a small graph is read at a much better size from top to bottom. */
function useDirection(tasks: Props["tasks"], edges: Props["edges"], view: Extent, set: (down: boolean) => void): void {
  const both = useMemo(
    () => (tasks.length > FEW ? null : [draw(tasks, edges, measure), draw(tasks, edges, measure, true)]),
    [tasks, edges],
  );
  useLayoutEffect(() => {
    if (view.width === 0) return;
    const [right, down] = (both ?? []).map((picture) => whole(picture, view).scale);
    set(right !== undefined && down !== undefined && right < 0.9 && down > right * 1.2);
  }, [both, view, set]);
}

/** The graph in words, for readers of the screen and for tests. */
const Options = memo(function Options(props: {
  id: string;
  picture: Picture;
  standing: ReadonlyMap<string, TaskStanding>;
  live: boolean;
  selected: string | null;
}) {
  const { id, picture, standing, live, selected } = props;
  return (
    <div className="sr" role="presentation">
      {picture.boxes.map((box, i) => {
        const held = standing.get(box.id);
        const name = (v: number) => (picture.boxes[v] as Box).label;
        const from = (picture.ins[i] as readonly number[]).map(name).join(", ");
        return (
          // biome-ignore lint/a11y/useFocusableInteractive: the list box holds the focus and names the active option
          <div
            key={box.id}
            id={`${id}-${i}`}
            role="option"
            aria-selected={box.id === selected}
            data-box={box.label}
            data-state={live ? (held?.state ?? "Pending") : undefined}
          >
            {box.label}
            {live && `, ${held?.state ?? "Pending"}`}
            {held?.counts &&
              `: ${Object.entries(held.counts)
                .map(([s, n]) => `${n} ${s}`)
                .join(", ")}`}
            {from !== "" && `, after ${from}`}
          </div>
        );
      })}
    </div>
  );
});

function keyAction(key: string, shift: boolean): number | "fit" | null {
  if (key === "+" || key === "=") return 1.25;
  if (key === "-" || key === "_") return 1 / 1.25;
  return key === "0" && !shift ? "fit" : null;
}

function arrow(key: string): [number, number] {
  return [
    key === "ArrowLeft" ? PAN : key === "ArrowRight" ? -PAN : 0,
    key === "ArrowUp" ? PAN : key === "ArrowDown" ? -PAN : 0,
  ];
}
