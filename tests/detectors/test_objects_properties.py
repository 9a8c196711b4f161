"""Whatever the API server says of Jobs, autoscalers, Services, Ingresses and policies, the judge answers."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detectors.facts import Fact
from detectors.judge import judge
from detectors.model import Gap, Observation
from detectors.triage import triage
from detectors.watched import FACT_TYPES
from tests.fakes.world import NAMESPACE, NOW, intent, unreadable, when

KINDS = (
    "Job",
    "CronJob",
    "HorizontalPodAutoscaler",
    "PodDisruptionBudget",
    "ResourceQuota",
    "Service",
    "EndpointSlice",
    "Ingress",
    "IngressClass",
    "Gateway",
    "HTTPRoute",
    "NetworkPolicy",
    "Deployment",
    "Pod",
)
WORDS = st.one_of(
    st.sampled_from(
        ["", "web", "x", "Failed", "TooManyReplicas", "SyncFailed", "missing request for cpu", "Forbid"]
    ),
    st.text(max_size=8),
)
TIMES = st.sampled_from(
    ["", "yesterday", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", when(5), when(90_000)]
)
NUMBERS = st.integers(-2, 70_000)
LABELS = st.dictionaries(st.sampled_from(["app", "kubernetes.io/metadata.name"]), WORDS, max_size=2)


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


def several(of: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(of, max_size=2)


CONDITIONS = several(
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(
                [
                    "Failed",
                    "FailureTarget",
                    "Complete",
                    "AbleToScale",
                    "ScalingActive",
                    "ScalingLimited",
                    "DisruptionAllowed",
                    "Accepted",
                    "Conflicted",
                ]
            ),
            "status": st.sampled_from(["True", "False", "Unknown"]),
        },
        optional={"reason": WORDS, "message": WORDS, "lastTransitionTime": TIMES},
    )
)
SELECTOR = optional(
    matchLabels=LABELS,
    matchExpressions=several(
        st.fixed_dictionaries(
            {"key": st.sampled_from(["app", "kubernetes.io/metadata.name"]), "operator": WORDS},
            optional={"values": several(WORDS)},
        )
    ),
)
PORT = st.one_of(NUMBERS, WORDS)
RULE = optional(
    **{
        side: several(
            optional(
                podSelector=SELECTOR,
                namespaceSelector=SELECTOR,
                ipBlock=st.fixed_dictionaries({"cidr": WORDS}),
            )
        )
        for side in ("from", "to")
    },
    ports=several(optional(port=PORT, endPort=NUMBERS, protocol=st.sampled_from(["TCP", "UDP"]))),
)
BACKEND = optional(
    service=st.fixed_dictionaries({"name": WORDS}, optional={"port": optional(number=NUMBERS, name=WORDS)})
)
TEMPLATE = optional(
    metadata=optional(labels=LABELS),
    spec=optional(
        containers=several(
            st.fixed_dictionaries(
                {"name": WORDS},
                optional={
                    "ports": several(
                        st.fixed_dictionaries({"containerPort": NUMBERS}, optional={"name": WORDS})
                    )
                },
            )
        )
    ),
)
SPEC = optional(
    suspend=st.booleans(),
    schedule=st.one_of(WORDS, st.sampled_from(["* * * * *", "0 0 31 2 *", "@every 1ns", "TZ=x", "@hourly"])),
    timeZone=st.sampled_from(["", "UTC", "Europe/Berlin", "Mars", "/"]),
    startingDeadlineSeconds=NUMBERS,
    concurrencyPolicy=WORDS,
    scaleTargetRef=optional(
        kind=st.sampled_from(["Deployment", "x"]), name=WORDS, apiVersion=st.just("apps/v1")
    ),
    minReplicas=NUMBERS,
    maxReplicas=NUMBERS,
    minAvailable=PORT,
    type=st.sampled_from(["ClusterIP", "ExternalName"]),
    ingressClassName=WORDS,
    defaultBackend=BACKEND,
    rules=several(optional(host=WORDS, http=optional(paths=several(optional(path=WORDS, backend=BACKEND))))),
    tls=several(optional(hosts=several(WORDS), secretName=WORDS)),
    parentRefs=several(optional(name=WORDS, namespace=WORDS)),
    podSelector=SELECTOR,
    policyTypes=several(st.sampled_from(["Ingress", "Egress"])),
    ingress=several(RULE),
    egress=several(RULE),
    template=TEMPLATE,
)
OF_KIND = {
    "Service": optional(
        selector=LABELS,
        ports=several(
            st.fixed_dictionaries(
                {"port": NUMBERS}, optional={"targetPort": PORT, "protocol": st.just("TCP")}
            )
        ),
    ),
    "PodDisruptionBudget": optional(selector=SELECTOR, maxUnavailable=PORT),
    "Deployment": optional(template=TEMPLATE, replicas=NUMBERS),
    "Pod": optional(containers=several(st.fixed_dictionaries({"name": WORDS}))),
}
STATUS = optional(
    conditions=CONDITIONS,
    active=st.integers(0, 2),
    ready=st.integers(0, 2),
    failed=st.integers(0, 2),
    startTime=TIMES,
    lastScheduleTime=TIMES,
    currentReplicas=NUMBERS,
    expectedPods=NUMBERS,
    desiredHealthy=NUMBERS,
    hard=st.dictionaries(st.just("pods"), WORDS, max_size=1),
    used=st.dictionaries(st.just("pods"), WORDS, max_size=1),
    parents=several(optional(parentRef=optional(name=WORDS), conditions=CONDITIONS)),
    listeners=several(optional(name=WORDS, conditions=CONDITIONS)),
)
META = optional(
    uid=st.sampled_from(["u1", "u2"]),
    labels=LABELS,
    creationTimestamp=TIMES,
    managedFields=several(optional(manager=WORDS, time=TIMES, subresource=WORDS)),
    ownerReferences=several(
        st.fixed_dictionaries(
            {"kind": st.sampled_from(["CronJob", "Job"]), "name": WORDS},
            optional={"uid": st.sampled_from(["", "u1"]), "controller": st.booleans()},
        )
    ),
)


@st.composite
def worlds(draw: st.DrawFn) -> Observation:
    """Any Observation that decoding can yield, some kinds behind Gaps."""
    objects: dict[str, dict[tuple[str, str], Fact] | Gap] = {kind: {} for kind in FACT_TYPES}
    for kind in KINDS:
        if draw(st.integers(0, 14)) == 0:
            objects[kind] = unreadable(kind)
            continue
        kept: dict[tuple[str, str], Fact] = {}
        for name in draw(st.lists(st.sampled_from(["web", "x"]), max_size=2, unique=True)):
            status = dict(draw(STATUS))
            if kind == "CronJob":
                status.pop("active", None)
            meta = {**draw(META), "name": name, "namespace": "" if kind == "IngressClass" else NAMESPACE}
            document = {"metadata": meta, "spec": draw(OF_KIND.get(kind, SPEC)), "status": status}
            fact = msgspec.json.decode(msgspec.json.encode(document), type=FACT_TYPES[kind])
            kept[(meta["namespace"], name)] = fact
        objects[kind] = kept
    return Observation(at=NOW, objects=objects)


PATH = {"from": {"app": "web"}, "to": {"app": "x"}, "port": "web"}
EVERYTHING = (
    intent({"type": "objectsHealthy", "paths": [PATH]}, name="all"),
    intent({"type": "objectsHealthy", "kinds": ["CronJob", "NetworkPolicy"]}, name="some"),
)


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(worlds())
def test_every_world_of_objects_is_judged_or_unknown_and_the_same_twice(world):
    judgement = judge(EVERYTHING, world)
    every = {("all", 0), ("some", 0)}
    unknown = {(gap.intent, gap.expectation) for gap in judgement.unknowns}
    assert judgement.judged | unknown == every
    assert not judgement.judged & unknown
    assert all(violation.message and violation.reason for violation in judgement.violations)
    fingerprints = [(v.intent, v.fingerprint) for v in judgement.violations]
    assert len(set(fingerprints)) == len(fingerprints)
    cases = triage(judgement, world)
    assert sum(len(case.violations) for case in cases) == len(judgement.violations)
    assert judge(EVERYTHING, world) == judgement
