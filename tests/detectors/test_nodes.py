"""Nodes: what keeps pods from running where they should, and what is only somebody's work."""

from __future__ import annotations

import pytest

from detectors.judge import judge
from detectors.model import FaultClass, ObjectRef, Severity, Standing
from detectors.world import World
from tests.fakes.ground import CLUSTER, condition, ground, node
from tests.fakes.world import pod, running, terminated, uid_of, unreadable


def found(*facts, **world):
    return judge([CLUSTER], ground(*facts, **world)).violations


def standing(*facts):
    target = ObjectRef("Node", "", "n1", uid_of("Node", "n1"))
    return judge([CLUSTER], ground(*facts)).standing("cluster", target)


def test_healthy_nodes_are_silent():
    judgement = judge([CLUSTER], ground(node("n1"), node("n2")))
    assert (judgement.violations, judgement.settling, judgement.targets) == ((), (), {"Node": 2})
    assert judgement.judged == {("cluster", 0)}


@pytest.mark.parametrize(
    ("node_is", "reason", "says"),
    [
        ({"ready": "False"}, "KubeletNotReady", "node n1 is not ready for 120 s"),
        ({"ready": "Unknown"}, "NodeStatusUnknown", "node n1 is unreachable for 120 s"),
    ],
)
def test_a_node_that_is_not_ready_is_told_from_one_that_is_not_reachable(node_is, reason, says):
    (violation,) = found(node("n1", since=120, **node_is), node("n2"))
    assert (violation.fault_class, violation.reason) == (FaultClass.NODE_NOT_READY, reason)
    assert (violation.target.kind, violation.target.name) == ("Node", "n1")
    assert says in violation.message
    assert violation.severity is Severity.CRITICAL


def test_a_node_without_a_network_is_not_ready_whatever_its_kubelet_says():
    cut_off = condition("NetworkUnavailable", "True", 120, "NoRouteCreated", "no route")
    (violation,) = found(node("n1", cut_off))
    assert (violation.fault_class, violation.reason) == (FaultClass.NODE_NOT_READY, "NoRouteCreated")
    assert "without a network" in violation.message


def test_a_node_that_starts_and_one_that_just_blinked_settle():
    assert standing(node("n1", ready="False", since=200, age=200)) is Standing.UNSETTLED
    assert standing(node("n1", ready="Unknown", since=10)) is Standing.UNSETTLED
    assert standing(node("n1", ready="False", since=200, age=260)) is Standing.VIOLATED  # it was ready before
    assert standing(node("n1", ready="False", since=400, age=400)) is Standing.VIOLATED


def test_a_node_whose_kubelet_never_reported_is_not_ready():
    silent = node("n1", age=400)
    bare = type(silent)(metadata=silent.metadata)
    (violation,) = found(bare)
    assert violation.reason == "NodeStatusNeverUpdated"


def test_pressure_names_what_is_short():
    short = [
        condition(
            "MemoryPressure", "True", 60, "KubeletHasInsufficientMemory", "kubelet has insufficient memory"
        ),
        condition("DiskPressure", "True", 60, "KubeletHasDiskPressure"),
    ]
    (violation,) = found(node("n1", *short))
    assert violation.fault_class is FaultClass.NODE_PRESSURE
    assert "short of memory and disk" in violation.message
    assert standing(node("n1", condition("MemoryPressure", "True", 20))) is Standing.UNSETTLED


def test_a_drain_is_work_and_a_forgotten_cordon_a_fault():
    assert standing(node("n1", cordoned=3000)) is Standing.UNSETTLED
    assert found(node("n1", cordoned=3000)) == ()
    (violation,) = found(node("n1", cordoned=7300))
    assert (violation.fault_class, violation.severity) == (FaultClass.NODE_CORDONED, Severity.INFO)


def test_a_node_is_full_where_its_living_pods_are_as_many_as_it_may_have():
    pods = [pod(f"web-{number}", running()) for number in range(3)]
    ended = pod("web-9", terminated("Completed", 0), phase="Succeeded")
    (violation,) = found(node("n1", pods="3"), *pods, ended)
    assert violation.fault_class is FaultClass.NODE_FULL
    assert "3 pods of at most 3" in violation.message
    assert found(node("n1", pods="3"), *pods[:2], ended) == ()


@pytest.mark.parametrize("pods", ["", "0", "many", "-1"])
def test_a_node_that_does_not_say_how_many_pods_it_may_have_is_not_full(pods):
    assert found(node("n1", pods=pods), pod("web-1")) == ()


def test_the_pods_on_nodes_are_counted_on_from_look_to_look():
    pods = [pod(f"web-{number}", running()) for number in range(20)]
    world = World(ground(node("n1"), *pods))
    assert world.pods_on_node["n1"] == 20
    ended = pod("web-3", terminated("Completed", 0), phase="Succeeded")
    seen = ground(node("n1"), *pods[:3], ended, *pods[5:])  # one ended, one is gone
    later = world.then(seen)
    assert later.pods_on_node["n1"] == 18
    assert dict(later.pods_on_node) == dict(World(seen).pods_on_node)


@pytest.mark.parametrize("kind", ["Node", "Pod"])
def test_what_cannot_be_read_is_neither_healthy_nor_broken(kind):
    judgement = judge([CLUSTER], ground(node("n1", pods="1"), pod("web-1"), gaps={kind: unreadable(kind)}))
    assert judgement.judged == frozenset()
    assert any(unknown.gap.what == kind for unknown in judgement.unknowns)
    assert not any(v.fault_class is FaultClass.NODE_FULL for v in judgement.violations)
