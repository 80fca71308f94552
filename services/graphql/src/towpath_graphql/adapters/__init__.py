"""The outside of the business service: PostgreSQL and the outbox relay."""
