"""How soon the next look may come: at once after a rest, and never so often that looking alone keeps a core busy.

A bucket of seconds spent on looks. It is full after a rest, so that a burst of events is seen as it comes; a cluster
that never rests empties it, and then looks wait until their share of the time allows the next one.
"""

from __future__ import annotations

COALESCE = 0.02
"""Least seconds between two looks: a burst of watch events becomes one look, the first event after a rest
is looked at immediately. Well below the 50 ms promised."""
SHARE = 0.01
"""Of the time, for looks in the long run: half of the 2 % of a core that 100 events a second may cost."""
SAVED = 2.0
"""Seconds of looking that a rest saves up at most: hundreds of looks at 5,000 pods."""
LONGEST = 1.0
"""Seconds that an event waits at most for its look, however dear the looks are."""


class LookPace:
    """For one loop. Times are monotonic seconds."""

    def __init__(self, now: float) -> None:
        self._left, self._counted_at = SAVED, now

    def rest_until(self, began: float, ended: float) -> float:
        """The time before which no look begins, after one that went on from `began` to `ended`."""
        earned = SHARE * max(0.0, ended - self._counted_at)
        self._left = min(SAVED, self._left + earned) - max(0.0, ended - began)
        self._left = max(self._left, -SHARE * LONGEST)
        self._counted_at = ended
        return ended + max(COALESCE, -self._left / SHARE)
