/**
 * Questions about states that every view asks: families, glyphs, what may be done. The states themselves come from proto
 * (src/generated/states.ts); a state that this page does not know is shown by its name and counts as not final.
 */
import { STATE_KINDS, type StateKind, type StateName } from "../generated/states";

/** The few families that the page sorts, counts and draws by. Order is the order of legends. */
export const FAMILIES = ["running", "waiting", "success", "failed", "cancelled"] as const;
export type Family = (typeof FAMILIES)[number];

export const FAMILY_LABEL: Record<Family, string> = {
  running: "Under way",
  waiting: "Waiting",
  success: "Success",
  failed: "Failed",
  cancelled: "Cancelled",
};

export const STATE_NAMES = Object.keys(STATE_KINDS) as readonly StateName[];

const UNKNOWN: StateKind = {
  parent: null,
  final: false,
  color: "#8a94a6",
  meaning: "A state this page does not know.",
};

export function kindOf(state: string): StateKind {
  return Object.hasOwn(STATE_KINDS, state) ? STATE_KINDS[state as StateName] : UNKNOWN;
}

export function isA(state: string, ancestor: StateName): boolean {
  for (let at: string | null = state; at !== null; at = kindOf(at).parent) if (at === ancestor) return true;
  return false;
}

export function isFinal(state: string): boolean {
  return kindOf(state).final;
}

export function familyOf(state: string): Family {
  if (isA(state, "Pending")) return "waiting";
  if (isA(state, "Running") || state === "Submitted") return "running";
  if (isA(state, "Failed") || state === "ClientFailed") return "failed";
  if (state === "Cancelled") return "cancelled";
  if (isA(state, "Finished")) return "success";
  return "waiting";
}

/** Kinds of the families whose flow runs have not been taken by an agent yet: the coming ones of the pulse strip. */
export const WAITING_STATES: readonly string[] = Object.keys(STATE_KINDS).filter((s) => isA(s, "Pending"));

/** Kinds that come with words worth reading. */
export const TROUBLED_STATES: readonly string[] = Object.keys(STATE_KINDS).filter(
  (s) => isA(s, "Failed") || s === "Cancelled" || s === "Retrying" || s === "ClientFailed",
);

export function canCancel(state: string): boolean {
  return !isFinal(state) && state !== "Cancelling";
}

export function canRestart(state: string): boolean {
  return isA(state, "Failed") || state === "Cancelled";
}

/** How many runs each family has, in one pass. */
export function countFamilies(states: Iterable<string>): Record<Family, number> {
  const counts: Record<Family, number> = { running: 0, waiting: 0, success: 0, failed: 0, cancelled: 0 };
  for (const state of states) counts[familyOf(state)] += 1;
  return counts;
}
