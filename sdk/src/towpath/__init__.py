"""Towpath: author flows, run them, talk to a Towpath backend."""
