"""Towpath agent that runs flows as Jobs of a Kubernetes cluster."""
