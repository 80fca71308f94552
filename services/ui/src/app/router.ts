/**
 * The addresses of this page. History routing: the gateway answers every such path with index.html. What a page is filtered by stands in the
 * query string, so that a view can be kept, sent and gone back to.
 */
import { type MouseEvent, useMemo, useSyncExternalStore } from "react";

export type Route =
  | { readonly page: "home" }
  | { readonly page: "runs" }
  | { readonly page: "flows" }
  | { readonly page: "agents" }
  | { readonly page: "agent"; readonly id: string }
  | { readonly page: "run"; readonly id: string }
  | { readonly page: "task-run"; readonly id: string }
  | { readonly page: "flow"; readonly id: string }
  | { readonly page: "lost"; readonly path: string };

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const OF_MANY: ReadonlySet<string> = new Set(["runs", "flows", "agents"]);
const OF_ONE: ReadonlySet<string> = new Set(["run", "task-run", "flow", "agent"]);

/** What Prefect 1's client calls a page in the links that it prints and keeps: /tenant/kind/id. */
const OF_PREFECT: ReadonlyMap<string | undefined, "run" | "task-run" | "flow"> = new Map([
  ["flow-run", "run"],
  ["task-run", "task-run"],
  ["flow", "flow"],
]);

export function routeOf(path: string): Route {
  const [page, id, ...more] = path.split("/").filter(Boolean);
  const [last, ...beyond] = more;
  const theirs = OF_PREFECT.get(id);
  if (theirs && last !== undefined && beyond.length === 0 && UUID.test(last))
    return { page: theirs, id: last.toLowerCase() };
  if (page === undefined) return { page: "home" };
  if (id === undefined && OF_MANY.has(page)) return { page: page as "runs" | "flows" | "agents" };
  if (id !== undefined && more.length === 0 && OF_ONE.has(page) && UUID.test(id))
    return { page: page as "run" | "task-run" | "flow" | "agent", id: id.toLowerCase() };
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

function changed(): void {
  for (const each of listeners) each();
}

export function usePath(): string {
  return useSyncExternalStore(subscribe, () => location.pathname);
}

/** What stands behind the "?" of the address; the same object until it changes. */
export function useQuery(): URLSearchParams {
  const search = useSyncExternalStore(
    subscribe,
    () => location.search,
    () => "",
  );
  return useMemo(() => new URLSearchParams(search), [search]);
}

export type QueryChange = Readonly<Record<string, string | readonly string[] | null>>;

/** The query string after a change: null and "" take a name out, a list gives it several times. Names keep their order. */
export function changedQuery(search: string, change: QueryChange): string {
  const query = new URLSearchParams(search);
  for (const [name, value] of Object.entries(change)) {
    query.delete(name);
    for (const each of typeof value === "string" ? [value] : (value ?? [])) if (each !== "") query.append(name, each);
  }
  const text = query.toString();
  return text === "" ? "" : `?${text}`;
}

/**
 * Change the query string of the page that is open. A choice is a step that "back" takes back; what changes with each letter typed
 * replaces the step it belongs to (`replace`).
 */
export function setQuery(change: QueryChange, { replace = false }: { readonly replace?: boolean } = {}): void {
  const search = changedQuery(location.search, change);
  if (search === location.search) return;
  if (replace) history.replaceState(history.state, "", location.pathname + search);
  else history.pushState(null, "", location.pathname + search);
  changed();
}

/** Go to a path of this page, with its query string if it has one; `replace` where the address left is only another name for it. */
export function navigate(to: string, { replace = false }: { readonly replace?: boolean } = {}): void {
  if (to === location.pathname + location.search) return;
  if (replace) history.replaceState(null, "", to);
  else history.pushState(null, "", to);
  window.scrollTo(0, 0);
  changed();
}

/** For links: a plain click stays in the page, a click with a modifier is the browser's. */
export function follow(event: MouseEvent<HTMLAnchorElement>): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)
    return;
  event.preventDefault();
  navigate(event.currentTarget.pathname + event.currentTarget.search);
}

export function runPath(id: string): string {
  return `/run/${id}`;
}

export function taskRunPath(id: string): string {
  return `/task-run/${id}`;
}

/** The page of a flow, by its group: the address outlives versions. (The id of a version leads there, too.) */
export function flowPath(flowGroupId: string): string {
  return `/flow/${flowGroupId}`;
}

export function agentPath(id: string): string {
  return `/agent/${id}`;
}
