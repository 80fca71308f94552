/**
 * Looking around in a picture: drag and wheel, two fingers, keys. Zoom stays around the pointer. The wheel is taken only where the page
 * itself cannot scroll, where the picture has the focus, or with Ctrl (which is also what a pinch on a touchpad sends).
 */
import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { type Camera, type Extent, hold, panBy, whole, zoomAt } from "../domain/camera";

export interface Looking {
  readonly camera: Camera;
  readonly view: Extent;
  /** True once the view is measured and the first camera is set. */
  readonly ready: boolean;
  readonly moving: boolean;
  readonly set: (next: (camera: Camera, view: Extent) => Camera) => void;
  readonly fitAll: () => void;
  readonly zoom: (factor: number) => void;
}

const START: Camera = { x: 0, y: 0, scale: 1 };

export function useCamera(
  ref: RefObject<HTMLElement | null>,
  picture: Extent,
  first: (view: Extent) => Camera,
): Looking {
  const [state, setState] = useState({ camera: START, view: { width: 0, height: 0 }, ready: false });
  const [moving, setMoving] = useState(false);
  const at = useRef({ picture, first, touched: false });
  at.current.picture = picture;
  at.current.first = first;

  const set = useCallback((next: (camera: Camera, view: Extent) => Camera) => {
    at.current.touched = true;
    setState((old) => ({ ...old, camera: hold(next(old.camera, old.view), at.current.picture, old.view) }));
  }, []);
  const fitAll = useCallback(() => set((_, view) => whole(at.current.picture, view)), [set]);
  const zoom = useCallback((factor: number) => set((c, v) => zoomAt(c, factor, v.width / 2, v.height / 2)), [set]);

  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return;
    const take = () => {
      const view = { width: element.clientWidth, height: element.clientHeight };
      if (view.width === 0 || view.height === 0) return;
      setState((old) => {
        if (old.ready && old.view.width === view.width && old.view.height === view.height) return old;
        // Until somebody looks around, a picture that changes its size stays as it was first shown.
        return { view, ready: true, camera: at.current.touched ? old.camera : at.current.first(view) };
      });
    };
    take();
    const observer = new ResizeObserver(take);
    observer.observe(element);
    return () => observer.disconnect();
  }, [ref]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: another picture is looked at anew
  useLayoutEffect(() => {
    at.current.touched = false;
    setState((old) => (old.ready ? { ...old, camera: at.current.first(old.view) } : old));
  }, [picture.width, picture.height]);

  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    const fingers = new Map<number, { x: number; y: number }>();
    let dragged = 0;
    const place = (e: PointerEvent | WheelEvent) => {
      const box = element.getBoundingClientRect();
      return { x: e.clientX - box.left, y: e.clientY - box.top };
    };
    const down = (e: PointerEvent) => {
      if (e.button !== 0 || (e.target as Element).closest("button")) return;
      fingers.set(e.pointerId, place(e));
      dragged = 0;
    };
    const move = (e: PointerEvent) => {
      const before = fingers.get(e.pointerId);
      if (!before) return;
      const now = place(e);
      const other = [...fingers].find(([id]) => id !== e.pointerId)?.[1];
      fingers.set(e.pointerId, now);
      dragged += Math.abs(now.x - before.x) + Math.abs(now.y - before.y);
      if (dragged < 4) return;
      if (!element.hasPointerCapture(e.pointerId)) element.setPointerCapture(e.pointerId);
      setMoving(true);
      if (!other) return set((c) => panBy(c, now.x - before.x, now.y - before.y));
      const far = (p: { x: number; y: number }) => Math.max(1, Math.hypot(p.x - other.x, p.y - other.y));
      set((c) => zoomAt(c, far(now) / far(before), (now.x + other.x) / 2, (now.y + other.y) / 2));
    };
    const up = (e: PointerEvent) => {
      fingers.delete(e.pointerId);
      if (fingers.size === 0) setMoving(false);
    };
    // What ends a drag is no click.
    const click = (e: MouseEvent) => {
      if (dragged >= 4) e.stopPropagation();
      dragged = 0;
    };
    const wheel = (e: WheelEvent) => {
      const page = document.scrollingElement;
      const free = !page || page.scrollHeight <= page.clientHeight + 1;
      if (!e.ctrlKey && !free && !element.contains(document.activeElement)) return;
      e.preventDefault();
      const step = e.deltaMode === 1 ? 16 : 1;
      const [dx, dy] = [e.deltaX * step, e.deltaY * step];
      const { x, y } = place(e);
      if (e.shiftKey || Math.abs(dx) > Math.abs(dy)) set((c) => panBy(c, -(dx || dy), 0));
      else set((c) => zoomAt(c, Math.exp(-Math.max(-120, Math.min(120, dy)) * (e.ctrlKey ? 0.01 : 0.0022)), x, y));
    };
    element.addEventListener("pointerdown", down);
    element.addEventListener("pointermove", move);
    element.addEventListener("pointerup", up);
    element.addEventListener("pointercancel", up);
    element.addEventListener("click", click, true);
    element.addEventListener("wheel", wheel, { passive: false });
    return () => {
      element.removeEventListener("pointerdown", down);
      element.removeEventListener("pointermove", move);
      element.removeEventListener("pointerup", up);
      element.removeEventListener("pointercancel", up);
      element.removeEventListener("click", click, true);
      element.removeEventListener("wheel", wheel);
    };
  }, [ref, set]);

  return { camera: state.camera, view: state.view, ready: state.ready, moving, set, fitAll, zoom };
}
