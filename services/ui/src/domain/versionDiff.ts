/** What changed from one version of a flow to the next, computed from both graphs and what was registered with them. Pure. */
import type { ParameterJson } from "./parameters";
import { canonical, shown } from "./parameters";
import type { ScheduleJson } from "./scheduleWords";
import { scheduleLine } from "./scheduleWords";
import { counted } from "./words";

export interface TaskFacts {
  readonly slug: string;
  readonly name: string | null;
  readonly type: string | null;
  readonly mapped: boolean;
  readonly max_retries: number;
  readonly retry_delay: string | null;
  readonly trigger: string | null;
  readonly tags: readonly string[];
  readonly is_reference_task: boolean;
}

export interface VersionFacts {
  readonly tasks: readonly TaskFacts[];
  /** Ends by slug. */
  readonly edges: readonly { readonly from: string; readonly to: string; readonly key: string | null }[];
  readonly parameters: readonly ParameterJson[];
  readonly schedule: ScheduleJson | null;
  readonly code_hash: string | null;
  readonly storage: unknown;
  readonly description: string | null;
}

export interface Change {
  readonly sign: "+" | "−" | "~";
  readonly what: string;
  readonly detail: string | null;
}

const FACTS = [
  ["type", "type"],
  ["mapped", "mapped"],
  ["max_retries", "retries"],
  ["retry_delay", "retry delay"],
  ["trigger", "trigger"],
  ["tags", "tags"],
  ["is_reference_task", "reference task"],
] as const;

const last = (dotted: unknown) => (typeof dotted === "string" ? (dotted.split(".").at(-1) as string) : shown(dotted));

function said(fact: (typeof FACTS)[number][0], value: unknown): string {
  if (value === null || value === undefined) return "none";
  if (fact === "type" || fact === "trigger") return last(value);
  if (fact === "tags") return (value as string[]).join(", ") || "none";
  return typeof value === "boolean" ? (value ? "yes" : "no") : String(value);
}

function tasksChanged(before: VersionFacts, after: VersionFacts): Change[] {
  const old = new Map(before.tasks.map((t) => [t.slug, t]));
  const changes: Change[] = [];
  for (const task of after.tasks) {
    const was = old.get(task.slug);
    old.delete(task.slug);
    if (!was) {
      changes.push({ sign: "+", what: `task ${task.name ?? task.slug}`, detail: task.mapped ? "mapped" : null });
      continue;
    }
    const differ = FACTS.filter(([fact]) => canonical(was[fact]) !== canonical(task[fact])).map(
      ([fact, word]) => `${word} ${said(fact, was[fact])} → ${said(fact, task[fact])}`,
    );
    if (differ.length > 0)
      changes.push({ sign: "~", what: `task ${task.name ?? task.slug}`, detail: differ.join(", ") });
  }
  for (const task of old.values()) changes.push({ sign: "−", what: `task ${task.name ?? task.slug}`, detail: null });
  return changes;
}

function edgesChanged(before: VersionFacts, after: VersionFacts): Change[] {
  const key = (e: VersionFacts["edges"][number]) => canonical([e.from, e.to, e.key]);
  const known = (v: VersionFacts) => new Set(v.tasks.map((t) => t.slug));
  const [was, is] = [known(before), known(after)];
  // An edge of a task that came or went is told by that task.
  const count = (of: VersionFacts, than: VersionFacts) => {
    const there = new Set(than.edges.map(key));
    return of.edges.filter((e) => !there.has(key(e)) && [e.from, e.to].every((s) => was.has(s) && is.has(s))).length;
  };
  const [added, removed] = [count(after, before), count(before, after)];
  return [
    ...(added > 0 ? [{ sign: "+" as const, what: counted(added, "edge"), detail: null }] : []),
    ...(removed > 0 ? [{ sign: "−" as const, what: counted(removed, "edge"), detail: null }] : []),
  ];
}

const defaultOf = (p: ParameterJson) => (p.required ? "required" : `default ${shown(p.default ?? null)}`);

function parametersChanged(before: VersionFacts, after: VersionFacts): Change[] {
  const old = new Map(before.parameters.map((p) => [p.name, p]));
  const changes: Change[] = [];
  for (const parameter of after.parameters) {
    const was = old.get(parameter.name);
    old.delete(parameter.name);
    if (!was) changes.push({ sign: "+", what: `parameter ${parameter.name}`, detail: defaultOf(parameter) });
    else if (defaultOf(was) !== defaultOf(parameter))
      changes.push({
        sign: "~",
        what: `parameter ${parameter.name}`,
        detail: `${defaultOf(was)} → ${defaultOf(parameter)}`,
      });
    else if (canonical(was.schema ?? null) !== canonical(parameter.schema ?? null))
      changes.push({ sign: "~", what: `parameter ${parameter.name}`, detail: "its type or description" });
  }
  for (const name of old.keys()) changes.push({ sign: "−", what: `parameter ${name}`, detail: null });
  return changes;
}

function scheduleChanged(before: VersionFacts, after: VersionFacts): Change[] {
  if (canonical(before.schedule) === canonical(after.schedule)) return [];
  const [was, is] = [scheduleLine(before.schedule), scheduleLine(after.schedule)];
  if (was === null) return [{ sign: "+", what: "schedule", detail: is }];
  if (is === null) return [{ sign: "−", what: "schedule", detail: was }];
  return [
    { sign: "~", what: "schedule", detail: was === is ? "in its parameters, labels or bounds" : `${was} → ${is}` },
  ];
}

/** All that changed, in the order in which it is told; empty when nothing that is registered did. */
export function changesOf(before: VersionFacts, after: VersionFacts): Change[] {
  const changes = [
    ...tasksChanged(before, after),
    ...edgesChanged(before, after),
    ...parametersChanged(before, after),
    ...scheduleChanged(before, after),
  ];
  const plain = (what: string, a: unknown, b: unknown) => {
    if (canonical(a) !== canonical(b)) changes.push({ sign: "~", what, detail: null });
  };
  plain("code", before.code_hash, after.code_hash);
  plain("storage", before.storage, after.storage);
  plain("description", before.description, after.description);
  return changes;
}
