"""Follow one daemon's ledger until its first applied plan has ended, or until nothing more is to come.

The ledger alone is read: what is not in it did not happen. Later plans are counted and do not count.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from detectors.model import ObjectRef
from gym.daemon import Daemon
from gym.paths import GymError
from gym.run.record import Consultation, Json
from gym.story import CaseStory, Story
from remediation.model import Outcome
from remediation.saga import Event
from store.queries import Step, newest_steps

ROWS = 2000
POLL = 0.2


class Stopped(Exception):  # noqa: N818 - says what happened
    """The run is being ended from outside."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds. `unseen`: after which a case is not waited for where no detector sees a violation; more than the
    daemon's own grace for pods that are not ready (30 s). `unopened`: the same where one does, but no case was opened;
    more than a rollout is given to gain pods (60 s). `settled`: after the last case ended, for another to be opened.
    `waiting`: for which a refused plan may wait for a person or a budget. `longest`: of everything."""

    unseen: float = 45.0
    unopened: float = 90.0
    settled: float = 5.0
    waiting: float = 15.0
    longest: float = 600.0


PATIENCE = Patience()


@dataclass(slots=True)
class Watched:
    """What was seen. `first` is the case of the first applied plan, `rows` all ledger rows of cases in order."""

    story: Story = field(default_factory=Story)
    first: CaseStory | None = None
    applied_seq: int = 0
    rows: list[Step] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def case(self) -> CaseStory | None:
        """The case that is scored: that of the first applied plan, else the first that called a person, else the
        first."""
        cases = list(self.story.cases.values())
        called = [case for case in cases if case.outcome is Outcome.ESCALATED]
        return self.first or next(iter([*called, *cases]), None)

    @property
    def later_plans(self) -> int:
        """Plans made after the first was applied."""
        return (
            sum(row.event == Event.PLANNED and row.seq > self.applied_seq for row in self.rows)
            if self.first
            else 0
        )

    def later_targets(self) -> list[tuple[str, str, str]]:
        """Kind, namespace and name of what later plans were already being written to."""
        written = (
            row for row in self.rows if row.event == Event.APPLY_STARTED and row.seq > self.applied_seq
        )
        targets = (row.payload["target"] for row in written if self.first)
        return [(one["kind"], one["namespace"], one["name"]) for one in targets]

    def called_about(self) -> tuple[ObjectRef, ...]:
        """The objects of the cases that ended with a call for a person."""
        opened = {row.case_id: row.payload for row in self.rows if row.event == Event.OPENED}
        called = (
            one
            for name, one in opened.items()
            if name and self.story.cases[name].outcome is Outcome.ESCALATED
        )
        return tuple(ObjectRef(one["kind"], one["namespace"], one["name"]) for one in called)

    @property
    def tokens(self) -> int:
        """All tokens of all answered questions, prompts included."""
        asked = (q for row in self.rows for q in row.payload.get("questions", ()))
        return sum(q.get("prompt_tokens", 0) + q.get("answer_tokens", 0) for q in asked)


def follow(
    daemon: Daemon, patience: Patience, on_applied: Callable[[], None], stop: threading.Event
) -> Watched:
    """Watch until the end; `on_applied` is called just after the first plan was written. Raises GymError where the
    daemon dies, Stopped where the run is ended."""
    seen, ledger = Watched(), daemon.ledger()
    began = quiet_since = time.monotonic()
    try:
        while True:
            steps = newest_steps(ledger, limit=ROWS, after=seen.story.seen)
            now = time.monotonic()
            for step in steps:
                quiet_since = now
                _take(seen, step, on_applied)
            seen.seconds = now - began
            if _over(seen, now - quiet_since, patience, lambda: violations(daemon)):
                return seen
            if not daemon.alive:
                raise GymError(f"intentd ended. Its log ends:\n{daemon.log.read_text()[-1500:]}")
            if stop.wait(POLL):
                raise Stopped
    finally:
        ledger.close()


def _take(seen: Watched, step: Step, on_applied: Callable[[], None]) -> None:
    case = seen.story.take(step)
    if case is None:
        return
    seen.rows.append(step)
    if step.event == Event.APPLIED and seen.first is None:
        seen.first, seen.applied_seq = case, step.seq
        on_applied()


def violations(daemon: Daemon) -> int:
    """How many the daemon's latest look found."""
    return int(daemon.order("status")["violations"])


def _over(seen: Watched, quiet: float, patience: Patience, violated: Callable[[], int]) -> bool:
    cases = list(seen.story.cases.values())
    if seen.seconds > patience.longest:
        return True
    if seen.first is not None:
        return seen.first.ended
    if not cases:
        return seen.seconds >= patience.unopened or (seen.seconds >= patience.unseen and violated() == 0)
    if all(case.ended for case in cases):
        return quiet >= patience.settled
    return quiet >= patience.waiting and all(case.ended or _waits(case) for case in cases)


def _waits(case: CaseStory) -> bool:
    """Whether a plan was refused and waits: nothing comes without a person, or not within the time of a practice."""
    return bool(case.verdicts) and Event.APPLY_STARTED not in case.at


# ---------------------------------------------------------------- for the recording


def consultations(rows: Sequence[Step]) -> tuple[Consultation, ...]:
    """Every case's newest diagnosis, in the order in which the cases were opened."""
    opened = {row.case_id: row.payload for row in rows if row.event == Event.OPENED and row.case_id}
    thought = {row.case_id: row for row in rows if row.event in (Event.DIAGNOSED, Event.UNUSABLE)}
    planned = {row.case_id: row.payload["plan"] for row in rows if row.event == Event.PLANNED}
    return tuple(
        _consultation(case_id, told, thought.get(case_id), planned.get(case_id))
        for case_id, told in opened.items()
    )


def _consultation(case_id: str, opened: Json, thought: Step | None, plan: Json | None) -> Consultation:
    told = thought.payload if thought is not None else {}
    no = f"{told.get('reason')}: {told.get('detail')}" if thought and thought.event == Event.UNUSABLE else ""
    return Consultation(
        case_id=case_id,
        intent=opened["intent"],
        kind=opened["kind"],
        namespace=opened["namespace"],
        name=opened["name"],
        fault_class=opened["fault_class"],
        violations=tuple(opened["violations"]),
        evidence=tuple(told.get("evidence", ())),
        facts=tuple(told.get("facts", ())),
        gaps=tuple(told.get("gaps", ())),
        candidates=tuple(told.get("candidates", ())),
        questions=tuple(told.get("questions", ())),
        cause=told.get("cause") or "",
        weights=told.get("weights") or "",
        chosen=told.get("chosen"),
        manifest=told.get("manifest"),
        wrote_manifest=bool(told.get("wrote_manifest")),
        unusable=no,
        plan=plan,
    )
