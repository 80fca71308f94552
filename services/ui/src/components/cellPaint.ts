/**
 * A state as a cell on a canvas. Families differ in shape, not only in colour: success is a full cell, failure is crossed, running has a core,
 * waiting is an outline, cancelled is an outline with a stroke.
 */
import { SURFACE, stateColour, type Theme } from "../domain/colour";
import { familyOf } from "../domain/states";

export function drawCell(
  g: CanvasRenderingContext2D,
  state: string,
  x: number,
  y: number,
  size: number,
  theme: Theme,
): void {
  const colour = stateColour(state, theme);
  const [r, gr, b] = SURFACE[theme];
  const paper = `rgb(${r} ${gr} ${b})`;
  g.fillStyle = colour;
  g.strokeStyle = colour;
  g.lineWidth = 1;
  switch (familyOf(state)) {
    case "success":
      g.fillRect(x, y, size, size);
      break;
    case "failed":
      if (size < 8) {
        // too small for a cross: it stands out by its size
        g.fillRect(x - 0.75, y - 0.75, size + 1.5, size + 1.5);
        break;
      }
      g.fillRect(x, y, size, size);
      g.strokeStyle = paper;
      g.lineWidth = 1.5;
      g.beginPath();
      g.moveTo(x + size * 0.25, y + size * 0.25);
      g.lineTo(x + size * 0.75, y + size * 0.75);
      g.moveTo(x + size * 0.75, y + size * 0.25);
      g.lineTo(x + size * 0.25, y + size * 0.75);
      g.stroke();
      break;
    case "running": {
      g.fillRect(x, y, size, size);
      const core = Math.max(2, Math.round(size * 0.4));
      const inset = (size - core) / 2;
      g.fillStyle = paper;
      g.fillRect(x + inset, y + inset, core, core);
      break;
    }
    case "cancelled":
      g.strokeRect(x + 0.5, y + 0.5, size - 1, size - 1);
      g.beginPath();
      g.moveTo(x + 1, y + size - 1);
      g.lineTo(x + size - 1, y + 1);
      g.stroke();
      break;
    default:
      g.globalAlpha = state === "Pending" ? 0.55 : 1;
      g.strokeRect(x + 0.5, y + 0.5, size - 1, size - 1);
      g.globalAlpha = 1;
  }
}
