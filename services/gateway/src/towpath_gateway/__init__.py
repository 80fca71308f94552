"""The one URL of Towpath: identity, limits, routing, merging, subscriptions, the UI."""
