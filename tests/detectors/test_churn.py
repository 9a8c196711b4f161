"""A cluster that lives and is well: rollouts, scaling, drains, lost pods and new claims for an hour, and not a word."""

from __future__ import annotations

from benchmarks.churn import Churn, wishes
from detectors.judge import judge
from detectors.triage import triage
from detectors.world import World

PODS, NODES = 1_000, 20
LOOKS, EVERY = 180, 20.0
"""An hour, with three changes each 20 s (540 in all); `python -m benchmarks churn` does it with 20,000 pods."""


def test_an_hour_of_healthy_churn_shows_no_fault_and_every_expectation_is_judged():
    churn = Churn(PODS, NODES, seed=7, a_workload=10, namespaces=10)
    intents = list(wishes(churn.namespaces))
    expected = {(each.name, index) for each in intents for index in range(len(each.spec.expectations))}
    world = World(churn.observation())
    moved = 0
    for _ in range(LOOKS):
        churn.turn(EVERY)
        seen = churn.observation()
        world = world.then(seen)
        judgement = judge(intents, seen, world=world)
        assert [(v.fault_class.value, v.message) for v in judgement.violations] == []
        assert judgement.judged == expected
        moved += len(judgement.settling)
        assert triage(judgement, seen, world=world) == ()
    assert moved > LOOKS  # it was no still life
