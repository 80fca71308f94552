"""GraphQL subscriptions over WebSockets: the protocol, the hints from NATS, and what each field sends."""
