/** The geometry of a mapped task's cells: how big they are, where cell n is, which cell is at a point. Pure arithmetic. */

export interface GridShape {
  readonly pitch: number;
  readonly cell: number;
  readonly columns: number;
  readonly rows: number;
  readonly height: number;
}

/** Smaller cells for more children, so that a block stays a picture and not a wall. */
export function shapeOf(count: number, width: number): GridShape {
  const pitch = count <= 100 ? 16 : count <= 1_000 ? 12 : count <= 4_000 ? 8 : 6;
  const gap = pitch >= 12 ? 2 : 1;
  const columns = Math.max(1, Math.floor((width + gap) / pitch));
  const rows = Math.max(1, Math.ceil(count / columns));
  return { pitch, cell: pitch - gap, columns, rows, height: rows * pitch - gap };
}

export function cellAt(shape: GridShape, count: number, x: number, y: number): number | null {
  const column = Math.floor(x / shape.pitch);
  const row = Math.floor(y / shape.pitch);
  if (x < 0 || y < 0 || column >= shape.columns) return null;
  const index = row * shape.columns + column;
  return index < count ? index : null;
}

export function originOf(shape: GridShape, index: number): { x: number; y: number } {
  return { x: (index % shape.columns) * shape.pitch, y: Math.floor(index / shape.columns) * shape.pitch };
}

/** Where the arrow keys lead from a cell; null for keys that mean nothing here. */
export function step(shape: GridShape, count: number, from: number, key: string): number | null {
  const moves: Record<string, number> = {
    ArrowLeft: from - 1,
    ArrowRight: from + 1,
    ArrowUp: from - shape.columns,
    ArrowDown: from + shape.columns,
    Home: 0,
    End: count - 1,
  };
  const to = moves[key];
  if (to === undefined) return null;
  return to < 0 || to >= count ? from : to;
}
