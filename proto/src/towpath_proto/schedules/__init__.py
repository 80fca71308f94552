"""What a schedule means: pure functions from a schedule's JSON and an instant to the next fire times.

The JSON is the one Prefect 1 writes (clocks, filters, adjustments), so flows of either SDK can be scheduled. The SDK validates and
previews with this package and the scheduler service makes runs with it; both therefore mean the same. Nothing here reads a clock, a
file (but the time zone database) or the network, and nothing remembers what has fired.

The rule for days on which clocks change
----------------------------------------
A clock lives in the zone of its `start_date` (UTC if it has none). `zoneinfo` is the only source of offsets.

1. *A wall time names one instant*: the one it has under the offset in force before the change (PEP 495, `fold=0`). So a wall time that
   occurs twice fires once, at its first occurrence, and a wall time that is left out fires once, later by the length of the gap:
   02:30 on a spring day fires at 03:30 summer time, which is 24 hours after the fire of the day before. Two wall times that come to
   the same instant (02:00 and 03:00 of `0 * * * *` that day) fire once.
2. *A cron that is a cadence follows elapsed time.* An expression whose hour field covers every hour and which fires more than once an
   hour (`*/15 * * * *`) means "every so many minutes": it fires at each instant whose wall time matches, so in both passes of a
   repeated hour, and not for wall times that are left out. Every other expression, `0 * * * *` too, names wall times: rule 1.
3. *An interval keeps whole days on the wall clock and the rest in elapsed time.* The k-th fire is `start + k * days` by the wall clock
   (rule 1), plus `k * (interval - days)` of elapsed time: one day keeps its hour all year, 24 fires of one hour are 24 hours.
   The adjustment `add` follows the same rule.

Order and limits
----------------
Fires come in time order, those of one instant ordered by clock key; two fires of one instant with the same parameter defaults and labels
are one. `start_date` and `end_date` are inclusive, `after` is exclusive. A clock's key is a hash of its content, so it survives a
reordering of the clocks and a round trip through another JSON writer. At most `EXAMINED` candidates are looked at in one call, since
filters may refuse nearly all; `Outlook` says how far the look reached and whether the schedule is over.

Refused, with `BAD_SCHEDULE` and a sentence that names the field: unknown clocks, custom filter functions, `RRuleClock` (a recurrence
rule that never matches cannot be told from a slow one in bounded time), random (`R`), hashed (`H`) and nearest-weekday (`W`) crons, and
everything that would fire more than once a minute.
"""

from towpath_proto.schedules._parse import parse
from towpath_proto.schedules._schedule import EXAMINED, Fire, Outlook, Schedule

__all__ = ["EXAMINED", "Fire", "Outlook", "Schedule", "parse"]
