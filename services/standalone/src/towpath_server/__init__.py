"""The whole Towpath backend in one process, beside embedded PostgreSQL and NATS."""
