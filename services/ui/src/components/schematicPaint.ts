/** How the graph of a flow is painted: lines, then boxes; names only where they can be read, colours always. Knows no React. */
import type { Palette } from "../app/palette";
import { type Camera, type Extent, whole } from "../domain/camera";
import { stateColour, type Theme } from "../domain/colour";
import { type Box, focusOf, type Picture, shares, type TaskStanding } from "../domain/schematic";
import { type FAMILIES, familyOf } from "../domain/states";
import { drawGlyph } from "./glyphPath";

/** Below this scale names cannot be read, and are not drawn. */
const READABLE = 0.42;

/** The whole graph where it can be read at that size; else the part where something happens, at a size that can be read. */
export function opening(picture: Picture, view: Extent, standing: ReadonlyMap<string, TaskStanding>): Camera {
  const all = whole(picture, view);
  if (all.scale >= READABLE) return all;
  const from = focusOf(picture, standing);
  if (from === null) return all;
  const scale = 0.8;
  const box = picture.boxes[from] as Box;
  const centre = (side: number, size: number, room: number, all: number) =>
    all * scale <= room - 48
      ? (room - all * scale) / 2
      : Math.max(room - 24 - all * scale, Math.min(24, room / 2 - (side + size / 2) * scale));
  return {
    scale,
    x: centre(box.left, box.width, view.width, picture.width),
    y: centre(box.top, box.height, view.height, picture.height),
  };
}

export interface Brush {
  readonly g: CanvasRenderingContext2D;
  readonly picture: Picture;
  readonly standing: ReadonlyMap<string, TaskStanding>;
  readonly live: boolean;
  readonly palette: Palette;
  readonly theme: Theme;
  readonly camera: Camera;
  readonly view: Extent;
}

type Near = { up: ReadonlySet<number>; down: ReadonlySet<number> } | null;

function stateOf(brush: Brush, at: number): string {
  return brush.standing.get((brush.picture.boxes[at] as Box).id)?.state ?? "Pending";
}

export function paintLines(brush: Brush, near: Near, lit: number | null): void {
  const { g, picture, palette, camera } = brush;
  const on = (from: number, to: number) =>
    near !== null && ((near.up.has(from) && near.up.has(to)) || (near.down.has(from) && near.down.has(to)));
  // What is meant is painted last, over the rest.
  for (const strong of [false, true])
    for (const line of picture.lines) {
      if (on(line.from, line.to) !== strong) continue;
      const skipped = brush.live && (stateOf(brush, line.from) === "Skipped" || stateOf(brush, line.to) === "Skipped");
      const next = lit !== null && (line.from === lit || line.to === lit);
      g.globalAlpha = strong ? 1 : near === null ? (skipped ? 0.55 : 1) : 0.45;
      g.strokeStyle = strong ? palette.accent : palette.edge;
      g.lineWidth = Math.max(strong && next ? 2 : 1.3, 0.7 / camera.scale);
      g.setLineDash(skipped ? [4, 4] : line.keys.length === 0 ? [1.5, 3.5] : []);
      g.lineCap = line.keys.length === 0 ? "round" : "butt";
      trace(g, line.points, picture.down);
      g.stroke();
      g.setLineDash([]);
      if (camera.scale > 0.25) head(g, line.points, line.mapped, picture.down);
    }
  g.globalAlpha = 1;
}

type Points = readonly (readonly [number, number])[];

function trace(g: CanvasRenderingContext2D, points: Points, down: boolean): void {
  const [first, ...rest] = points as [readonly [number, number], ...(readonly [number, number])[]];
  g.beginPath();
  g.moveTo(first[0], first[1]);
  let [px, py] = first;
  rest.forEach(([x, y], i) => {
    // the line ends inside the arrow's head
    const short = i === rest.length - 1 ? 5 : 0;
    const [tx, ty] = down ? [x, y - short] : [x - short, y];
    if (Math.abs(down ? x - px : y - py) < 0.5) g.lineTo(tx, ty);
    else if (down) g.bezierCurveTo(px, (py + ty) / 2, tx, (py + ty) / 2, tx, ty);
    else g.bezierCurveTo((px + tx) / 2, py, (px + tx) / 2, ty, tx, ty);
    [px, py] = [x, y];
  });
}

