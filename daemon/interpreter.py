"""Settings of the Python interpreter for a process whose threads must not wait for each other."""

from __future__ import annotations

import gc
import sys

SWITCH_SECONDS = 0.0005
"""How long a computing thread keeps the interpreter while another wants it. Python's 5 ms would be paid after every
answer of the API server while a look computes: about fifteen times in one fix."""


def prefer_latency() -> None:
    """Call once, after imports and before the loops: what is loaded by then is never garbage, and to look
    through its 90,000 objects again stops every thread for 30 to 50 ms."""
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.collect()
    gc.freeze()
