"""Checks every hop between this machine and a running task: `finding` holds a result, `hops` the checks in order, `examine` runs them."""
