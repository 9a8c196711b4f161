"""Pods that find no node, may not look for one yet, or are put off theirs."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.facts import Pod
from detectors.judge import judge
from detectors.model import FaultClass, Judgement, ObjectRef, Severity, Standing, Violation
from detectors.scheduler_words import read
from tests.fakes.world import (
    deployment,
    intent,
    observation,
    pod,
    replica_set,
    running,
    uid_of,
    waiting,
    when,
)

WEB = ObjectRef("Deployment", "shop", "web", uid_of("Deployment", "web"))
NO_VICTIMS = (
    " no new claims to deallocate, preemption: 0/3 nodes are available: 3 No preemption victims found."
)


def look(*pods: Pod, replicas: int = 1, available: int = 0) -> Judgement:
    facts = (deployment(replicas=replicas, available=available), replica_set(replicas=replicas), *pods)
    return judge([intent()], observation(*facts))


def only(*pods: Pod, **how: Any) -> Violation:
    (violation,) = look(*pods, **how).violations
    return violation


def unplaced(
    message: str, *, reason: str = "Unschedulable", since: float | None = 20, age: float = 20
) -> Pod:
    condition = {"type": "PodScheduled", "status": "False", "reason": reason, "message": message}
    times = {} if since is None else {"lastTransitionTime": when(since)}
    return pod("web-1", waiting(""), phase="Pending", age=age, conditions=[condition | times])


# ---------------------------------------------------------------- the scheduler's words


@pytest.mark.parametrize(
    ("why", "kind"),
    [
        ("3 Insufficient memory.", "Insufficient"),
        ("1 node(s) had untolerated taint(s), 2 Insufficient cpu.", "Insufficient"),
        ("3 Too many pods.", "Insufficient"),
        ("3 node(s) didn't match Pod's node affinity/selector.", "NodeAffinity"),
        ("1 Insufficient cpu, 2 node(s) had untolerated taint(s).", "UntoleratedTaint"),
        ("3 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }.", "UntoleratedTaint"),
        (
            "1 node(s) didn't match Pod's node affinity/selector, 1 node(s) were unschedulable.",
            "NodeAffinity",
        ),
        ("3 node(s) were unschedulable.", "NodesCordoned"),
        ("3 node(s) didn't have free ports for the requested pod ports.", "HostPort"),
        ("3 node(s) had no available volume zone.", "VolumeZone"),
        ("3 node(s) didn't match PersistentVolume's node affinity.", "VolumeZone"),
        ("3 node(s) didn't match pod anti-affinity rules.", "PodAntiAffinity"),
        ("3 node(s) didn't match pod affinity rules.", "PodAffinity"),
        ("3 node(s) didn't match pod topology spread constraints.", "TopologySpread"),
        ("pod has unbound immediate PersistentVolumeClaims.", "ClaimUnbound"),
        ('persistentvolumeclaim "data" not found.', "ClaimMissing"),
        ("3 node(s) exceed max volume count.", "VolumeInUse"),
        ("3 something that nobody has heard of.", ""),
    ],
)
def test_the_reason_is_what_most_nodes_refuse_for(why: str, kind: str) -> None:
    assert read(f"0/3 nodes are available: {why}{NO_VICTIMS}")[:2] == (kind, 3)


def test_resources_taint_and_claim_are_named() -> None:
    why = "0/2 nodes are available: 1 Insufficient cpu, 1 Insufficient nvidia.com/gpu, 1 node(s) had untolerated taint "
    found = read(why + "{gpu: true}. preemption: 0/2 nodes are available: 1 Insufficient memory.")
    assert (found.resources, found.taint) == (("cpu", "nvidia.com/gpu"), "gpu: true")
    assert read('persistentvolumeclaim "data" not found').claim == "data"


def test_a_pod_without_a_place_tells_for_want_of_what() -> None:
    found = only(unplaced("0/3 nodes are available: 3 Insufficient nvidia.com/gpu." + NO_VICTIMS))
    assert (found.fault_class, found.reason, found.target) == (FaultClass.UNSCHEDULABLE, "Insufficient", WEB)
    assert (found.facts["resources"], found.facts["nodes"]) == ("nvidia.com/gpu", "3")


def test_words_that_are_not_known_are_still_told() -> None:
    found = only(unplaced("no machine for you"))
    assert (found.reason, found.message) == ("Unschedulable", "no machine for you")


@given(st.text(max_size=200) | st.from_regex(r"0/\d+ nodes are available: (\d+ [a-z(){}:, ]{0,40}){0,4}"))
def test_no_message_of_a_scheduler_breaks_the_reading(message: str) -> None:
    assert read(message).nodes is None or "nodes are available" in message


# ---------------------------------------------------------------- gates


@pytest.mark.parametrize(("age", "found"), [(299, []), (301, [Severity.INFO])])
def test_a_gate_is_somebodys_wish_and_told_after_long(age: float, found: list[Severity]) -> None:
    """The API server writes the condition with the pod, and without a time."""
    gated = unplaced(
        "Scheduling is blocked due to non-empty scheduling gates",
        reason="SchedulingGated",
        since=None,
        age=age,
    )
    assert [violation.severity for violation in look(gated).violations] == found


# ---------------------------------------------------------------- evictions


def evicted(
    name: str, message: str = "", *, ago: float = 30, reason: str = "Evicted", revision: int = 1
) -> Pod:
    """As the kubelet leaves it: failed, listed on, its condition telling when."""
    gone = pod(
        name,
        running(),
        phase="Failed",
        revision=revision,
        conditions=[
            {"type": "Ready", "status": "False", "reason": "PodFailed", "lastTransitionTime": when(ago)},
            {
                "type": "DisruptionTarget",
                "status": "True",
                "reason": "TerminationByKubelet",
                "lastTransitionTime": when(ago),
            },
        ],
    )
    said = message or "The node was low on resource: memory. Threshold quantity: 100Mi, available: 20Mi. "
    return msgspec.structs.replace(
        gone, status=msgspec.structs.replace(gone.status, reason=reason, message=said)
    )


def test_an_eviction_explains_the_missing_replica() -> None:
    found = only(evicted("web-1"), pod("web-2", waiting("ContainerCreating"), age=5))
    assert (found.fault_class, found.reason, found.facts["resource"]) == (
        FaultClass.EVICTED,
        "Evicted",
        "memory",
    )
    assert found.subject.name == "web-1"
    assert "low on resource: memory" in found.message


def test_an_eviction_past_the_pods_own_limit_says_so() -> None:
    words = 'Container app exceeded its local ephemeral storage limit "1Gi". '
    assert (
        only(evicted("web-1", words), pod("web-2", waiting("ContainerCreating"), age=5)).facts["limit"]
        == "own"
    )


def test_an_evicted_pod_that_was_replaced_is_over_though_it_stays_listed() -> None:
    judgement = look(evicted("web-1"), pod("web-2"), available=1)
    assert judgement.standing("shop", WEB) is Standing.CLEAR


def test_three_evictions_in_ten_minutes_are_a_fault_even_where_replacements_serve() -> None:
    pods = [evicted(f"web-{n}", ago=100 * n) for n in (1, 2, 3)]
    assert only(*pods, pod("web-4"), available=1).facts["evictions"] == "3"
    old = [evicted(f"web-{n}", ago=1000 * n) for n in (1, 2, 3)]
    assert look(*old, pod("web-4"), available=1).violations == ()


def test_evictions_of_the_template_before_are_over() -> None:
    facts = (
        deployment(available=0),
        replica_set(revision=1),
        replica_set(revision=2),
        evicted("web-1", revision=1),
        pod("web-2", waiting("ContainerCreating"), age=5, revision=2),
    )
    assert judge([intent()], observation(*facts)).violations == ()


def test_a_preempted_pod_is_told_with_the_schedulers_words_and_a_drained_one_is_somebodys_wish() -> None:
    def target(reason: str) -> list[dict[str, str]]:
        message = "default-scheduler: preempting to accommodate a higher priority pod"
        return [
            {"type": "DisruptionTarget", "status": "True", "reason": reason, "message": message}
            | {"lastTransitionTime": when(5)}
        ]

    leaving = pod("web-1", running(), conditions=target("PreemptionByScheduler"), terminating=True)
    found = only(leaving, pod("web-2", waiting("ContainerCreating"), age=5))
    assert (found.fault_class, found.reason) == (FaultClass.EVICTED, "Preempted")
    assert "higher priority" in found.message
    drained = pod("web-1", running(), conditions=target("EvictionByEvictionAPI"), terminating=True)
    assert look(drained, pod("web-2", waiting("ContainerCreating"), age=5)).violations == ()


# ---------------------------------------------------------------- deletions that do not end


def going(ago: float, **meta: Any) -> Pod:
    leaving = pod("web-1", running(), terminating=True)
    changed = msgspec.structs.replace(leaving.metadata, deletion_timestamp=when(ago), **meta)
    return msgspec.structs.replace(leaving, metadata=changed)


@pytest.mark.parametrize(("ago", "found"), [(-30, []), (59, []), (61, [FaultClass.STUCK_TERMINATING])])
def test_a_pod_may_take_its_grace_period_and_a_minute_to_go(ago: float, found: list[FaultClass]) -> None:
    judgement = look(going(ago), pod("web-2"), available=1)
    assert [violation.fault_class for violation in judgement.violations] == found


def test_what_keeps_a_deleted_pod_is_named() -> None:
    kept = only(going(90, finalizers=("example.com/backup",)), pod("web-2"), available=1)
    assert (kept.reason, kept.facts["finalizers"], kept.subject.name) == (
        "Finalizers",
        "example.com/backup",
        "web-1",
    )
    assert "finalizer example.com/backup" in kept.message
    lost = only(going(90), pod("web-2"), available=1)
    assert (lost.reason, lost.facts["node"]) == ("NotStopped", "n1")


def test_a_deleted_deployment_that_does_not_go_names_its_finalizer() -> None:
    live = deployment()
    meta = msgspec.structs.replace(
        live.metadata, deletion_timestamp=when(120), finalizers=("example.com/keep",)
    )
    facts = (msgspec.structs.replace(live, metadata=meta), replica_set(), pod())
    (found,) = judge([intent()], observation(*facts)).violations
    assert (found.fault_class, found.subject, found.reason) == (
        FaultClass.STUCK_TERMINATING,
        WEB,
        "Finalizers",
    )
