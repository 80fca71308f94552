/** Lists and counts as people read them. */

/** "a", "a and b", "a, b and c". */
export function listed(items: readonly string[], last = "and"): string {
  if (items.length < 2) return items[0] ?? "";
  return `${items.slice(0, -1).join(", ")} ${last} ${items.at(-1)}`;
}

/** "1 task", "3 tasks", "10,000 tasks". */
export function counted(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
}

export function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

export function lowered(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}

const ORDINALS = ["last", "first", "second", "third", "fourth", "fifth"];

/** "second"; 0 is "last". */
export function ordinal(n: number): string {
  return ORDINALS[n] ?? `${n}th`;
}
