"""The one place that reads a clock."""

from __future__ import annotations

import threading
import time


class SystemClock:
    """The machine's clocks behind the Clock port."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        return event.wait(max(0.0, seconds))
