"""An expectation about many kinds: what cannot be read of one keeps only its own detectors silent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from detectors.base import Detector, Finding, View
from detectors.facts import LabelSelector, Requirement, selects
from detectors.facts_batch import CronJob, Job
from detectors.judge import judge
from detectors.model import FaultClass, Gap, Judgement, Observation, Severity, Turn
from detectors.watched import ALWAYS, FACT_TYPES, kinds_needed
from detectors.world import ref
from intents.model import Intent, ObjectsHealthy

FORBIDDEN = Gap("Job", "Forbidden", "jobs is forbidden", Turn.OPERATOR)


def intent(**scope: Any) -> Intent:
    expectation: dict[str, Any] = {"type": "objectsHealthy"}
    expectation |= {"kinds": scope.pop("kinds")} if "kinds" in scope else {}
    return Intent.model_validate(
        {
            "apiVersion": "intentd.io/v1alpha1",
            "kind": "Intent",
            "metadata": {"name": "batch"},
            "spec": {"scope": {"namespace": "shop", **scope}, "expectations": [expectation]},
        }
    )


def held(kind: type, *names: str, namespace: str = "shop") -> dict[tuple[str, str], Any]:
    return {
        (namespace, name): msgspec.convert({"metadata": {"name": name, "namespace": namespace}}, kind)
        for name in names
    }


def finds(kind: str, fact: type) -> Detector:
    """A detector to which every object of its kind is broken."""

    def broken(view: View) -> Iterator[Finding]:
        for found in view.objects(kind, fact):
            target = ref(kind, found.metadata)
            yield view.violation(
                kind, FaultClass.JOB_FAILED, target, severity=Severity.WARNING, reason="r", message="m"
            )

    return Detector(kind, frozenset({FaultClass.JOB_FAILED}), (ObjectsHealthy,), (kind,), broken, (kind,))


BOTH = (finds("Job", Job), finds("CronJob", CronJob))


def judged(about: Intent, world: Observation) -> Judgement:
    return judge([about], world, detectors=BOTH)


def test_a_kind_that_cannot_be_read_silences_its_own_detectors_alone() -> None:
    world = Observation(at=0.0, objects={"Job": FORBIDDEN, "CronJob": held(CronJob, "nightly")})
    found = judged(intent(), world)
    assert [violation.target.name for violation in found.violations] == ["nightly"]
    assert [unknown.gap for unknown in found.unknowns] == [FORBIDDEN]
    assert found.judged == frozenset()


def test_where_all_can_be_read_it_is_judged() -> None:
    world = Observation(at=0.0, objects={"Job": {}, "CronJob": {}})
    found = judged(intent(), world)
    assert found.violations == found.unknowns == ()
    assert found.judged == {("batch", 0)}


@pytest.mark.parametrize(
    ("narrowed", "expected"),
    [
        ({}, {"import", "nightly"}),
        ({"kinds": ["Job"]}, {"import"}),
        ({"kind": "CronJob"}, {"nightly"}),
        ({"name": "import", "kind": "Job"}, {"import"}),
        ({"matchLabels": {"app": "x"}}, set()),
    ],
)
def test_scope_and_kinds_narrow_it(narrowed: dict[str, Any], expected: set[str]) -> None:
    jobs = held(Job, "import") | held(Job, "elsewhere", namespace="other")
    world = Observation(at=0.0, objects={"Job": jobs, "CronJob": held(CronJob, "nightly")})
    found = judged(intent(**narrowed), world)
    assert {violation.target.name for violation in found.violations} == expected


def test_a_kind_that_it_leaves_out_need_not_be_readable() -> None:
    world = Observation(at=0.0, objects={"Job": FORBIDDEN, "CronJob": {}})
    assert judged(intent(kinds=["CronJob"]), world).judged == {("batch", 0)}


def test_only_what_intents_need_is_watched_beyond_the_rest() -> None:
    assert kinds_needed([]) == ALWAYS
    assert kinds_needed([intent()]) - ALWAYS <= FACT_TYPES.keys()


@pytest.mark.parametrize(
    ("operator", "values", "labels", "expected"),
    [
        ("In", ("a",), {"app": "a"}, True),
        ("In", ("a",), {}, False),
        ("NotIn", ("a",), {}, True),
        ("Exists", (), {"app": ""}, True),
        ("DoesNotExist", (), {"app": ""}, False),
        ("Newer", (), {"app": "a"}, None),
    ],
)
def test_a_label_selector_is_read_as_the_api_server_reads_it(
    operator: str, values: tuple[str, ...], labels: dict[str, str], expected: bool | None
) -> None:
    assert selects(LabelSelector({}, (Requirement("app", operator, values),)), labels) is expected
    assert selects(LabelSelector(), labels) is True
    assert selects(LabelSelector({"x": "y"}, (Requirement("app", operator, values),)), labels) is False
