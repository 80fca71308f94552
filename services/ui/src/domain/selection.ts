/** What is selected on the page of a run: a task, or one of its children. It stands in the address by the task's slug, which people can read. */

export interface Selection {
  readonly taskId: string;
  /** Of a mapped task's child; null for the task as a whole. */
  readonly mapIndex: number | null;
}

interface Named {
  readonly id: string;
  readonly name: string | null;
  readonly slug: string;
}

export function same(a: Selection | null, b: Selection | null): boolean {
  return a === b || (a !== null && b !== null && a.taskId === b.taskId && a.mapIndex === b.mapIndex);
}

export function fromQuery(tasks: readonly Named[], slug: string | null, child: string | null): Selection | null {
  const task = slug === null ? undefined : tasks.find((t) => t.slug === slug);
  if (!task) return null;
  const index = child !== null && /^\d{1,9}$/.test(child) ? Number(child) : null;
  return { taskId: task.id, mapIndex: index };
}

export function toQuery(
  tasks: readonly Named[],
  selection: Selection | null,
): { task: string | null; child: string | null } {
  const task = tasks.find((t) => t.id === selection?.taskId);
  return { task: task?.slug ?? null, child: task && selection?.mapIndex != null ? String(selection.mapIndex) : null };
}
