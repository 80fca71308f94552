/** What people do, sent once. An answer that says no is an error with the server's words. */
import { asApiError } from "../api/errors";
import { request, type Variables } from "../api/http";
import { CANCEL, RENAME, RESTART } from "./documents/run";

/** Send a mutation that answers with `success` and `error`; `silent` is said where the server refuses without a reason. */
export async function act(mutation: string, variables: Variables, silent: string): Promise<void> {
  const answer = await request<Record<string, { success: boolean; error: string | null }>>(mutation, variables);
  const [said] = Object.values(answer);
  if (!said?.success) throw asApiError([{ message: said?.error ?? silent }]);
}

export async function cancelRun(id: string): Promise<void> {
  await request(CANCEL, { id });
}

export function restartRun(id: string): Promise<void> {
  return act(RESTART, { id }, "The server did not restart the run.");
}

export function renameRun(id: string, name: string): Promise<void> {
  return act(RENAME, { id, name }, "The server did not rename the run.");
}
