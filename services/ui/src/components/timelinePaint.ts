/** How the timeline is painted: only the rows that are seen, at most some sixty, so that ten thousand cost no more than fifty. Knows no React. */
import type { Palette } from "../app/palette";
import { SURFACE, stateColour, type Theme } from "../domain/colour";
import { familyOf } from "../domain/states";
import { duration } from "../domain/time";
import { type Load, loadBy, type Range, type TimeRow, ticks, type Window } from "../domain/timeline";
import { drawGlyph } from "./glyphPath";
import { fitText } from "./schematicPaint";

export const PITCH = 22;
export const HEAD = 58;
const AXIS = 22;
export const MAP = 54;
const SMALL = "400 11px";
const FAMILY =
  'ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", Arial, sans-serif';

export interface Scene {
  readonly rows: readonly TimeRow[];
  readonly load: Load;
  readonly critical: ReadonlySet<string>;
  readonly range: Range;
  /** Null once the run has ended. */
  readonly now: number | null;
  readonly window: Window;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly labels: number;
  readonly selected: number | null;
  readonly hover: number | null;
  readonly palette: Palette;
  readonly theme: Theme;
  readonly map: CanvasImageSource | null;
}

/** Width of the part that is time. */
export function field(scene: { width: number; labels: number }): number {
  return Math.max(10, scene.width - scene.labels - MAP);
}

export function paintTimeline(g: CanvasRenderingContext2D, scene: Scene): void {
  const { palette, width, height, labels } = scene;
  g.clearRect(0, 0, width, height);
  g.textBaseline = "middle";
  paintRows(g, scene);
  // The head covers what scrolls under it.
  g.fillStyle = palette.surface;
  g.fillRect(0, 0, width, HEAD);
  paintHead(g, scene);
  g.fillStyle = palette.line;
  g.fillRect(0, HEAD - 1, width - MAP, 1);
  g.fillRect(labels - 1, 0, 1, height);
  paintMap(g, scene);
}

function xOf(scene: Scene, at: number): number {
  return scene.labels + (at - scene.window.from) / scene.window.perPx;
}

function paintHead(g: CanvasRenderingContext2D, scene: Scene): void {
  const { palette, labels, window } = scene;
  const room = field(scene);
  g.save();
  g.beginPath();
  g.rect(labels, 0, room, HEAD);
  g.clip();
  g.font = `${SMALL} ${FAMILY}`;
  g.fillStyle = palette["ink-3"];
  for (const tick of ticks(window, room, scene.range.from))
    g.fillText(tick.label, xOf(scene, tick.at) + 4, AXIS / 2 + 1);
  const load = loadBy(scene.load, window, room);
  const most = load.reduce((a, b) => Math.max(a, b), 0);
  const until = scene.now === null ? Number.POSITIVE_INFINITY : xOf(scene, scene.now) - labels;
  if (most > 0) {
    const base = HEAD - 1;
    g.beginPath();
    g.moveTo(labels, base);
    for (let x = 0; x < load.length && x < until; x += 1) {
      const y = base - ((load[x] as number) / most) * (HEAD - AXIS - 6);
      g.lineTo(labels + x, y);
      g.lineTo(labels + x + 1, y);
    }
    g.lineTo(labels + Math.min(load.length, until), base);
    g.fillStyle = palette.water;
    g.globalAlpha = 0.55;
    g.fill();
    g.globalAlpha = 1;
  }
  g.restore();
  g.fillStyle = palette["ink-3"];
  g.font = `${SMALL} ${FAMILY}`;
  g.fillText("Since the start", 14, AXIS / 2 + 1);
  g.fillText(
    most > 0 ? `At once, at most ${most.toLocaleString("en")}` : "At once",
    14,
    AXIS + (HEAD - AXIS) / 2,
    labels - 20,
  );
}

function paintRows(g: CanvasRenderingContext2D, scene: Scene): void {
  const { rows, palette, width, height, labels, top } = scene;
  const from = Math.max(0, Math.floor(top / PITCH));
  const to = Math.min(rows.length, Math.ceil((top + height - HEAD) / PITCH));
  const room = field(scene);
  for (let i = from; i < to; i += 1) {
    const y = HEAD + i * PITCH - top;
    if (i === scene.selected || i === scene.hover) {
      g.fillStyle = i === scene.selected ? palette["accent-soft"] : palette.sunk;
      g.fillRect(0, y, width - MAP, PITCH);
    }
  }
  g.fillStyle = palette.line;
  for (const tick of ticks(scene.window, room, scene.range.from)) {
    const x = Math.round(xOf(scene, tick.at));
    if (x >= labels) g.fillRect(x, 0, 1, height);
  }
  for (let i = from; i < to; i += 1) paintLabel(g, scene, rows[i] as TimeRow, HEAD + i * PITCH - top);
  g.save();
  g.beginPath();
  g.rect(labels, HEAD, room, height - HEAD);
  g.clip();
  for (let i = from; i < to; i += 1) paintBar(g, scene, rows[i] as TimeRow, HEAD + i * PITCH - top);
  if (scene.now !== null) {
    g.fillStyle = palette.edge;
    g.fillRect(Math.round(xOf(scene, scene.now)), HEAD, 1, height);
  }
  g.restore();
}

function paintLabel(g: CanvasRenderingContext2D, scene: Scene, row: TimeRow, y: number): void {
  const { palette, labels, theme } = scene;
  const child = row.mapIndex !== null;
  const x = child ? 33 : 14;
  drawGlyph(g, row.state, x, y + PITCH / 2 - (child ? 4.5 : 6), theme, child ? 0.75 : 1);
  g.font = child ? `${SMALL} ${FAMILY}` : `550 12.5px ${FAMILY}`;
  g.fillStyle = child || row.start === null ? palette["ink-3"] : palette.ink;
  const at = x + (child ? 15 : 19);
  g.fillText(fitText(g, row.label, labels - 10 - at), at, y + PITCH / 2 + 0.5);
}

