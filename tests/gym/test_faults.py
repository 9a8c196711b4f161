"""The fault catalogue: what demo, scenarios and benchmarks all rely on."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from detectors.model import ObjectRef
from gym.faults import FAULTS
from gym.faults.base import NAMESPACE, Breakage, Fault
from intents.load import load
from intents.model import Intent, Mode
from intents.units import parse_duration
from remediation.manifest import merge
from remediation.model import NoPlan, Outcome

ALL = [pytest.param(fault, id=fault.name) for fault in FAULTS]


def intent_of(fault: Fault) -> Intent:
    loaded = load(f"{fault.name}.yaml", fault.intent)
    assert loaded.problems == ()
    assert len(loaded.intents) == 1
    return loaded.intents[0]


def healthy(fault: Fault) -> dict[str, Any]:
    kind, name = fault.target
    return next(o for o in fault.objects if (o["kind"], o["metadata"]["name"]) == (kind, name))


def broken(fault: Fault) -> dict[str, Any]:
    if not isinstance(fault.breakage, Breakage):
        return healthy(fault)
    ref = ObjectRef(fault.breakage.kind, fault.namespace, fault.breakage.name)
    merged = merge(copy.deepcopy(healthy(fault)), fault.breakage.patch, ref)
    assert not isinstance(merged, NoPlan)
    return merged


def test_no_two_faults_share_a_name_or_a_target() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    assert len({fault.target for fault in FAULTS}) == len(FAULTS)


@pytest.mark.parametrize("fault", ALL)
def test_its_intent_is_free_of_problems_and_about_its_target(fault: Fault) -> None:
    intent = intent_of(fault)
    assert intent.name == fault.intent_name
    assert intent.spec.mode is Mode.AUTO
    scope = intent.spec.scope
    assert (scope.namespace, scope.kind, scope.name) == (fault.namespace, *fault.target)
    assert parse_duration(intent.spec.verification.window) <= 10.0


@pytest.mark.parametrize("fault", ALL)
def test_the_broken_object_is_never_right_and_the_healthy_one_is_where_there_was_one(fault: Fault) -> None:
    assert not fault.is_right(broken(fault))
    if isinstance(fault.breakage, Breakage):
        assert fault.is_right(healthy(fault))


@pytest.mark.parametrize("fault", ALL)
def test_only_a_fault_that_a_patch_can_mend_says_what_is_right(fault: Fault) -> None:
    assert bool(fault.fixed) == (fault.outcome is Outcome.FIXED)
    assert fault.outcome in (Outcome.FIXED, Outcome.ESCALATED)


@pytest.mark.parametrize("fault", ALL)
def test_a_workload_that_was_healthy_is_known_good_before_it_breaks(fault: Fault) -> None:
    assert (fault.target in fault.waits_for) == (fault.breakage is not None)


@pytest.mark.parametrize("fault", ALL)
def test_every_object_is_in_its_namespace(fault: Fault) -> None:
    assert {o["metadata"]["namespace"] for o in fault.objects} == {fault.namespace} == {NAMESPACE}
