/** The glyphs of states on a canvas: the same drawings as Glyph.tsx, as paths that are made once. */
import { stateColour, type Theme } from "../domain/colour";
import { RING, SHAPES } from "./Glyph";

const paths = new Map<string, { stroke: Path2D | null; fill: Path2D | null }>();

function pathOf(state: string): { stroke: Path2D | null; fill: Path2D | null } {
  let held = paths.get(state);
  if (!held) {
    const shape = SHAPES[state] ?? { s: RING };
    held = { stroke: shape.s ? new Path2D(shape.s) : null, fill: shape.f ? new Path2D(shape.f) : null };
    paths.set(state, held);
  }
  return held;
}

/** Draw with the upper left corner at (x, y), 12 × 12 times `scale`. */
export function drawGlyph(
  g: CanvasRenderingContext2D,
  state: string,
  x: number,
  y: number,
  theme: Theme,
  scale = 1,
): void {
  const { stroke, fill } = pathOf(state);
  g.save();
  g.translate(x, y);
  g.scale(scale, scale);
  const colour = stateColour(state, theme);
  if (stroke) {
    g.strokeStyle = colour;
    g.lineWidth = 1.5;
    g.lineCap = "round";
    g.lineJoin = "round";
    g.stroke(stroke);
  }
  if (fill) {
    g.fillStyle = colour;
    g.fill(fill);
  }
  g.restore();
}
