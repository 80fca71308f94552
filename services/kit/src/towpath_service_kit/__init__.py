"""What every Towpath service shares: configuration, health, identity, the event bus, loops.

Import from the modules; each has one subject and says what it refuses to do:
`settings` `identity` `stimulus` `logs` `metrics` `health` `service` `upstream` `bus` `clock` `loops` `signals` `client`,
and for tests `testing`.
Nothing is imported here, so that a process loads only what it uses.
"""
