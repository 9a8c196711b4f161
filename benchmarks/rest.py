"""Waiting until the machine rests: on two cores the controllers that finish one change would be measured with
the next one."""

from __future__ import annotations

import time
from pathlib import Path

BUSY = 0.15
"""Share of all cores above which the machine does not rest. A kwok cluster of 5,000 pods that nobody changes
stays below it."""
WINDOW = 0.25
"""Seconds over which the share is taken; clock ticks are 0.01."""


def wait_for_rest(seconds: float = 5.0) -> bool:
    """Sleep until the machine was at rest for a WINDOW; false where that did not come in time (somebody else
    loads it)."""
    end = time.monotonic() + seconds
    while busy_share(WINDOW) > BUSY:
        if time.monotonic() > end:
            return False
    return True


def busy_share(seconds: float) -> float:
    """Share of all cores' time that was neither idle nor waiting for disks, over so many seconds from now."""
    idle, total = _ticks()
    time.sleep(seconds)
    idle_then, total_then = _ticks()
    return 1 - (idle_then - idle) / max(1, total_then - total)


def _ticks() -> tuple[int, int]:
    fields = [int(each) for each in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return fields[3] + fields[4], sum(fields)
