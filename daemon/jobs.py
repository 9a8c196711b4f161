"""The slower jobs on APScheduler: what each is called, how often it runs, and what is said where it does not.

A turn that falls into a running one is left out: the job looks at the world as it is when it next begins, so
nothing is lost. That is usual where a job waits (for the model's turn, say), so it is counted, not logged. A
job that does not end is logged once, and shows in a gauge as long as it lasts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from apscheduler.events import EVENT_JOB_MAX_INSTANCES, JobSubmissionEvent
from apscheduler.schedulers.background import BackgroundScheduler
from prometheus_client import CollectorRegistry, Counter, Gauge

from daemon.ports import Clock
from store.errors import StoreError

log = structlog.get_logger("intentd")

HANGS_AFTER = 300.0
"""Seconds after which a turn is called hanging: more than twice the longest wait of a job, for the model's turn
and then its answer (model.timeout each, 60 s unless set)."""


@dataclass(slots=True)
class _Turn:
    """One job's running turn: when it began (monotonic), and whether it was called hanging."""

    since: float | None = None
    told: bool = False


class Jobs:
    """Runs named jobs, each at its interval and never twice at a time."""

    def __init__(self, clock: Clock, registry: CollectorRegistry) -> None:
        self._clock = clock
        self._turns: dict[str, _Turn] = {}
        self._skipped = Counter(
            "intentd_job_turns_skipped",
            "Turns of a slower job that fell into a running one.",
            ["job"],
            registry=registry,
        )
        self._running = Gauge(
            "intentd_job_running_seconds",
            "How long a slower job's turn has been running; 0 between two.",
            ["job"],
            registry=registry,
        )
        quiet = logging.getLogger("apscheduler.scheduler")
        quiet.addFilter(_no_skips)
        self._scheduler = BackgroundScheduler(
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone="UTC",
            logger=quiet,
        )
        self._scheduler.add_listener(self._skip, EVENT_JOB_MAX_INSTANCES)

    def every(self, seconds: float, name: str, job: Callable[[], object]) -> None:
        """Have a job run at this interval. One that fails is logged by APScheduler and runs again next time."""
        turn = self._turns[name] = _Turn()
        self._running.labels(name).set_function(lambda: self._seconds(turn))
        self._skipped.labels(name)
        self._scheduler.add_job(lambda: self._run(name, job), "interval", seconds=seconds, id=name)

    def start(self) -> None:
        """Begin; the first turn of each comes after its interval."""
        self._scheduler.start()

    def stop(self) -> None:
        """No further turns; one that runs is not waited for."""
        self._scheduler.shutdown(wait=False)

    def _run(self, name: str, job: Callable[[], object]) -> None:
        turn = self._turns[name]
        turn.since, turn.told = self._clock.monotonic(), False
        try:
            job()
        except StoreError as error:
            log.warning("a job waits for the database", job=name, error=str(error))
        finally:
            if turn.told:
                log.info(
                    "a job that was called hanging has ended", job=name, seconds=round(self._seconds(turn))
                )
            turn.since = None

    def _skip(self, event: JobSubmissionEvent) -> None:
        turn = self._turns[event.job_id]
        self._skipped.labels(event.job_id).inc()
        if not turn.told and self._seconds(turn) >= HANGS_AFTER:
            turn.told = True
            log.warning("a job does not end", job=event.job_id, seconds=round(self._seconds(turn)))

    def _seconds(self, turn: _Turn) -> float:
        return 0.0 if turn.since is None else self._clock.monotonic() - turn.since


def _no_skips(record: logging.LogRecord) -> bool:
    """Everything but the line about a turn that was left out, which `_skip` hears of too."""
    return "maximum number of running instances" not in str(record.msg)