function paintBar(g: CanvasRenderingContext2D, scene: Scene, row: TimeRow, y: number): void {
  if (row.start === null) return;
  const { palette, theme } = scene;
  const end = row.end ?? scene.now ?? row.start;
  const x = xOf(scene, row.start);
  const width = Math.max(2, (end - row.start) / scene.window.perPx);
  const right = scene.labels + field(scene);
  if (x > right || x + width < scene.labels) {
    // It ran, but elsewhere in time: an arrow says where.
    g.fillStyle = palette.edge;
    const [tip, side] = x > right ? [right - 4, -5] : [scene.labels + 4, 5];
    g.beginPath();
    g.moveTo(tip, y + PITCH / 2);
    g.lineTo(tip + side, y + PITCH / 2 - 3.5);
    g.lineTo(tip + side, y + PITCH / 2 + 3.5);
    g.fill();
    return;
  }
  const colour = stateColour(row.state, theme);
  const family = familyOf(row.state);
  const tall = row.span ? 5 : row.mapIndex === null ? 11 : 9;
  const at = y + (PITCH - tall) / 2;
  g.fillStyle = colour;
  g.strokeStyle = colour;
  if (family === "cancelled") {
    g.lineWidth = 1.2;
    g.strokeRect(x + 0.6, at + 0.6, Math.max(1, width - 1.2), tall - 1.2);
  } else {
    g.beginPath();
    g.roundRect(x, at, width, tall, Math.min(2, width / 2));
    g.fill();
  }
  if (family === "failed" && width > 9 && !row.span) {
    const [r, gr, b] = SURFACE[theme];
    g.strokeStyle = `rgb(${r} ${gr} ${b})`;
    g.lineWidth = 1.5;
    const [cx, cy] = [x + width - 6, at + tall / 2];
    g.beginPath();
    g.moveTo(cx - 2.2, cy - 2.2);
    g.lineTo(cx + 2.2, cy + 2.2);
    g.moveTo(cx + 2.2, cy - 2.2);
    g.lineTo(cx - 2.2, cy + 2.2);
    g.stroke();
  }
  if (row.end === null && family === "running") {
    // Open at its right end, as everything that still grows.
    g.clearRect(x + width - 3, at, 1.5, tall);
    g.clearRect(x + width - 7, at, 1.5, tall);
  }
  if (row.mapIndex === null && scene.critical.has(row.taskId)) {
    g.fillStyle = palette.ink;
    g.fillRect(x, y + PITCH - 4, width, 1.5);
  }
  const text = duration(end - row.start);
  g.font = `${SMALL} ${FAMILY}`;
  g.fillStyle = palette["ink-3"];
  if (x + width + 60 < right) g.fillText(text, x + width + 6, y + PITCH / 2 + 0.5);
}

/** All rows in one narrow picture, drawn once when they change: where on it the screen is, is drawn each time. */
export function drawMap(
  rows: readonly TimeRow[],
  range: Range,
  now: number | null,
  height: number,
  theme: Theme,
  ratio: number,
): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = Math.round((MAP - 12) * ratio);
  canvas.height = Math.max(1, Math.round(height * ratio));
  const g = canvas.getContext("2d");
  if (!g || rows.length === 0) return canvas;
  const each = Math.min(4 * ratio, canvas.height / rows.length);
  const scale = canvas.width / Math.max(1, range.to - range.from);
  // What went wrong is drawn last, so that one of ten thousand is seen.
  for (const troubled of [false, true])
    rows.forEach((row, i) => {
      if (row.start === null || (familyOf(row.state) === "failed") !== troubled) return;
      const x = (row.start - range.from) * scale;
      const w = Math.max(ratio * (troubled ? 3 : 1), ((row.end ?? now ?? row.start) - row.start) * scale);
      g.fillStyle = stateColour(row.state, theme);
      g.globalAlpha = row.span ? 0.35 : 1;
      g.fillRect(Math.min(x, canvas.width - w), i * each, w, Math.max(troubled ? 2 * ratio : 0.7, each * 0.8));
    });
  return canvas;
}

/** Height of the map's rows; short runs do not fill it. */
export function mapHeight(rows: number, height: number): number {
  return Math.min(height - HEAD - 8, rows * 4);
}

function paintMap(g: CanvasRenderingContext2D, scene: Scene): void {
  const { palette, width, height, rows, top } = scene;
  const left = width - MAP;
  g.fillStyle = palette.sunk;
  g.fillRect(left, 0, MAP, height);
  g.fillStyle = palette.line;
  g.fillRect(left, 0, 1, height);
  const tall = mapHeight(rows.length, height);
  if (scene.map && tall > 0) g.drawImage(scene.map, left + 6, HEAD, MAP - 12, tall);
  const all = rows.length * PITCH;
  const seen = Math.min(1, (height - HEAD) / Math.max(1, all));
  const y = HEAD + (top / Math.max(1, all)) * tall;
  const span = scene.range.to - scene.range.from;
  const share = (at: number) => Math.min(1, Math.max(0, (at - scene.range.from) / Math.max(1, span)));
  const x0 = share(scene.window.from);
  const x1 = share(scene.window.from + field(scene) * scene.window.perPx);
  g.strokeStyle = palette["ink-2"];
  g.lineWidth = 1;
  g.strokeRect(
    left + 5.5 + x0 * (MAP - 12),
    Math.round(y) - 0.5,
    Math.max(3, (x1 - x0) * (MAP - 12) + 1),
    Math.max(5, Math.round(seen * tall) + 1),
  );
}