/** An arrow's head; two for an edge that is mapped over. */
function head(g: CanvasRenderingContext2D, points: Points, mapped: boolean, down: boolean): void {
  const [x, y] = points.at(-1) as readonly [number, number];
  g.fillStyle = g.strokeStyle;
  for (const back of mapped ? [0, 6] : [0]) {
    g.beginPath();
    if (down) {
      g.moveTo(x, y - 1 - back);
      g.lineTo(x - 3.6, y - 7 - back);
      g.lineTo(x + 3.6, y - 7 - back);
    } else {
      g.moveTo(x - 1 - back, y);
      g.lineTo(x - 7 - back, y - 3.6);
      g.lineTo(x - 7 - back, y + 3.6);
    }
    g.fill();
  }
}

export function paintBoxes(
  brush: Brush,
  near: Near,
  on: { chosen: number | null; hover: number | null; at: number | null },
): void {
  const { picture, camera, view } = brush;
  const [left, top] = [-camera.x / camera.scale, -camera.y / camera.scale];
  const [right, bottom] = [left + view.width / camera.scale, top + view.height / camera.scale];
  picture.boxes.forEach((box, i) => {
    if (box.left > right || box.left + box.width < left || box.top > bottom || box.top + box.height + 8 < top) return;
    const far = near !== null && !near.up.has(i) && !near.down.has(i);
    paintBox(brush, box, stateOf(brush, i), far, { chosen: i === on.chosen, hover: i === on.hover, at: i === on.at });
  });
}

function outline(g: CanvasRenderingContext2D, box: Box, shift = 0): void {
  const [x, y, w, h] = [box.left + shift, box.top + shift, box.width, box.height];
  g.beginPath();
  if (box.shape === "branch") {
    const cut = 9;
    g.moveTo(x + cut, y);
    g.lineTo(x + w - cut, y);
    g.lineTo(x + w, y + h / 2);
    g.lineTo(x + w - cut, y + h);
    g.lineTo(x + cut, y + h);
    g.lineTo(x, y + h / 2);
    g.closePath();
  } else g.roundRect(x, y, w, h, box.shape === "parameter" ? h / 2 : 6);
}

function paintBox(
  brush: Brush,
  box: Box,
  state: string,
  far: boolean,
  on: { chosen: boolean; hover: boolean; at: boolean },
): void {
  const { g, palette, theme, live, camera } = brush;
  const family = familyOf(state);
  const waits = live && state === "Pending";
  const skipped = live && state === "Skipped";
  const colour = live && !waits ? stateColour(state, theme) : palette.edge;
  const thin = Math.max(1.2, 0.8 / camera.scale);
  g.globalAlpha = far ? 0.5 : skipped ? 0.6 : 1;
  g.lineWidth = thin;
  if (box.shape === "mapped")
    for (const shift of [6, 3]) {
      outline(g, box, shift);
      g.fillStyle = palette.surface;
      g.fill();
      g.strokeStyle = live && !waits ? colour : palette["line-2"];
      g.globalAlpha *= 0.75;
      g.stroke();
      g.globalAlpha = far ? 0.5 : skipped ? 0.6 : 1;
    }
  outline(g, box);
  g.fillStyle = on.hover ? palette.raised : palette.surface;
  g.fill();
  if (live && (family === "failed" || family === "running")) {
    g.fillStyle = colour;
    g.globalAlpha *= family === "failed" ? 0.14 : 0.1;
    g.fill();
    g.globalAlpha = far ? 0.5 : 1;
  }
  if (live && camera.scale < READABLE && !waits && !skipped) {
    // From far away a box is its colour.
    g.fillStyle = colour;
    g.globalAlpha *= 0.55;
    g.fill();
    g.globalAlpha = far ? 0.5 : 1;
  }
  g.strokeStyle = colour;
  g.setLineDash(skipped ? [3, 3] : []);
  g.lineWidth = live && family === "running" ? thin * 1.7 : thin;
  g.stroke();
  g.setLineDash([]);
  if (on.chosen || on.at) {
    g.globalAlpha = 1;
    const grow = 3.5;
    outline(g, {
      ...box,
      left: box.left - grow,
      top: box.top - grow,
      width: box.width + grow * 2,
      height: box.height + grow * 2,
    });
    g.strokeStyle = palette.accent;
    g.lineWidth = Math.max(on.chosen ? 2 : 1.4, 1.4 / camera.scale);
    if (!on.chosen) g.setLineDash([2, 2]);
    g.stroke();
    g.setLineDash([]);
    g.globalAlpha = far ? 0.5 : 1;
  }
  if (camera.scale >= READABLE) paintText(brush, box, state, waits || skipped);
  if (box.shape === "mapped") paintShares(brush, box);
  g.globalAlpha = 1;
}

