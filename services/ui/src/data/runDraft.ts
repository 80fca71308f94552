/** What somebody has typed into a form for a run: kept in session storage, one a flow, so that nothing is lost by an error or a closed form. */
import { type Draft, EMPTY } from "../domain/runForm";

const nameOf = (group: string) => `towpath.run-draft.${group}`;

export interface Kept {
  readonly draft: Draft;
  /** When it was last changed. */
  readonly at: number;
}

export function keptDraft(group: string): Kept | null {
  try {
    const kept = JSON.parse(sessionStorage.getItem(nameOf(group)) ?? "null") as Kept | null;
    return kept === null ? null : { at: kept.at, draft: { ...EMPTY, ...kept.draft } };
  } catch {
    return null;
  }
}

export function keepDraft(group: string, draft: Draft, at: number): void {
  try {
    sessionStorage.setItem(nameOf(group), JSON.stringify({ draft, at }));
  } catch {
    // storage that is full or forbidden: the form works, it only forgets
  }
}

export function dropDraft(group: string): void {
  sessionStorage.removeItem(nameOf(group));
}

/** A key that makes one wish one run, however often it is sent. (randomUUID needs a secure context, which a LAN address is not.) */
export function newKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");
}
