"""What happens in a trial: the lives in which the daemon is killed, each with all that must be true at its end.

A scenario says nothing about where the daemon dies. It waits for what must come in the end, gives orders again until
they are acknowledged (`Lane.order`), and between two orders holds the daemon to the first one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from gym.faults.base import IMAGE
from tests.saga import database
from tests.saga.lane import BAD, Lane
from tests.saga.wrong import Kind, WrongError

OTHER = "gym.intentd.io/workload:v2"
"""An image that works as well."""


@dataclass(frozen=True, slots=True)
class End:
    """How the object must be: the generation in which a person left it, its image, and our effective writes since."""

    case_id: str
    generation: int
    image: str
    writes: int


@dataclass(frozen=True, slots=True)
class Scenario:
    """`trusted`: whether it may mend without asking when the trial begins. `prefix`: where it dies first in every
    trial, so that what follows is a recovery. With `drops` the Deployment is left broken, and deleted afterwards.
    `recreates`: it is about the StatefulSet, and leaves the Deployment that it is given alone.
    `slow`: what it waits for takes the daemon 10 s and more, in which it does nothing else."""

    name: str
    walk: Callable[[Lane, str], End | database.Database]
    trusted: bool = True
    prefix: tuple[str, ...] = ()
    drops: bool = False
    slow: bool = False
    recreates: bool = False


def _fix(lane: Lane, name: str) -> End:
    before, generation = lane.case(name), lane.set_image(name, BAD)
    case = lane.until_ended(name, "fixed", after=before and before.case_id)
    return End(case, generation, IMAGE, 1)


def _start(lane: Lane, name: str) -> End:
    lane.restart()
    return _fix(lane, name)


def _undo(lane: Lane, name: str) -> End:
    fixed, since = _fix(lane, name), lane.mark()
    lane.order("undo", fixed.case_id, done=lambda: lane.recorded("undo-asked", since) > 0)
    # What was undone is broken again: its next case begins at once, and is not this one.
    lane.until_ended(name, "rolled-back", case=fixed.case_id)
    lane.forget_trust()
    return End(fixed.case_id, fixed.generation, BAD, 2)


def _approve(lane: Lane, name: str) -> End:
    case, digest, generation, since = _held_back(lane, name)
    lane.order("approve", case, "--digest", digest, done=lambda: lane.recorded("approved", since) > 0)
    lane.until_ended(name, "fixed", case=case)
    return End(case, generation, IMAGE, 1)


def _reject(lane: Lane, name: str) -> End:
    case, _, generation, since = _held_back(lane, name)
    lane.order("reject", case, "--reason", "no", done=lambda: lane.recorded("rejected", since) > 0)
    lane.until_ended(name, "refused", case=case)
    lane.forget_trust()
    return End(case, generation, BAD, 0)


def _pause(lane: Lane, name: str) -> End:
    since = lane.mark()
    lane.order("pause", "all", "--reason", "wait", done=lambda: lane.recorded("paused", since) > 0)
    case, _, generation, since = _held_back(lane, name)
    lane.order("resume", "all", done=lambda: lane.recorded("resumed", since) > 0)
    lane.until_ended(name, "fixed", case=case)
    return End(case, generation, IMAGE, 1)


def _kill(lane: Lane, name: str) -> End:
    """Acknowledged by the daemon or, where none answers, by the command line itself: the file is what counts."""
    lane.order("kill", "--reason", "wait", done=lane.kill_switch.exists)
    case, _, generation, _ = _held_back(lane, name)
    lane.order("kill", "--lift", "--reason", "go on", done=lambda: not lane.kill_switch.exists())
    lane.until_ended(name, "fixed", case=case)
    return End(case, generation, IMAGE, 1)


def _autonomy(lane: Lane, name: str) -> End:
    since = lane.mark()
    lane.order(
        "autonomy", "revoke", "*", "--reason", "wait",
        done=lambda: lane.recorded("autonomy-revoked", since) > 0,
    )  # fmt: skip
    lane.forget_trust()
    case, _, generation, since = _held_back(lane, name)
    lane.order(
        "autonomy", "grant", "*", "--weights", "*", "--reason", "go on",
        done=lambda: lane.recorded("autonomy-granted", since) > 0,
    )  # fmt: skip
    lane.until_ended(name, "fixed", case=case)
    return End(case, generation, IMAGE, 1)


def _known_good(lane: Lane, name: str) -> End:
    """A healthy change that nobody has to mend; it is remembered once it has lasted."""
    image = OTHER if lane.image(name) == IMAGE else IMAGE
    generation = lane.set_image(name, image)

    def noted() -> bool:
        found = lane.rows("SELECT version FROM last_good WHERE kind = 'Deployment' AND name = ?", name)
        return bool(found) and found[0][0].endswith(f".{generation}")

    lane.until(f"{name} becoming known good", noted)
    return End("", generation, image, 0)


def _recreate(lane: Lane, _name: str) -> database.Database:
    """A field that can never change: two requests, and between them there is nothing."""
    name, uid = database.put_wrong(lane)
    case = lane.until_ended(name, "fixed")
    return database.Database(name, case, uid, database.RIGHT, 2)


def _recreate_back(lane: Lane, name: str) -> database.Database:
    fixed, since = _recreate(lane, name), lane.mark()
    lane.order("undo", fixed.case_id, done=lambda: lane.recorded("undo-asked", since) > 0)
    lane.until_ended(fixed.name, "rolled-back", case=fixed.case_id)
    lane.forget_trust()
    return replace(fixed, service=database.WRONG, writes=4)


def _held_back(lane: Lane, name: str) -> tuple[str, str, int, int]:
    """Break it, and wait until the guards have refused the fix once: nothing is written. Answers the case, the
    plan's digest, the generation, and the newest row before what comes next."""
    before, since = lane.case(name), lane.mark()
    generation = lane.set_image(name, BAD)

    def refused() -> bool:
        found = lane.case(name)
        known = found is not None and (before is None or found.case_id != before.case_id)
        return known and found.state == "Proposed" and lane.recorded("guarded", since) > 0

    lane.until(f"{name}, held back", refused)
    found = lane.case(name)
    assert found is not None
    if lane.recorded("apply-started", since) or lane.image(name) != BAD:
        raise WrongError(f"{name} was written to against an order that was acknowledged", Kind.LOST)
    return found.case_id, found.digest or "", generation, lane.mark()


FIX = Scenario("fix", _fix)
UNDO = Scenario("undo", _undo, drops=True)
RECREATE = Scenario("recreation", _recreate, recreates=True)
RECREATE_BACK = Scenario("undo of a recreation", _recreate_back, recreates=True)
KNOWN_GOOD = Scenario("known good", _known_good, slow=True)
SCENARIOS = (
    FIX,
    UNDO,
    Scenario("start", _start),
    Scenario("repeated write", _fix, prefix=("guarded+apply-started/after",)),
    Scenario("repeated undo", _undo, prefix=("rollback-started/after",), drops=True),
    Scenario("approve", _approve, trusted=False),
    Scenario("reject", _reject, trusted=False, drops=True),
    Scenario("pause and resume", _pause),
    Scenario("kill switch", _kill),
    Scenario("autonomy", _autonomy),
    RECREATE,
    Scenario("repeated recreation", _recreate, prefix=("guarded+apply-started/after",), recreates=True),
    RECREATE_BACK,
    Scenario(
        "repeated undo of a recreation", _recreate_back, prefix=("rollback-started/after",), recreates=True
    ),
    KNOWN_GOOD,
)
"""In the order in which they lend their points: a point belongs to the first scenario that passes it."""
