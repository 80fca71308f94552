"""Authoring: tasks, parameters, and the graph that a flow makes of them. Nothing here runs anything or reaches outside the process."""
