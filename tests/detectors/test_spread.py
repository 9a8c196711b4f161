"""How the pods of a workload stand over nodes and zones."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from detectors.facts import Pod, TemplateSpec, Workload
from detectors.judge import judge
from detectors.model import FaultClass
from tests.fakes.ground import ground, node, spread_only
from tests.fakes.world import deployment, pod, replica_set, running, unreadable


def found(*facts, **world):
    return judge([spread_only()], ground(*facts, **world)).violations


def on(name: str, where: str, **made: Any) -> Pod:
    placed = pod(name, running(), **made)
    return msgspec.structs.replace(placed, spec=msgspec.structs.replace(placed.spec, node_name=where))


def of_template(workload: Workload, **spec: Any) -> Workload:
    """With these fields of the pod template's spec, as JSON."""
    template = msgspec.structs.replace(workload.spec.template, spec=msgspec.convert(spec, TemplateSpec))
    return msgspec.structs.replace(workload, spec=msgspec.structs.replace(workload.spec, template=template))


def web(*places: str, **spec: Any) -> list[Any]:
    return [
        of_template(deployment(replicas=len(places)), **spec),
        replica_set(replicas=len(places)),
        *(on(f"web-{number}", place) for number, place in enumerate(places)),
    ]


NODES = [node(name, labels={"zone": zone}) for name, zone in [("n1", "a"), ("n2", "a"), ("n3", "b")]]


def by_zone(skew: int, how: str = "DoNotSchedule", app: str = "web") -> dict[str, Any]:
    return {
        "topologySpreadConstraints": [
            {
                "maxSkew": skew,
                "topologyKey": "zone",
                "whenUnsatisfiable": how,
                "labelSelector": {"matchLabels": {"app": app}},
            }
        ]
    }


def test_all_replicas_on_one_node_is_a_loss_of_redundancy():
    (violation,) = found(*web("n1", "n1"), *NODES)
    assert (violation.fault_class, violation.reason) == (FaultClass.SPREAD_VIOLATED, "OneNode")
    assert violation.target.name == "web"
    assert "all 2 pods of Deployment/web run on node n1, though 2 more could take them" in violation.message


@pytest.mark.parametrize(
    "spec",
    [
        {"nodeSelector": {"kubernetes.io/hostname": "n1"}},
        {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {}}}},
        {"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": []}}},
        {"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]},
    ],
)
def test_pods_that_are_tied_to_a_place_are_where_they_should_be(spec):
    assert found(*web("n1", "n1", **spec), *NODES) == ()


@pytest.mark.parametrize(
    "others",
    [
        [],
        [node("n2", ready="False")],
        [node("n2", cordoned=10)],
        [node("n2", taints=({"key": "gpu", "effect": "NoSchedule"},))],
    ],
)
def test_where_no_other_node_takes_pods_one_node_is_all_there_is(others):
    assert found(*web("n1", "n1"), node("n1"), *others) == ()


def test_a_spread_workload_a_single_pod_and_a_young_one_are_silent():
    assert found(*web("n1", "n2"), *NODES) == ()
    assert found(*web("n1"), *NODES) == ()
    young = [
        deployment(replicas=2),
        replica_set(replicas=2),
        on("web-1", "n1", age=60),
        on("web-2", "n1", age=60),
    ]
    assert found(*young, *NODES) == ()


def test_during_a_rollout_nothing_is_said_of_spread():
    going_on = deployment(replicas=2, updated=1, total=3, available=2, progressing="ReplicaSetUpdated")
    pods = [on("web-1", "n1", revision=2), on("web-2", "n1", revision=1)]
    assert found(going_on, replica_set(), replica_set(revision=2), *pods, *NODES) == ()


@pytest.mark.parametrize("how", ["DoNotSchedule", "ScheduleAnyway"])
def test_a_skew_far_beyond_what_is_asked_for_is_told(how):
    (violation,) = found(*web("n1", "n2", "n1", **by_zone(1, how)), *NODES)
    assert (violation.reason, violation.facts["skew"], violation.facts["topologyKey"]) == (
        "Skew",
        "3",
        "zone",
    )
    assert "a: 3, b: 0" in violation.message


def test_a_skew_that_the_next_placement_evens_out_is_silent():
    assert found(*web("n1", "n2", **by_zone(1)), *NODES) == ()
    assert found(*web("n1", "n2", "n1", "n3", **by_zone(1)), *NODES) == ()


def test_a_constraint_about_other_pods_says_nothing_of_these():
    assert found(*web("n1", "n2", "n1", **by_zone(1, app="other")), *NODES) == ()


def test_a_node_that_is_not_known_leaves_it_open():
    assert found(*web("n1", "n9", "n9", **by_zone(1)), *NODES) == ()


def test_without_the_nodes_nobody_knows():
    judgement = judge([spread_only()], ground(*web("n1", "n1"), gaps={"Node": unreadable("Node")}))
    assert (judgement.violations, judgement.judged) == ((), frozenset())
