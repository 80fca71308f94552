"""The timers of Towpath, in seconds, in one place (architecture §4).

Leases are measured on the database's clock. A service may override a timer by its setting; these are the defaults and the values that
the documentation states.
"""

BEAT = 5.0
"""A native run's supervisor renews its lease this often."""
LEASE = 15.0
"""Length of the lease of a native run, and of an agent."""
LEASE_PREFECT1 = 90.0
"""Length of the lease of a run of an unmodified Prefect 1 client, which beats each 30 s."""
REAP_SWEEP = 3.0
"""The zombie killer sleeps to the next expiry, and never longer than this."""
SWEEP = 5.0
"""Fallback sweep of the scheduler, of lazarus and of agents when no event wakes them."""
CANCEL_GRACE = 10.0
"""Time between the polite signal and SIGKILL when a run is cancelled."""
LAUNCH_DEADLINE_LOCAL = 30.0
"""A local agent must have its claimed run begun within this time."""
LAUNCH_DEADLINE_CONTAINER = 600.0
"""The same for agents that start containers, which may have to pull an image."""
MAX_LIVES = 3
"""How often lazarus or a crash may put one attempt of a run back into the queue."""
LIFE_BACKOFF = 5.0
"""The n-th life (n = 0, 1, 2) begins after `LIFE_BACKOFF * 2**n`."""
SCHEDULE_AHEAD = 10
"""Runs kept scheduled ahead for each active schedule."""
AGENT_ALIVE = 60.0
"""An agent that has not asked for this long counts as gone in messages and pages."""
ASK_AGAIN = 1.0
"""A native run's process whose tasks wait for a slot asks again after this."""
ASK_AGAIN_PREFECT1 = 30.0
"""A Prefect 1 client that was told to wait for a slot asks again after this (its own `cloud.queue_interval`)."""
RETRY_IN_PROCESS = 600.0
"""A retry due within this time is waited for inside the run's process; a later one ends the process."""
