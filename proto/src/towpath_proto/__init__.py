"""The vocabulary of Towpath: states, error codes, GraphQL SDL, event schemas, schedules and the wire format."""
