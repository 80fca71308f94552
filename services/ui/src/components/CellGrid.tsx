/**
 * The children of a mapped task as cells on a canvas: ten thousand of them are one control of the kind "slider", not ten thousand buttons. Families differ in shape, not only in colour:
 * success is a full cell, failure is crossed, running has a core, waiting is an outline, cancelled is an outline with a stroke.
 */
import { memo, useLayoutEffect, useRef } from "react";
import { useTheme } from "../app/theme";
import type { TaskRun } from "../data/taskStore";
import { SURFACE, stateColour, type Theme } from "../domain/colour";
import { cellAt, type GridShape, originOf, step } from "../domain/grid";
import { familyOf } from "../domain/states";

interface Props {
  readonly label: string;
  readonly runs: readonly TaskRun[];
  readonly shape: GridShape;
  readonly width: number;
  readonly selected: number | null;
  readonly onSelect: (index: number | null) => void;
  readonly onOpen: (index: number) => void;
}

function drawCell(g: CanvasRenderingContext2D, state: string, x: number, y: number, size: number, theme: Theme): void {
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

export const CellGrid = memo(function CellGrid({ label, runs, shape, width, selected, onSelect, onOpen }: Props) {
  const theme = useTheme();
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    const element = canvas.current;
    const g = element?.getContext("2d");
    if (!element || !g) return;
    const scale = window.devicePixelRatio || 1;
    element.width = Math.round((width + 4) * scale);
    element.height = Math.round((shape.height + 4) * scale);
    g.setTransform(scale, 0, 0, scale, 0, 2 * scale);
    g.clearRect(0, -2, width + 4, shape.height + 4);
    for (let i = 0; i < runs.length; i += 1) {
      const { x, y } = originOf(shape, i);
      drawCell(g, (runs[i] as TaskRun).state, x + 2, y, shape.cell, theme);
    }
  }, [runs, shape, width, theme]);

  const mark = selected !== null && selected < runs.length ? originOf(shape, selected) : null;

  const indexAt = (event: React.MouseEvent) => {
    const box = event.currentTarget.getBoundingClientRect();
    return cellAt(shape, runs.length, event.clientX - box.left - 2, event.clientY - box.top - 2);
  };
  return (
    <div
      role="slider"
      tabIndex={0}
      className="cells"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={Math.max(0, runs.length - 1)}
      aria-valuenow={selected ?? 0}
      aria-valuetext={selected === null ? label : `${selected}: ${runs[selected]?.state ?? ""}`}
      style={{ height: shape.height + 4 }}
      onClick={(event) => {
        const index = indexAt(event);
        onSelect(index);
        if (index !== null) onOpen(index);
      }}
      onMouseMove={(event) => {
        const index = indexAt(event);
        if (index !== null && index !== selected) onSelect(index);
      }}
      onKeyDown={(event) => {
        if (event.key === "Enter" && selected !== null) onOpen(selected);
        const to = step(shape, runs.length, selected ?? -1, event.key);
        if (to === null) return;
        event.preventDefault();
        onSelect(Math.max(0, to));
      }}
    >
      <canvas ref={canvas} style={{ width: width + 4, height: shape.height + 4 }} />
      {/* apart from the cells, so that pointing at one does not draw ten thousand */}
      {mark && (
        <i
          className="cell-mark"
          style={{ width: shape.cell + 4, height: shape.cell + 4, transform: `translate(${mark.x}px, ${mark.y}px)` }}
        />
      )}
    </div>
  );
});
