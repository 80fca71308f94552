/** The two addresses of this page: `/` and `/run/<id>`. History routing; the gateway answers every such path with index.html. */
import { type MouseEvent, useSyncExternalStore } from "react";

export type Route =
  | { readonly page: "home" }
  | { readonly page: "run"; readonly id: string }
  | { readonly page: "lost"; readonly path: string };

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export function routeOf(path: string): Route {
  const parts = path.split("/").filter(Boolean);
  if (parts.length === 0) return { page: "home" };
  if (parts.length === 2 && parts[0] === "run" && UUID.test(parts[1] as string))
    return { page: "run", id: (parts[1] as string).toLowerCase() };
  return { page: "lost", path };
}

const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  window.addEventListener("popstate", listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener("popstate", listener);
  };
}

export function usePath(): string {
  return useSyncExternalStore(subscribe, () => location.pathname);
}

export function navigate(path: string): void {
  if (path === location.pathname) return;
  history.pushState(null, "", path);
  window.scrollTo(0, 0);
  for (const each of listeners) each();
}

/** For links: a plain click stays in the page, a click with a modifier is the browser's. */
export function follow(event: MouseEvent<HTMLAnchorElement>): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)
    return;
  event.preventDefault();
  navigate(event.currentTarget.pathname);
}

export function runPath(id: string): string {
  return `/run/${id}`;
}
