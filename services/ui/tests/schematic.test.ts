// The layout of graphs: order, distances, few crossings, speed; and the arithmetic of looking around.
import { describe, expect, it } from "vitest";
import { hold, reveal, whole, zoomAt } from "../src/domain/camera";
import { layersOf, type Pair, place, spread } from "../src/domain/layers";
import { boxAt, draw, focusOf, related, type SchematicTask, shapeOf, walk } from "../src/domain/schematic";

const SPACING = { within: 16, lane: 12, between: 44 };
const box = { width: 100, height: 30 };

/** A seeded graph like those people write: mostly short edges, some long ones. */
function graphOf(count: number, seed: number): Pair[] {
  let a = seed;
  const random = () => {
    a = (a * 1_103_515_245 + 12_345) % 2_147_483_648;
    return a / 2_147_483_648;
  };
  const edges: Pair[] = [];
  for (let v = 1; v < count; v += 1)
    for (let k = 0; k <= random() * 3; k += 1) edges.push([Math.max(0, v - 1 - Math.floor(random() ** 2 * 40)), v]);
  return edges;
}

describe("layers", () => {
  it("put upstream before downstream, whatever the graph", () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const edges = graphOf(120, seed);
      const layer = layersOf(120, edges);
      for (const [u, v] of edges) expect(layer[u]).toBeLessThan(layer[v] as number);
    }
  });
  it("draw a source near to what needs it, and end on a graph with a cycle", () => {
    // 0 → 1 → 2 → 3, and 4 → 3 only
    expect([
      ...layersOf(5, [
        [0, 1],
        [1, 2],
        [2, 3],
        [4, 3],
      ]),
    ]).toEqual([0, 1, 2, 3, 2]);
    expect(
      place(
        [box, box, box],
        [
          [0, 1],
          [1, 2],
          [2, 0],
        ],
        SPACING,
      ).layer,
    ).toHaveLength(3);
  });
});

describe("places", () => {
  it("never let two boxes of a layer overlap", () => {
    for (const seed of [1, 2, 3]) {
      const sizes = Array.from({ length: 200 }, (_, i) => ({
        width: 80 + (i % 7) * 20,
        height: i % 5 === 0 ? 50 : 34,
      }));
      const p = place(sizes, graphOf(200, seed), SPACING);
      for (let l = 0; l <= Math.max(...p.layer); l += 1) {
        const list = sizes.flatMap((_, v) => (p.layer[v] === l ? [v] : []));
        list.sort((a, b) => (p.y[a] as number) - (p.y[b] as number));
        for (let i = 1; i < list.length; i += 1) {
          const [u, v] = [list[i - 1] as number, list[i] as number];
          const gap = (p.y[v] as number) - (p.y[u] as number) - ((sizes[u]?.height ?? 0) + (sizes[v]?.height ?? 0)) / 2;
          expect(gap).toBeGreaterThanOrEqual(SPACING.within - 0.001);
        }
      }
    }
  });
  it("draw a chain as one straight line", () => {
    const p = place(
      [box, box, box, box],
      [
        [0, 1],
        [1, 2],
        [2, 3],
      ],
      SPACING,
    );
    expect(new Set([...p.y].map((y) => Math.round(y * 1000))).size).toBe(1);
  });
  it("lead edges from side to side, and around the boxes of the layers between", () => {
    const p = place(
      [box, box, box],
      [
        [0, 1],
        [1, 2],
        [0, 2],
      ],
      SPACING,
    );
    const long = p.routes[2] as readonly (readonly [number, number])[];
    expect(long[0]).toEqual([(p.x[0] as number) + 50, p.y[0]]);
    expect(long.at(-1)).toEqual([(p.x[2] as number) - 50, p.y[2]]);
    for (const [, y] of long.slice(1, -1))
      expect(Math.abs(y - (p.y[1] as number))).toBeGreaterThanOrEqual(15 + SPACING.lane - 0.001);
  });
  it("untangle what need not cross", () => {
    // two fans whose ends were given in the wrong order
    const p = place(
      Array.from({ length: 6 }, () => box),
      [
        [0, 5],
        [0, 4],
        [1, 3],
        [1, 2],
      ],
      SPACING,
    );
    const side = (v: number) => Math.sign((p.y[v] as number) - ((p.y[0] as number) + (p.y[1] as number)) / 2);
    expect([side(5), side(4)]).toEqual([side(0), side(0)]);
    expect([side(3), side(2)]).toEqual([side(1), side(1)]);
  });
  it("lay out 500 tasks well within half a second", () => {
    const edges = graphOf(500, 9);
    const began = performance.now();
    place(
      Array.from({ length: 500 }, () => box),
      edges,
      SPACING,
    );
    expect(performance.now() - began).toBeLessThan(500);
  });
  it("lay out nothing, and what stands alone", () => {
    expect(place([], [], SPACING)).toMatchObject({ width: 0, height: 0 });
    const p = place([box, box], [], SPACING);
    expect(Math.abs((p.y[0] as number) - (p.y[1] as number))).toBeGreaterThanOrEqual(46);
  });
  it("are the nearest to what is wanted that keep order and distance", () => {
    expect([...spread([0, 0, 10], [0, 4, 4], [1, 1, 1])]).toEqual([-2, 2, 10]);
    expect([...spread([5, 5], [0, 2], [1, 1])]).toEqual([4, 6]);
  });
});

