/**
 * The children of a mapped task as cells on a canvas: ten thousand of them are one control of the kind "slider", not ten thousand buttons.
 */
import { memo, useLayoutEffect, useRef } from "react";
import { useTheme } from "../app/theme";
import type { TaskRun } from "../data/taskStore";
import { cellAt, type GridShape, originOf, step } from "../domain/grid";
import { drawCell } from "./cellPaint";

interface Props {
  readonly label: string;
  readonly runs: readonly TaskRun[];
  readonly shape: GridShape;
  readonly width: number;
  readonly selected: number | null;
  readonly onSelect: (index: number | null) => void;
  readonly onOpen: (index: number) => void;
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
