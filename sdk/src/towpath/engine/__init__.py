"""The run engine: an event-driven ready-queue over a static graph.

`plan` turns a flow into arrays; `task_pipeline` and `flow_pipeline` decide what happens next and touch nothing; `coordinator` keeps the
ready-queue, alone reports states, and hands work to an executor; `execution` is what runs where the work is done.
"""
