/** The one error of this page: a stable code and a sentence, as every service sends them. */

export class ApiError extends Error {
  readonly code: string;
  /** Further fields that the server sent for programs, such as the names of the parameters that it refused. */
  readonly detail: Readonly<Record<string, unknown>>;
  constructor(code: string, message: string, detail: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.name = "ApiError";
    this.code = code;
    this.detail = detail;
  }
}

interface GraphQLErrorLike {
  readonly message?: string;
  readonly extensions?: { readonly code?: unknown } & Readonly<Record<string, unknown>>;
}

export function fromGraphQL(errors: readonly GraphQLErrorLike[]): ApiError {
  const first = errors[0];
  const code = first?.extensions?.code;
  return new ApiError(
    typeof code === "string" ? code : "API_ERROR",
    first?.message ?? "The server refused without a reason.",
    first?.extensions,
  );
}

export function asApiError(cause: unknown): ApiError {
  if (cause instanceof ApiError) return cause;
  if (Array.isArray(cause)) return fromGraphQL(cause as GraphQLErrorLike[]);
  return new ApiError(
    "UNREACHABLE",
    "The server cannot be reached. The page goes on by itself as soon as it answers again.",
  );
}