const task = (id: string, more: Partial<SchematicTask> = {}): SchematicTask => ({
  id,
  name: id,
  slug: id,
  mapped: false,
  ...more,
});
const tasks = [
  task("a", { type: "towpath.core.parameter.Parameter" }),
  task("b"),
  task("c", { mapped: true }),
  task("d"),
];
const edge = (from: string, to: string, key: string | null = "x") => ({
  upstream_task_id: from,
  downstream_task_id: to,
  key,
});

describe("the picture of a graph", () => {
  const picture = draw(tasks, [
    edge("a", "b"),
    edge("a", "b", "y"),
    edge("b", "c"),
    edge("gone", "c"),
    edge("a", "d", null),
  ]);
  it("has one line between two tasks, with all its keys, and none to what is not there", () => {
    expect(picture.lines.map((l) => [l.from, l.to, l.keys])).toEqual([
      [0, 1, ["x", "y"]],
      [1, 2, ["x"]],
      [0, 3, []],
    ]);
  });
  it("knows the kinds of boxes", () => {
    expect(picture.boxes.map((b) => b.shape)).toEqual(["parameter", "task", "mapped", "task"]);
    expect(shapeOf(task("m", { type: "towpath.tasks.control_flow.Merge" }))).toBe("branch");
  });
  it("knows what is upstream and downstream", () => {
    expect([...related(picture, 1).up].sort()).toEqual([0, 1]);
    expect([...related(picture, 1).down].sort()).toEqual([1, 2]);
  });
  it("can be walked by arrows and hit by a point", () => {
    expect(walk(picture, 0, "ArrowLeft")).toBeNull();
    const first = walk(picture, 0, "ArrowRight") as number;
    expect([1, 3]).toContain(first);
    expect(walk(picture, first, "ArrowLeft")).toBe(0);
    const other = walk(picture, first, "ArrowDown") ?? walk(picture, first, "ArrowUp");
    expect([1, 3]).toContain(other);
    const b = picture.boxes[2];
    expect(boxAt(picture, (b?.left ?? 0) + 1, (b?.top ?? 0) + 1)).toBe(2);
    expect(boxAt(picture, -50, -50)).toBeNull();
  });
  it("goes from top to bottom when it is asked to, arrows with it", () => {
    const down = draw(tasks, [edge("a", "b"), edge("b", "c"), edge("a", "d", null)], undefined, true);
    const at = (i: number) => down.boxes[i]?.top ?? 0;
    expect([at(0) < at(1), at(1) < at(2)]).toEqual([true, true]);
    const [x, y] = down.lines[0]?.points.at(-1) ?? [0, 0];
    expect([Math.round(x), y]).toEqual([
      Math.round((down.boxes[1]?.left ?? 0) + (down.boxes[1]?.width ?? 0) / 2),
      at(1),
    ]);
    expect(walk(down, 1, "ArrowUp")).toBe(0);
    expect(walk(down, 1, "ArrowDown")).toBe(2);
    expect(walk(down, 1, "ArrowLeft") ?? walk(down, 1, "ArrowRight")).toBe(3);
  });
  it("is opened where something happens", () => {
    expect(
      focusOf(
        picture,
        new Map([
          ["c", { state: "Running", counts: null }],
          ["b", { state: "Failed", counts: null }],
        ]),
      ),
    ).toBe(2);
    expect(focusOf(picture, new Map([["b", { state: "Failed", counts: null }]]))).toBe(1);
  });
});

describe("the camera", () => {
  const view = { width: 800, height: 400 };
  it("keeps the point under the pointer when it zooms", () => {
    const before = { x: 30, y: -20, scale: 1 };
    const after = zoomAt(before, 1.7, 200, 100);
    expect((200 - after.x) / after.scale).toBeCloseTo(170);
    expect((100 - after.y) / after.scale).toBeCloseTo(120);
    expect(zoomAt(before, 1_000, 0, 0).scale).toBe(2.5);
  });
  it("shows the whole picture in the middle, and never loses it", () => {
    expect(whole({ width: 1_600, height: 100 }, view, 0)).toEqual({ scale: 0.5, x: 0, y: 175 });
    expect(hold({ x: 5_000, y: -5_000, scale: 1 }, { width: 100, height: 100 }, view)).toEqual({
      x: 740,
      y: -40,
      scale: 1,
    });
  });
  it("moves only as far as a box needs to be seen", () => {
    const camera = { x: 0, y: 0, scale: 1 };
    expect(reveal(camera, { left: 100, top: 100, width: 50, height: 30 }, view)).toEqual(camera);
    expect(reveal(camera, { left: 900, top: 100, width: 50, height: 30 }, view)).toEqual({ x: -182, y: 0, scale: 1 });
  });
});
