"""A read engine for PostgreSQL in the Hasura v2 dialect of GraphQL."""
