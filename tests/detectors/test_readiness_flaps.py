"""A pod that loses its readiness again and again is one fault, though every other look finds it healthy."""

from __future__ import annotations

from typing import Any

import pytest

from detectors.facts import Pod
from detectors.judge import judge
from detectors.model import FaultClass, Judgement, ObjectRef, Standing
from detectors.world import World
from tests.fakes.world import NOW, deployment, intent, observation, pod, replica_set, running, uid_of, when

WEB = ObjectRef("Deployment", "shop", "web", uid_of("Deployment", "web"))


def unready(*, since: float, started: float = 3600, name: str = "web-1") -> Pod:
    """Its container runs; it lost its readiness at `since`, seconds before NOW (negative: after it)."""
    condition = {"type": "Ready", "status": "False", "reason": "ContainersNotReady"}
    return pod(
        name,
        running(ready=False, since=started),
        age=started,
        conditions=[condition | {"lastTransitionTime": when(since)}],
    )


class Watch:
    """Looks, one after the other, each with the World of the one before."""

    def __init__(self) -> None:
        self.world: World | None = None

    def look(self, at: float, *pods: Pod) -> Judgement:
        up = sum(any(status.ready for status in one.status.container_statuses) for one in pods)
        seen = observation(deployment(available=up), replica_set(), *pods, at=NOW + at)
        self.world = World(seen) if self.world is None else self.world.then(seen)
        return judge([intent()], seen, world=self.world)

    def flap(self, at: float, **how: Any) -> Judgement:
        """Lost at this second, looked at then, and ready again five seconds later."""
        self.look(at, unready(since=-at, **how))
        return self.look(at + 5, pod())


def classes(judgement: Judgement) -> list[tuple[FaultClass, str]]:
    return [(violation.fault_class, violation.reason) for violation in judgement.violations]


FLAPPING = [(FaultClass.NOT_READY, "ReadinessFlapping")]


def test_the_third_loss_within_ten_minutes_is_flapping_and_stays_one_until_it_keeps_still() -> None:
    watch = Watch()
    assert classes(watch.flap(0)) == []
    assert classes(watch.flap(60)) == []
    assert classes(watch.flap(120)) == FLAPPING
    assert classes(watch.look(600, pod())) == FLAPPING
    after = watch.look(661, pod())
    assert (classes(after), after.standing("shop", WEB)) == ([], Standing.CLEAR)


def test_one_loss_looked_at_many_times_counts_once() -> None:
    watch = Watch()
    for second in range(10):
        assert classes(watch.look(second, unready(since=0))) == []


def test_losses_far_apart_are_no_flapping() -> None:
    watch = Watch()
    assert [classes(watch.flap(400 * turn)) for turn in range(5)] == [[]] * 5


def test_a_container_that_restarts_is_another_matter() -> None:
    watch = Watch()
    for at in (0, 60, 120, 180):
        watch.look(at, unready(since=-at, started=-at))
    assert classes(watch.look(185, pod())) == []


def test_a_new_pod_begins_anew() -> None:
    watch = Watch()
    for at in (0, 60, 120):
        watch.flap(at)
    assert classes(watch.look(130, pod("web-2"))) == []


@pytest.mark.parametrize(("lost", "readiness"), [(40, "lost"), (3599, "never")])
def test_a_pod_that_is_not_ready_tells_whether_it_ever_was(lost: float, readiness: str) -> None:
    (found,) = Watch().look(0, unready(since=lost)).violations
    assert (found.fault_class, found.facts["readiness"]) == (FaultClass.NOT_READY, readiness)
