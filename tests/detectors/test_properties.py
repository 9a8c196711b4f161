"""Whatever the API server says, the judge answers; and what could not be read decides nothing."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detectors.facts import FACT_TYPES, Fact
from detectors.judge import judge
from detectors.model import Gap, Observation, Standing
from detectors.triage import triage
from tests.fakes.world import (
    KINDS,
    NAMESPACE,
    NOW,
    deployment,
    endpoint_slice,
    intent,
    observation,
    pod,
    reading,
    replica_set,
    service,
    unreadable,
    waiting,
    when,
)

WORDS = st.sampled_from(
    [
        "",
        "OOMKilled",
        "Error",
        "StartError",
        "Completed",
        "CrashLoopBackOff",
        "ImagePullBackOff",
        "CreateContainerConfigError",
        "ContainerCreating",
        "RunContainerError",
        "Unschedulable",
        "SchedulingGated",
        "Evicted",
        "PreemptionByScheduler",
        "FailedCreate",
        "nonsense\u0000",
    ]
)
TEXT = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            "couldn't find key  in ConfigMap /",
            "couldn't find key K in ConfigMap shop/c",
            'configmap "c" not found',
            "container init was OOM-killed",
            "0/3 nodes are available: 1 Insufficient , 9 node(s) had untolerated taint {",
            "exceeded quota: q, requested: , used: , limited: ",
            'is forbidden: User "" cannot list resource "pods"',
            "exec format error",
        ]
    ),
)
TIMES = st.one_of(
    st.none(),
    st.sampled_from(
        ["", "yesterday", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", when(5), when(-50), "20"]
    ),
    st.text(max_size=20),
)
NAMES = st.sampled_from(["web", "db", "web-1", "web-2", "x"])
LABELS = st.dictionaries(
    st.sampled_from(["app", "kubernetes.io/service-name"]), st.sampled_from(["web", "db"]), max_size=2
)
NUMBERS = st.integers(-3, 50)
OWNERS = st.lists(
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["ReplicaSet", "Deployment", "StatefulSet", "Job", "Pod"]),
            "name": NAMES,
            "uid": st.sampled_from(["", "u1", "u2"]),
            "controller": st.booleans(),
        }
    ),
    max_size=2,
)


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


META = st.fixed_dictionaries(
    {"name": NAMES, "namespace": st.just(NAMESPACE)},
    optional={
        "uid": st.sampled_from(["u1", "u2"]),
        "labels": LABELS,
        "annotations": st.dictionaries(st.just("deployment.kubernetes.io/revision"), TEXT, max_size=1),
        "ownerReferences": OWNERS,
        "generation": NUMBERS,
        "creationTimestamp": TIMES.filter(lambda text: text is not None),
        "deletionTimestamp": TIMES,
        "finalizers": st.lists(TEXT, max_size=2),
        "managedFields": st.lists(optional(time=TIMES, subresource=TEXT), max_size=2),
    },
)
ENDED = optional(
    exitCode=NUMBERS, signal=NUMBERS, reason=WORDS, message=TEXT, startedAt=TIMES, finishedAt=TIMES
)
STATE = optional(
    waiting=optional(reason=WORDS, message=TEXT), running=optional(startedAt=TIMES), terminated=ENDED
)
STATUS = st.fixed_dictionaries(
    {"name": NAMES},
    optional={
        "image": TEXT,
        "ready": st.booleans(),
        "started": st.one_of(st.none(), st.booleans()),
        "restartCount": NUMBERS,
        "state": STATE,
        "lastState": STATE,
    },
)
CONDITIONS = st.lists(
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(
                ["Ready", "PodScheduled", "DisruptionTarget", "Progressing", "ReplicaFailure", "Available"]
            ),
            "status": st.sampled_from(["True", "False", "Unknown", ""]),
        },
        optional={
            "reason": st.one_of(
                WORDS, st.sampled_from(["ProgressDeadlineExceeded", "NewReplicaSetAvailable"])
            ),
            "message": TEXT,
            "lastTransitionTime": TIMES,
            "lastUpdateTime": TIMES,
        },
    ),
    max_size=3,
)
POD = optional(
    spec=optional(
        containers=st.lists(st.fixed_dictionaries({"name": NAMES}, optional={"image": TEXT}), max_size=2)
    ),
    status=optional(
        phase=st.sampled_from(["", "Pending", "Running", "Succeeded", "Failed", "Unknown"]),
        reason=WORDS,
        message=TEXT,
        conditions=CONDITIONS,
        containerStatuses=st.lists(STATUS, max_size=2),
        initContainerStatuses=st.lists(STATUS, max_size=2),
    ),
)
PROBE = optional(initialDelaySeconds=NUMBERS, periodSeconds=NUMBERS, failureThreshold=NUMBERS)
DECLARED = st.lists(
    st.fixed_dictionaries(
        {"name": NAMES},
        optional={
            "livenessProbe": PROBE,
            "startupProbe": PROBE,
            "restartPolicy": st.sampled_from(["Always", "?"]),
        },
    ),
    max_size=2,
)
WORKLOAD = optional(
    spec=optional(
        replicas=st.one_of(st.none(), NUMBERS),
        paused=st.booleans(),
        template=optional(
            metadata=optional(labels=LABELS), spec=optional(containers=DECLARED, initContainers=DECLARED)
        ),
    ),
    status=optional(
        observedGeneration=NUMBERS,
        replicas=NUMBERS,
        updatedReplicas=NUMBERS,
        availableReplicas=NUMBERS,
        desiredNumberScheduled=NUMBERS,
        numberAvailable=NUMBERS,
        numberMisscheduled=NUMBERS,
        conditions=CONDITIONS,
    ),
)
SERVICE = optional(
    spec=optional(
        selector=LABELS,
        type=st.sampled_from(["ClusterIP", "ExternalName", "?"]),
        ports=st.lists(
            st.fixed_dictionaries(
                {"port": NUMBERS}, optional={"targetPort": st.one_of(NUMBERS, TEXT, st.none())}
            ),
            max_size=2,
        ),
    )
)
SLICE = optional(
    endpoints=st.one_of(
        st.none(),
        st.lists(
            optional(
                addresses=st.lists(TEXT, max_size=2),
                conditions=optional(ready=st.one_of(st.none(), st.booleans())),
            ),
            max_size=3,
        ),
    ),
    ports=st.one_of(st.none(), st.lists(optional(port=st.one_of(st.none(), NUMBERS)), max_size=2)),
)
SHAPES = {"Pod": POD, "Service": SERVICE, "EndpointSlice": SLICE}


@st.composite
def worlds(draw: st.DrawFn) -> Observation:
    """Any Observation that decoding can yield, some kinds behind Gaps."""
    objects: dict[str, dict[tuple[str, str], Fact] | Gap] = {}
    for kind in KINDS:
        if draw(st.integers(0, 9)) == 0:
            objects[kind] = unreadable(kind)
            continue
        kept: dict[tuple[str, str], Fact] = {}
        for _ in range(draw(st.integers(0, 3))):
            document = {**draw(SHAPES.get(kind, WORKLOAD)), "metadata": draw(META)}
            fact = msgspec.json.decode(msgspec.json.encode(document), type=FACT_TYPES[kind])
            kept[(fact.metadata.namespace, fact.metadata.name)] = fact
        objects[kind] = kept
    return Observation(at=NOW, objects=objects, metrics={"metric/0": reading(broken=[1.0])})


EVERYTHING = (
    intent(name="healthy"),
    intent({"type": "workloadHealthy"}, {"type": "replicasAtLeast", "count": 2}, name="named", target="web"),
    intent({"type": "endpointsPresent", "service": "web"}, name="endpoints"),
    intent({"type": "metric", "query": "v", "operator": "<", "threshold": 1}, name="metric", target="web"),
    intent(
        {
            "type": "manifest",
            "manifest": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}},
        },
        name="manifest",
    ),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds())
def test_the_judge_answers_for_every_expectation_whatever_the_world(world):
    judgement = judge(EVERYTHING, world)
    every = {(wish.name, index) for wish in EVERYTHING for index in range(len(wish.spec.expectations))}
    unknown = {(gap.intent, gap.expectation) for gap in judgement.unknowns}
    assert judgement.judged | unknown == every
    assert not judgement.judged & unknown
    assert {(v.intent, v.expectation) for v in judgement.violations} <= judgement.judged
    fingerprints = [(v.expectation, v.fingerprint) for v in judgement.violations]
    assert len(set(fingerprints)) == len(fingerprints)
    cases = triage(judgement, world)
    assert sum(len(case.violations) for case in cases) == len(judgement.violations)
    assert len({case.key for case in cases}) == len(cases)
    assert judge(EVERYTHING, world) == judgement  # the same world, the same answer


NEEDED = {
    "healthy": {"Pod", "ReplicaSet", "Deployment", "StatefulSet", "DaemonSet"},
    "endpoints": {"Service", "EndpointSlice", "Pod", "ReplicaSet", "Deployment", "StatefulSet", "DaemonSet"},
    "metric": {"Deployment", "StatefulSet", "DaemonSet"},
}


def troubled(*, gaps: tuple[str, ...] = ()) -> Observation:
    return observation(
        deployment(available=0),
        replica_set(),
        pod("web-1", waiting("ErrImagePull")),
        service(selector={"app": "nobody"}),
        endpoint_slice(),
        metrics={"metric/0": reading(broken=[1.0])},
        gaps=gaps,
    )


def test_without_gaps_this_world_is_broken_in_every_way():
    judgement = judge(EVERYTHING, troubled())
    assert {violation.intent for violation in judgement.violations} >= set(NEEDED)


@pytest.mark.parametrize("name", NEEDED)
@pytest.mark.parametrize("kind", KINDS)
def test_a_gap_in_a_needed_kind_yields_neither_violation_nor_health(name, kind):
    judgement = judge(EVERYTHING, troubled(gaps=(kind,)))
    known = kind not in NEEDED[name]
    assert any(violation.intent == name for violation in judgement.violations) is known
    assert ((name, 0) in judgement.judged) is known
    target = next(v.target for v in judge(EVERYTHING, troubled()).violations if v.intent == name)
    assert judgement.standing(name, target) is (Standing.VIOLATED if known else Standing.UNSETTLED)
