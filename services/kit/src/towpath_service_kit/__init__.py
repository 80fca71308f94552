"""What every Towpath service shares: configuration, health, identity, the event bus, loops."""
