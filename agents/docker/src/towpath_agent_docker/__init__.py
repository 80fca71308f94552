"""Towpath agent that runs flows as containers of a Docker engine."""
