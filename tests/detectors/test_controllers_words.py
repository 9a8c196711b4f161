"""What controllers say of their own work: pods that they may not create, rollouts past their deadline, specs that they
have not looked at, pods in the wrong place; and what a StatefulSet stands on."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.facts import Fact, Workload
from detectors.judge import judge
from detectors.model import (
    CaseReason,
    FaultClass,
    Judgement,
    ObjectRef,
    Observation,
    Severity,
    Standing,
    Violation,
)
from detectors.triage import triage
from intents.model import Intent
from tests.fakes.world import (
    daemon_set,
    decode,
    deployment,
    intent,
    metadata,
    observation,
    pod,
    replica_set,
    service,
    stateful_set,
    uid_of,
    unreadable,
    waiting,
    when,
)

WEB = ObjectRef("Deployment", "shop", "web", uid_of("Deployment", "web"))
QUOTA = (
    'pods "web-5d4-x2x9z" is forbidden: exceeded quota: compute, requested: limits.memory=1Gi, '
    "used: limits.memory=3Gi, limited: limits.memory=3Gi"
)


def look(*facts: Fact | tuple[str, Workload]) -> Judgement:
    return judge([intent()], observation(*facts))


def only(*facts: Fact | tuple[str, Workload]) -> Violation:
    (violation,) = look(*facts).violations
    return violation


def refused(message: str, *, ago: float = 20, reason: str = "FailedCreate", **how: Any) -> Workload:
    said = {"type": "ReplicaFailure", "status": "True", "reason": reason, "message": message}
    return deployment(conditions=[said | {"lastTransitionTime": when(ago)}], **how)


# ---------------------------------------------------------------- FailedCreate


@pytest.mark.parametrize(
    ("message", "reason", "facts"),
    [
        (QUOTA, "QuotaExceeded", {"quota": "compute", "requested": "limits.memory=1Gi"}),
        (
            'pods "web-x" is forbidden: failed quota: compute: must specify limits.cpu for: app',
            "QuotaUnspecified",
            {"quota": "compute", "requested": "limits.cpu"},
        ),
        (
            'pods "web-x" is forbidden: maximum memory usage per Container is 512Mi, but limit is 1Gi',
            "LimitRange",
            {"bound": "maximum", "resource": "memory", "limited": "512Mi"},
        ),
        (
            'pods "web-x" is forbidden: minimum cpu usage per Pod is 100m.  No request is specified',
            "LimitRange",
            {"bound": "minimum", "per": "Pod", "limited": "100m"},
        ),
        (
            'pods "web-x" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true',
            "PodSecurity",
            {"level": "restricted:latest"},
        ),
        (
            'admission webhook "images.example.com" denied the request: tag latest is not allowed',
            "WebhookDenied",
            {"webhook": "images.example.com"},
        ),
        (
            'Internal error occurred: failed calling webhook "images.example.com": failed to call webhook: Post ...',
            "WebhookFailed",
            {"webhook": "images.example.com"},
        ),
        (
            "pods \"web-x\" is forbidden: ValidatingAdmissionPolicy 'team' with binding 'all' denied request: no team",
            "PolicyDenied",
            {"policy": "team"},
        ),
        (
            'pods "web-x" is forbidden: error looking up service account shop/web: serviceaccount "web" not found',
            "ServiceAccount",
            {"account": "web"},
        ),
        (
            'pods "web-x" is forbidden: no PriorityClass with name gold was found',
            "PriorityClass",
            {"priorityClass": "gold"},
        ),
        ("a refusal that nobody has heard of", "FailedCreate", {}),
    ],
)
def test_a_pod_that_may_not_be_created_names_what_keeps_it_out(
    message: str, reason: str, facts: dict[str, str]
) -> None:
    found = only(refused(message, available=0, total=0), replica_set())
    assert (found.fault_class, found.reason, found.target) == (FaultClass.FAILED_CREATE, reason, WEB)
    assert facts.items() <= found.facts.items()
    assert found.message == message


def test_a_rollout_that_waits_for_its_old_pods_room_has_a_grace() -> None:
    """Old pods serve: nothing is short, and the quota is theirs until they go."""
    going_on = {"replicas": 2, "updated": 0, "total": 2, "available": 2, "progressing": "ReplicaSetUpdated"}
    assert look(refused(QUOTA, ago=29, **going_on), replica_set()).violations == ()
    assert only(refused(QUOTA, ago=31, **going_on), replica_set()).severity is Severity.WARNING


def test_a_refusal_of_a_moment_ago_is_settling_and_no_missing_pod() -> None:
    judgement = look(refused(QUOTA, ago=5, available=0, total=0), replica_set())
    assert (judgement.violations, judgement.standing("shop", WEB)) == ((), Standing.UNSETTLED)


def test_pods_that_could_not_be_deleted_are_no_failed_create() -> None:
    assert look(refused("no", reason="FailedDelete"), replica_set(), pod()).violations == ()


def test_a_stateful_set_that_lacks_pods_says_where_the_reason_stands() -> None:
    found = only(stateful_set(available=0))
    assert (found.fault_class, found.reason) == (FaultClass.REPLICAS_LOW, "PodsMissing")
    assert "in events only" in found.message


# ---------------------------------------------------------------- deadlines, generations, places


def test_a_rollout_past_its_deadline_is_stuck_and_comes_after_what_its_pods_tell() -> None:
    late = deployment(replicas=2, updated=1, available=1, progressing="ProgressDeadlineExceeded")
    found = only(late, replica_set())
    assert (found.fault_class, found.facts["updated"]) == (FaultClass.ROLLOUT_STUCK, "1")
    world = observation(late, replica_set(), pod("web-1", waiting("ErrImagePull")))
    (case,) = triage(judge([intent()], world), world)
    assert [violation.fault_class for violation in case.violations] == [
        FaultClass.IMAGE_PULL,
        FaultClass.ROLLOUT_STUCK,
    ]


@pytest.mark.parametrize(("written", "found"), [(29, []), (31, [FaultClass.NOT_OBSERVED]), (None, [])])
def test_a_spec_that_no_controller_looks_at_is_told_after_a_while(
    written: float | None, found: list[FaultClass]
) -> None:
    behind = deployment(generation=5, observed=4, written=written)
    judgement = look(behind, replica_set(), pod())
    assert [violation.fault_class for violation in judgement.violations] == found


def test_without_a_controller_nothing_is_mended_and_a_person_is_called() -> None:
    behind = deployment(generation=5, observed=4, written=60, available=0)
    world = observation(behind, replica_set(), pod("web-1", waiting("ErrImagePull")))
    (case,) = triage(judge([intent()], world), world)
    assert case.reason is CaseReason.NO_TARGET


def test_daemon_pods_in_the_wrong_place_are_told_once_none_is_leaving() -> None:
    found = only(daemon_set(nodes=3, misscheduled=2))
    assert (found.fault_class, found.severity, found.facts["misscheduled"]) == (
        FaultClass.MISSCHEDULED,
        Severity.INFO,
        "2",
    )
    leaving = pod("agent-1", owned_by=("DaemonSet", "agent"), terminating=True)
    judgement = look(daemon_set(nodes=3, misscheduled=2), leaving)
    assert (judgement.violations, len(judgement.settling)) == ((), 1)


# ---------------------------------------------------------------- what a StatefulSet stands on

DATA = [{"metadata": {"name": "data"}, "spec": {"storageClassName": "fast"}}]


def sets_healthy() -> Intent:
    return intent({"type": "objectsHealthy", "kinds": ["StatefulSet"]})


def grounds(*facts: Any, classes: Any = ("standard",)) -> Observation:
    seen = observation(*facts)
    held: Any = (
        unreadable("StorageClass")
        if classes is None
        else {("", name): decode(Fact, {"metadata": metadata("StorageClass", name, "")}) for name in classes}
    )
    return Observation(at=seen.at, objects={"Node": {}, **seen.objects, "StorageClass": held})


def faults(world: Observation) -> list[tuple[FaultClass, str]]:
    found = judge([sets_healthy()], world).violations
    assert {violation.target.kind for violation in found} <= {"StatefulSet"}
    return [(violation.fault_class, violation.reason) for violation in found]


def test_a_governing_service_that_is_not_there_is_named() -> None:
    (found,) = judge([sets_healthy()], grounds(stateful_set(serviceName="db-headless"))).violations
    assert (found.fault_class, found.facts["service"]) == (FaultClass.GOVERNING_SERVICE, "db-headless")


@pytest.mark.parametrize(
    "facts",
    [
        (stateful_set(serviceName="db"), service("db")),
        (stateful_set(serviceName="db", age=20),),
        (stateful_set(serviceName=""),),
        (stateful_set(),),
    ],
)
def test_a_service_that_is_there_not_wished_for_or_only_late_is_no_fault(facts: Any) -> None:
    assert faults(grounds(*facts)) == []


def test_a_claim_template_of_a_class_that_is_not_there_is_named() -> None:
    broken = stateful_set(available=0, volumeClaimTemplates=DATA)
    (found,) = judge([sets_healthy()], grounds(broken)).violations
    assert (found.fault_class, found.reason) == (FaultClass.CLAIM_PENDING, "StorageClassNotFound")
    assert (found.facts["storageClass"], found.facts["claim"]) == ("fast", "data")


@pytest.mark.parametrize(
    ("broken", "classes"),
    [
        (
            stateful_set(volumeClaimTemplates=DATA),
            ("standard",),
        ),  # its claims are bound: no class is needed any more
        (stateful_set(available=0, volumeClaimTemplates=DATA), ("fast",)),
        (stateful_set(available=0, volumeClaimTemplates=[{"metadata": {"name": "data"}}]), ()),
        (stateful_set(available=0, age=20, volumeClaimTemplates=DATA), ()),
    ],
)
def test_a_class_that_is_there_or_left_to_the_default_is_no_fault_of_the_template(
    broken: Workload, classes: Any
) -> None:
    assert faults(grounds(broken, classes=classes)) == []


def test_classes_that_cannot_be_read_leave_the_expectation_open_and_the_service_told() -> None:
    world = grounds(stateful_set(available=0, serviceName="db", volumeClaimTemplates=DATA), classes=None)
    judgement = judge([sets_healthy()], world)
    assert [violation.fault_class for violation in judgement.violations] == [FaultClass.GOVERNING_SERVICE]
    assert (judgement.judged, len(judgement.unknowns)) == (frozenset(), 1)


TEXTS = st.sampled_from(["", "db", "fast"])
SPECS = st.fixed_dictionaries(
    {},
    optional={
        "replicas": st.none() | st.integers(-1, 3),
        "serviceName": TEXTS,
        "volumeClaimTemplates": st.lists(
            st.fixed_dictionaries(
                {},
                optional={
                    "metadata": st.fixed_dictionaries({}, optional={"name": TEXTS}),
                    "spec": st.fixed_dictionaries({}, optional={"storageClassName": st.none() | TEXTS}),
                },
            ),
            max_size=2,
        ),
    },
)


@given(st.lists(SPECS, max_size=3))
def test_whatever_a_stateful_set_says_or_leaves_out_it_is_judged(specs: list[dict[str, Any]]) -> None:
    sets = [
        decode(Workload, {"metadata": metadata("StatefulSet", f"db-{n}", "shop"), "spec": spec})
        for n, spec in enumerate(specs)
    ]
    judgement = judge([sets_healthy()], grounds(*sets))
    assert judgement.judged == {("shop", 0)}
    assert all(violation.message for violation in judgement.violations)
