"""What intentd says of itself: Prometheus metrics and log lines. Names follow Prometheus' conventions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from daemon.look import LookReport
from daemon.ports import Clock
from daemon.think import Consultation
from remediation.model import Unusable
from store.queries import CaseRow

log = structlog.get_logger("intentd")

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
_SLOW = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 45, 60, 120)


class Telemetry:
    """One registry a daemon, so that tests can have many."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.registry = CollectorRegistry()
        mine = self.registry
        self.look_seconds = Histogram(
            "intentd_look_duration_seconds", "Time of one look.", buckets=_FAST, registry=mine
        )
        self.last_look = Gauge(
            "intentd_last_look_timestamp_seconds", "When the last look ended.", registry=mine
        )
        self.violations = Gauge(
            "intentd_violations",
            "Broken expectations in the last look.",
            ["intent", "fault_class"],
            registry=mine,
        )
        self.unknowns = Gauge(
            "intentd_unknown_expectations",
            "Expectations that the last look could not judge.",
            ["reason"],
            registry=mine,
        )
        self.cases_opened = Counter("intentd_cases_opened", "Cases opened.", registry=mine)
        self.cases_closed = Counter("intentd_cases_closed", "Cases closed by looking.", registry=mine)
        self.think_seconds = Histogram(
            "intentd_think_duration_seconds", "Time from evidence to plan.", buckets=_SLOW, registry=mine
        )
        self.model_unanswered = Counter(
            "intentd_model_unanswered", "Questions that got no answer.", ["reason"], registry=mine
        )
        self.act_seconds = Histogram(
            "intentd_act_duration_seconds",
            "Time of one act on one case.",
            ["state"],
            buckets=_FAST,
            registry=mine,
        )
        self.store_failures = Counter(
            "intentd_store_failures", "Turns that the database refused.", ["loop"], registry=mine
        )
        self.crashes = Counter(
            "intentd_loop_crashes", "Loops restarted after an unexpected error.", ["loop"], registry=mine
        )
        self.paused = Gauge(
            "intentd_paused", "1 while a pause or the kill switch is in force.", registry=mine
        )

    @contextmanager
    def looking(self) -> Iterator[Callable[[LookReport], None]]:
        """Time one look and count what it saw."""
        started = self._clock.monotonic()
        yield self._seen
        self.look_seconds.observe(self._clock.monotonic() - started)
        self.last_look.set(self._clock.now())

    def _seen(self, report: LookReport) -> None:
        self.violations.clear()
        for violation in report.judgement.violations:
            self.violations.labels(violation.intent, violation.fault_class.value).inc()
        self.unknowns.clear()
        for unknown in report.judgement.unknowns:
            self.unknowns.labels(unknown.gap.reason).inc()
        self.cases_opened.inc(len(report.opened))
        self.cases_closed.inc(len(report.closed))
        for case_id in report.opened:
            log.info("case opened", case=case_id)
        for case_id in report.closed:
            log.info("case closed", case=case_id)

    @contextmanager
    def thinking(self, row: CaseRow) -> Iterator[Callable[[Consultation | None, Unusable | None], None]]:
        """Time one diagnosis; say how it ended, and where the model did not answer at all."""
        started = self._clock.monotonic()

        def considered(found: Consultation | None, trouble: Unusable | None) -> None:
            taken = round(self._clock.monotonic() - started, 2)
            if trouble is not None:
                self.model_unanswered.labels(trouble.reason.value).inc()
                log.warning(
                    "the model did not answer; intentd asks again",
                    case=row.case_id,
                    seconds=taken,
                    reason=trouble.reason.value,
                    detail=trouble.detail,
                )
            elif found is not None:
                ended = found.answer.reason.value if isinstance(found.answer, Unusable) else "diagnosed"
                log.info("considered", case=row.case_id, seconds=taken, ended=ended)

        yield considered
        self.think_seconds.observe(self._clock.monotonic() - started)

    @contextmanager
    def acting(self, row: CaseRow) -> Iterator[None]:
        """Time one act."""
        started = self._clock.monotonic()
        yield
        self.act_seconds.labels(row.state.value).observe(self._clock.monotonic() - started)

    def store_failed(self, loop: str) -> None:
        """A turn found the database unusable."""
        self.store_failures.labels(loop).inc()

    def crashed(self, loop: str) -> None:
        """The supervisor restarted a loop."""
        self.crashes.labels(loop).inc()
