"""The Clock port without a clock: waiting is what makes time pass."""

from __future__ import annotations

import threading
from collections.abc import Callable


class FakeClock:
    """Starts at 2026-01-05 10:00 UTC, a Monday. Things scheduled with `at` happen while somebody waits."""

    def __init__(self, now: float = 1_767_607_200.0) -> None:
        self._wall = now
        self._elapsed = 0.0
        self._due: list[tuple[float, Callable[[], None]]] = []

    def now(self) -> float:
        return self._wall

    def monotonic(self) -> float:
        return self._elapsed

    def wait(self, event: threading.Event, seconds: float) -> bool:
        end = self._elapsed + max(0.0, seconds)
        while not event.is_set():
            next_due = min((when for when, _ in self._due), default=end)
            if next_due > end:
                break
            self._move(max(0.0, next_due - self._elapsed))
            self._run_due()
            if not self._due and self._elapsed >= end:
                break
        if not event.is_set():
            self._move(end - self._elapsed)
        return event.is_set()

    # ------------------------------------------------------------ controls

    def advance(self, seconds: float) -> None:
        """Let time pass, and what was due in it happen, each at its time."""
        self.wait(threading.Event(), seconds)

    def step_wall(self, seconds: float) -> None:
        """An administrator (or NTP) steps the wall clock; monotonic time does not notice."""
        self._wall += seconds

    def at(self, seconds_from_now: float, happen: Callable[[], None]) -> None:
        """Schedule something in the world."""
        self._due.append((self._elapsed + seconds_from_now, happen))

    def _move(self, seconds: float) -> None:
        self._elapsed += seconds
        self._wall += seconds

    def _run_due(self) -> None:
        due = sorted((item for item in self._due if item[0] <= self._elapsed), key=lambda item: item[0])
        self._due = [item for item in self._due if item[0] > self._elapsed]
        for _, happen in due:
            happen()
