"""A fault that only metrics show: from the reading to a case, with the values as evidence."""

from __future__ import annotations

import pytest

from daemon.think import with_memory
from detectors.comparisons import comparisons
from detectors.facts import Sample
from detectors.model import FaultClass, MetricReading
from remediation.model import RawEvidence
from remediation.saga import State
from store.queries import find_cases
from tests.fakes.rig import INTENT, Rig

WISHES = """
    - type: slo
      objective: 99.9
      total: requests_total
    - type: slo
      objective: 99.9
      total: writes_total
"""
ALERTS = ("fast", "slow", "lasting")
BURNING = MetricReading((Sample((), 8.0),), ())
KEPT = MetricReading((), (Sample((), 0.1),))


@pytest.fixture
def rig(tmp_path):
    rig = Rig(tmp_path, INTENT.replace("    - type: workloadHealthy\n", WISHES.lstrip("\n")))
    for index in (0, 1):
        for alert in ALERTS:
            rig.metrics.readings[f"web-runs/{index}/{alert}"] = KEPT
    yield rig
    rig.store.close()


def test_a_burning_budget_calls_a_person_once_until_it_was_seen_whole(rig):
    rig.turn(3)
    assert list(find_cases(rig.store)) == []
    rig.metrics.readings["web-runs/0/slow"] = BURNING
    rig.turn(5)
    (case,) = find_cases(rig.store)
    assert rig.memory.cases[case.key].fault_class is FaultClass.SLO_BURN
    assert (case.name, case.state, case.outcome) == ("web", State.CLOSED, "escalated")
    rig.metrics.readings["web-runs/0/slow"] = KEPT
    rig.turn()
    rig.metrics.readings["web-runs/0/slow"] = BURNING
    rig.turn()
    assert len(find_cases(rig.store)) == 1  # a moment is no end
    rig.metrics.readings["web-runs/0/slow"] = KEPT
    rig.turn(60)
    rig.metrics.readings["web-runs/0/slow"] = BURNING
    rig.turn()
    assert len(find_cases(rig.store)) == 2


def test_a_prometheus_that_is_gone_is_not_taken_for_a_budget_that_is_whole(rig):
    rig.metrics.readings["web-runs/0/slow"] = BURNING
    rig.turn()
    rig.metrics.go_down()
    rig.turn(30)
    rig.metrics.come_back()
    rig.turn(3)
    assert len(find_cases(rig.store)) == 1


def test_the_values_of_all_rules_are_evidence_by_what_they_mean(rig):
    rig.metrics.readings["web-runs/0/slow"] = BURNING
    rig.turn()
    (case,) = rig.memory.cases.values()
    intent = rig.memory.catalog.intents["web-runs"]
    for index, value in ((0, "8"), (1, "0.1")):
        asked = comparisons(intent, index)[f"web-runs/{index}/slow"]
        rig.metrics.values[asked.conditions[0].query] = value
    raw = with_memory(rig.world, case, intent, RawEvidence(live=None))
    assert raw.metrics == {
        "error budget burn rate over 6h": "8",
        "error budget burn rate over 6h (expectation 2)": "0.1",
    }
    assert len(raw.gaps) == 4, "the other windows had no value"
