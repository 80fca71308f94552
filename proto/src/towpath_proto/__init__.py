"""The vocabulary of Towpath.

States and their legal moves, error codes, the GraphQL SDL of the business service, NATS subjects and event schemas, what a schedule
means, and how a GraphQL request is put on the wire. Everybody reads this package; it reads nobody. It holds no I/O.
"""

__version__ = "0.1.0"
