/** The order in which a flow's tasks are listed: upstream before downstream, stable while the run goes on. */

export interface Edge {
  readonly upstream_task_id: string;
  readonly downstream_task_id: string;
}

/** Position of each task: by depth in the graph, then by the order given. Ids of a cycle (there should be none) come last. */
export function topological(ids: readonly string[], edges: readonly Edge[]): Map<string, number> {
  const known = new Set(ids);
  const downstream = new Map<string, string[]>();
  const open = new Map<string, number>(ids.map((id) => [id, 0]));
  for (const e of edges) {
    if (!known.has(e.upstream_task_id) || !known.has(e.downstream_task_id)) continue;
    const list = downstream.get(e.upstream_task_id);
    if (list) list.push(e.downstream_task_id);
    else downstream.set(e.upstream_task_id, [e.downstream_task_id]);
    open.set(e.downstream_task_id, (open.get(e.downstream_task_id) ?? 0) + 1);
  }
  const position = new Map<string, number>();
  let layer = ids.filter((id) => open.get(id) === 0);
  while (layer.length > 0) {
    const next: string[] = [];
    for (const id of layer) {
      position.set(id, position.size);
      for (const down of downstream.get(id) ?? []) {
        const left = (open.get(down) ?? 0) - 1;
        open.set(down, left);
        if (left === 0) next.push(down);
      }
    }
    layer = next;
  }
  for (const id of ids) if (!position.has(id)) position.set(id, position.size);
  return position;
}
