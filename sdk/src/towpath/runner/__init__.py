"""The runner: starts the processes of runs on this machine and looks after them (architecture §8.4).

`main` is the zygote and supervisor: one thread, no user code, towpath imported once, a fork per run. `child` is what a fork (or a fresh
interpreter, or a container) does for one run. `courier` speaks to the API for the zygote, so that the zygote never waits. `link` is how an
agent reaches the runner of a directory: it finds the live one or starts one. A runner outlives its agents; its children do not outlive it.
"""
