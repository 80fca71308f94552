/** The one error of this page: a stable code and a sentence, as every service sends them. */

export class ApiError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.name = "ApiError";
    this.code = code;
  }
}

interface GraphQLErrorLike {
  readonly message?: string;
  readonly extensions?: { readonly code?: unknown };
}

export function fromGraphQL(errors: readonly GraphQLErrorLike[]): ApiError {
  const first = errors[0];
  const code = first?.extensions?.code;
  return new ApiError(
    typeof code === "string" ? code : "API_ERROR",
    first?.message ?? "The server refused without a reason.",
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