const FONT =
  '500 13px ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", Arial, sans-serif';

function paintText(brush: Brush, box: Box, state: string, muted: boolean): void {
  const { g, palette, theme, live } = brush;
  const mapped = box.shape === "mapped";
  const middle = mapped ? box.top + 18 : box.top + box.height / 2;
  const indent = box.shape === "branch" ? 15 : 11;
  if (live) drawGlyph(g, state, box.left + indent, middle - 6, theme);
  const x = box.left + (live ? indent + 19 : indent + 2);
  const counts = mapped && live ? shares(brush.standing.get(box.id)?.counts ?? {}) : null;
  const tail = counts && counts.total > 0 ? `× ${counts.total.toLocaleString("en")}` : "";
  g.font = FONT;
  g.textBaseline = "middle";
  const small = FONT.replace("500 13px", "400 11.5px");
  let room = box.left + box.width - indent - x;
  if (tail !== "") {
    g.font = small;
    const took = g.measureText(tail).width;
    g.fillStyle = palette["ink-3"];
    g.textAlign = "right";
    g.fillText(tail, box.left + box.width - indent, middle + 0.5);
    g.textAlign = "left";
    room -= took + 6;
    g.font = FONT;
  }
  g.fillStyle = muted ? palette["ink-2"] : palette.ink;
  const text = fitText(g, box.label, room);
  // without a glyph the name stands in the middle, as on a label
  if (live || mapped) g.fillText(text, x, middle + 0.5);
  else {
    g.textAlign = "center";
    g.fillText(text, box.left + box.width / 2, middle + 0.5);
    g.textAlign = "left";
  }
}

let ruler: CanvasRenderingContext2D | null = null;

/** How wide a name is as it is painted here. */
export function measure(text: string): number {
  ruler ??= document.createElement("canvas").getContext("2d");
  if (!ruler) return text.length * 7.2;
  ruler.font = FONT;
  return ruler.measureText(text).width;
}

const fitted = new Map<string, string>();

/** As much of a text as there is room for, in the font that is set. */
export function fitText(g: CanvasRenderingContext2D, text: string, room: number): string {
  const key = `${g.font} ${Math.round(room)} ${text}`;
  const held = fitted.get(key);
  if (held !== undefined) return held;
  let found = text;
  if (g.measureText(text).width > room) {
    let low = 1;
    let high = text.length;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (g.measureText(`${text.slice(0, middle)}…`).width <= room) low = middle;
      else high = middle - 1;
    }
    found = `${text.slice(0, low)}…`;
  }
  if (fitted.size > 5_000) fitted.clear();
  fitted.set(key, found);
  return found;
}

/** How many of the children have ended how: one bar, filled by family. */
function paintShares(brush: Brush, box: Box): void {
  const { g, palette, theme, live } = brush;
  const [x, y, width, height] = [box.left + 11, box.top + 34, box.width - 22, 5];
  g.fillStyle = palette.sunk;
  g.beginPath();
  g.roundRect(x, y, width, height, 2.5);
  g.fill();
  const counts = live ? brush.standing.get(box.id)?.counts : null;
  if (!counts) return;
  const { total, by } = shares(counts);
  if (total === 0) return;
  g.save();
  g.clip();
  let at = x;
  const SHOWN = { success: "Success", failed: "Failed", cancelled: "Cancelled", running: "Running" } as const;
  for (const family of [
    "success",
    "failed",
    "cancelled",
    "running",
  ] as const satisfies readonly (typeof FAMILIES)[number][]) {
    const n = by[family];
    if (n === 0) continue;
    // one of ten thousand that failed must still be seen
    const part = Math.max(family === "failed" ? 2 : 0.5, (n / total) * width);
    g.fillStyle = stateColour(SHOWN[family], theme);
    g.fillRect(Math.min(at, x + width - part), y, part, height);
    at += part;
  }
  g.restore();
}
