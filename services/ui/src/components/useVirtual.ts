/** Draw only what is seen of a long list: offsets of rows of any height, and the slice that lies in the window of the scrolling element. */
import { type RefObject, useLayoutEffect, useMemo, useState } from "react";

export interface Slice {
  readonly from: number;
  readonly to: number;
  readonly total: number;
  readonly offsetOf: (index: number) => number;
}

/** offsets[i] is the top of row i; the last entry is the height of all. */
export function offsets(heights: readonly number[]): Float64Array {
  const tops = new Float64Array(heights.length + 1);
  for (let i = 0; i < heights.length; i += 1) tops[i + 1] = (tops[i] as number) + (heights[i] as number);
  return tops;
}

/** Index of the row at `y`. */
export function rowAt(tops: Float64Array, y: number): number {
  let low = 0;
  let high = Math.max(0, tops.length - 2);
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((tops[middle] as number) <= y) low = middle;
    else high = middle - 1;
  }
  return low;
}

export function useViewport(ref: RefObject<HTMLElement | null>): { top: number; height: number; width: number } {
  const [view, setView] = useState({ top: 0, height: 600, width: 600 });
  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return;
    let frame = 0;
    const take = () => {
      frame = 0;
      const next = { top: element.scrollTop, height: element.clientHeight, width: element.clientWidth };
      setView((old) => (old.top === next.top && old.height === next.height && old.width === next.width ? old : next));
    };
    const ask = () => {
      if (frame === 0) frame = requestAnimationFrame(take);
    };
    take();
    element.addEventListener("scroll", ask, { passive: true });
    const observer = new ResizeObserver(ask);
    observer.observe(element);
    return () => {
      cancelAnimationFrame(frame);
      element.removeEventListener("scroll", ask);
      observer.disconnect();
    };
  }, [ref]);
  return view;
}

export function useVirtual(heights: readonly number[], view: { top: number; height: number }, margin = 400): Slice {
  const tops = useMemo(() => offsets(heights), [heights]);
  const count = heights.length;
  const from = count === 0 ? 0 : rowAt(tops, Math.max(0, view.top - margin));
  const to = count === 0 ? 0 : Math.min(count, rowAt(tops, view.top + view.height + margin) + 1);
  return { from, to, total: tops[count] as number, offsetOf: (index) => tops[index] as number };
}
