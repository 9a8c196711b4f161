"""Several samples at a time, none of which gets into another's way.

A lane takes the first waiting sample whose claims nobody holds.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from gym.run.plan import Job
from gym.run.watch import Stopped


class Lanes:
    """Runs jobs on `number` threads; `run` returns when all have ended or the first error came."""

    def __init__(self, number: int, work: Callable[[Job], None], stop: threading.Event) -> None:
        self._number, self._work, self._stop = number, work, stop
        self._changed = threading.Condition()
        self._waiting: list[Job] = []
        self._held: dict[int, frozenset[str]] = {}
        self._errors: list[BaseException] = []

    def run(self, jobs: Sequence[Job]) -> None:
        """Raises the first error of any lane, after the others have ended. KeyboardInterrupt stops all lanes."""
        self._waiting = list(jobs)
        threads = [
            threading.Thread(target=self._lane, args=(number,), name=f"lane {number}", daemon=True)
            for number in range(self._number)
        ]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                while thread.is_alive():
                    thread.join(0.2)
        except BaseException:
            self._end()
            for thread in threads:
                thread.join(30)
            raise
        if self._errors:
            raise self._errors[0]

    def _lane(self, number: int) -> None:
        try:
            while (job := self._next(number)) is not None:
                self._work(job)
                with self._changed:
                    del self._held[number]
                    self._changed.notify_all()
        except Stopped:
            return
        except BaseException as error:  # noqa: BLE001 - raised again by `run`, in the thread that asked
            self._errors.append(error)
            self._end()

    def _end(self) -> None:
        self._stop.set()
        with self._changed:
            self._changed.notify_all()

    def _next(self, number: int) -> Job | None:
        with self._changed:
            while self._waiting and not self._stop.is_set():
                job = self._runnable()
                if job is not None:
                    self._waiting.remove(job)
                    self._held[number] = job.claims
                    return job
                self._changed.wait(1.0)
        return None

    def _runnable(self) -> Job | None:
        held = frozenset().union(*self._held.values())
        return next((job for job in self._waiting if not job.claims & held), None)
