/**
 * One GraphQL request over HTTP: reads and mutations. Knows the API key, when there is one, and learns from each answer how far the
 * server's clock is from the browser's. Does not retry: who asked decides.
 */
import { noteServerDate } from "./clock";
import { ApiError, fromGraphQL } from "./errors";
import { apiKey } from "./key";

export type Variables = Readonly<Record<string, unknown>>;

export async function request<T>(query: string, variables: Variables = {}, signal?: AbortSignal): Promise<T> {
  const headers: Record<string, string> = { "content-type": "application/json", accept: "application/json" };
  const key = apiKey();
  if (key) headers.authorization = `Bearer ${key}`;
  let response: Response;
  const asked = Date.now();
  try {
    response = await fetch("/graphql", {
      method: "POST",
      headers,
      body: JSON.stringify({ query, variables }),
      ...(signal ? { signal } : {}),
    });
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === "AbortError") throw cause;
    throw new ApiError("UNREACHABLE", "The server cannot be reached. Check that it is running: towpath server start.");
  }
  noteServerDate(response.headers.get("date"), asked, Date.now());
  let body: { data?: T | null; errors?: { message?: string; extensions?: { code?: unknown } }[] };
  try {
    body = await response.json();
  } catch {
    throw new ApiError(
      "API_ERROR",
      `The server answered ${response.status} without JSON. Is this address a Towpath gateway?`,
    );
  }
  if (body.errors && body.errors.length > 0) throw fromGraphQL(body.errors);
  if (!body.data) throw new ApiError("API_ERROR", `The server answered ${response.status} without data.`);
  return body.data;
}
