"""The heart: three loops over one ledger.

 look   observes, judges, opens, verifies and closes cases. Fast; runs on the monotonic clock; feeds the
        watchdog; woken early by watches. Nothing slow can delay it.
 think  takes the most harmful open case, gathers evidence, asks the model, records a plan or calls a person.
 act    carries plans out and undoes them, settles writes whose answer never came. Always ahead of thinking:
        an undo does not wait for a model.

The loops share no queue. Each turn asks the ledger what is open and advances it, so a process that was
killed anywhere simply goes on. An error of the database stops writing to the cluster, because no row means
no write; it never stops looking.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from daemon.act import act
from daemon.casebook import CaseBook
from daemon.look import look
from daemon.pace import LookPace
from daemon.settings import seconds
from daemon.state import Memory, World
from daemon.telemetry import Telemetry
from daemon.think import think, waits
from detectors.model import CaseReason
from remediation.saga import IllegalMove, State
from store.errors import StoreError
from store.queries import CaseRow, get_case, open_cases

log = structlog.get_logger("intentd")

THINKABLE = (State.OPEN, State.DIAGNOSING)
ACTABLE = (State.PROPOSED, State.REHEARSING, State.APPLYING, State.VERIFYING, State.ROLLING_BACK)
BUSY = (State.REHEARSING, State.APPLYING, State.VERIFYING, State.ROLLING_BACK)
PAUSE_AFTER_ERROR = 2.0
"""Seconds before a loop tries again after the database refused."""


class Cycle:
    """Runs the loops until `stop` is set. Each `*_once` is one turn, for tests and `run --once`."""

    def __init__(
        self, world: World, memory: Memory, telemetry: Telemetry, *, beat: Callable[[], None]
    ) -> None:
        self._world, self._memory, self._telemetry, self._beat = world, memory, telemetry, beat
        self._book = CaseBook(world.store)
        self.stop = threading.Event()

    # ------------------------------------------------------------ one turn

    def look_once(self) -> None:
        """Observe, judge, reconcile, and tell systemd that we are alive."""
        with self._telemetry.looking() as seen:
            seen(look(self._world, self._memory, self._book))
        self._beat()

    def think_once(self) -> bool:
        """Advance the one case that harms most; false where there was nothing to think about. A case that was
        tried in vain comes after the others: a model too slow for it must not starve them."""
        rows, tried = open_cases(self._world.store, *THINKABLE), self._memory.retry_at
        places = {key: place for place, key in enumerate(self._memory.cases)}  # triage's order: by harm
        waiting = sorted(
            (row for row in rows if self._thinkable(row)),
            key=lambda row: (tried.get(row.case_id, 0.0), places.get(row.key, len(places)), row.opened_at),
        )
        for row in waiting[:1]:
            with overtaken(self._world, row), self._telemetry.thinking(row) as considered:
                considered(think(self._world, self._memory, row), self._memory.model_trouble)
        return bool(waiting)

    def act_once(self) -> None:
        """Advance every case that waits for hands: undo first, then settle, then apply."""
        rows = open_cases(self._world.store, *ACTABLE)
        for row in sorted(rows, key=lambda row: -ACTABLE.index(row.state)):
            if row.state is State.PROPOSED and not self._may_try(row):
                continue
            with overtaken(self._world, row), self._telemetry.acting(row):
                act(self._world, self._memory, row)

    def _may_try(self, row: CaseRow) -> bool:
        """One change of an object at a time, whichever intents want it, and few over all: a second one
        would blur the proof of the first."""
        if waits(self._world, self._memory, row.case_id):
            return False
        busy = open_cases(self._world.store, *BUSY)
        same_object = any(_target(other) == _target(row) for other in busy)
        return not same_object and len(busy) < self._world.settings.limits.concurrent

    def _thinkable(self, row: CaseRow) -> bool:
        case = self._memory.cases.get(row.key)
        return (
            case is not None
            and case.reason in (CaseReason.MENDABLE, CaseReason.NO_TARGET)
            and not waits(self._world, self._memory, row.case_id)
        )

    # ------------------------------------------------------------ loops

    def looking(self) -> None:
        """The look loop."""
        interval = seconds(self._world.settings.look_interval)
        changed, monotonic = self._world.cluster.changed(), self._world.clock.monotonic
        pace = LookPace(monotonic())
        while not self.stop.is_set():
            changed.clear()
            began = monotonic()
            self._guarded("look", self.look_once)
            rested = pace.rest_until(began, monotonic())
            self._world.clock.wait(changed, interval)
            self._world.clock.wait(self.stop, rested - monotonic())

    def thinking(self) -> None:
        """The think loop: after each look there may be something new."""
        while not self.stop.is_set():
            self._memory.looked.clear()
            self._guarded("think", self.think_once)
            self._world.clock.wait(self._memory.looked, seconds(self._world.settings.look_interval))

    def acting(self) -> None:
        """The act loop: after each thought, command or interval."""
        while not self.stop.is_set():
            self._memory.thought.clear()
            self._guarded("act", self.act_once)
            self._world.clock.wait(self._memory.thought, 1.0)

    def _guarded(self, name: str, turn: Callable[[], object]) -> None:
        try:
            turn()
        except StoreError as error:
            log.warning(
                "no durable record, so nothing is written to the cluster", loop=name, error=str(error)
            )
            self._telemetry.store_failed(name)
            if name == "look":
                self._beat()  # it still sees; a restart would not free the disk
            self._world.clock.wait(self.stop, PAUSE_AFTER_ERROR)


@contextmanager
def overtaken(world: World, row: CaseRow) -> Iterator[None]:
    """A case may be closed while a turn is at it: a person rejects it, or it went away by itself. The ledger then
    takes no row of that turn (so nothing was written either), which is no mistake; every other illegal move is."""
    try:
        yield
    except IllegalMove:
        now = get_case(world.store, row.case_id)
        if now is None or now.state is not State.CLOSED:
            raise
        log.info("a case was closed while it was worked on", case=row.case_id)


def _target(row: CaseRow) -> object:
    return (row.plan or {}).get("target")
