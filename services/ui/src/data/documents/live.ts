/**
 * The subscription that keeps a read true. Every GraphQL document that this page sends stands in this folder, one module per room, with the
 * shape of its answer. Reads are in the dialect of Hasura v2; a document has one named operation, so that it can travel as the text argument
 * of `live`, too.
 */

export interface LiveData<T> {
  readonly live: {
    readonly data: T | null;
    readonly errors: readonly { message?: string; extensions?: { code?: unknown } }[] | null;
  };
}

export const LIVE = `subscription Live($query: String!, $variables: JSON) {
  live(query: $query, variables: $variables) { data errors }
}`;
