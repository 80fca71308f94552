"""Towpath agent that runs flows as processes of this machine."""
