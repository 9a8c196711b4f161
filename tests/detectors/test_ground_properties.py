"""Whatever the API server says of nodes, claims, volumes, classes and webhooks, the judge answers."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detectors.facts_cluster import TYPES
from detectors.judge import judge
from detectors.model import Observation
from detectors.triage import triage
from detectors.world import World
from tests.detectors.test_properties import CONDITIONS, LABELS, META, NUMBERS, TEXT, TIMES, optional, worlds
from tests.fakes.ground import CLUSTER, OBJECTS
from tests.fakes.world import NOW, intent, unreadable

NAMES = st.sampled_from(["", "web", "x", "n1", "standard"])
MARKS = st.dictionaries(
    st.sampled_from(["storageclass.kubernetes.io/is-default-class", "volume.kubernetes.io/selected-node"]),
    st.sampled_from(["true", "false", ""]),
    max_size=2,
)
PHASES = st.sampled_from(["", "Pending", "Lost", "Bound", "Released", "Failed", "?"])
PRESSED = st.lists(
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(["Ready", "DiskPressure", "NetworkUnavailable", "?"]),
            "status": st.sampled_from(["True", "False", "Unknown", ""]),
        },
        optional={"lastTransitionTime": TIMES, "message": TEXT},
    ),
    max_size=3,
)
SHAPES: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "Node": optional(
        spec=optional(
            unschedulable=st.booleans(),
            taints=st.lists(optional(key=TEXT, effect=TEXT, timeAdded=TIMES), max_size=2),
        ),
        status=optional(
            conditions=st.one_of(CONDITIONS, PRESSED),
            allocatable=st.dictionaries(st.just("pods"), st.one_of(TEXT, st.just("1")), max_size=1),
        ),
    ),
    "PersistentVolumeClaim": optional(
        spec=optional(storageClassName=st.one_of(st.none(), NAMES), volumeName=NAMES),
        status=optional(phase=PHASES),
    ),
    "PersistentVolume": optional(
        spec=optional(
            claimRef=st.one_of(st.none(), optional(name=NAMES)), persistentVolumeReclaimPolicy=TEXT
        ),
        status=optional(phase=PHASES, message=TEXT, lastPhaseTransitionTime=TIMES),
    ),
    "StorageClass": optional(provisioner=TEXT, volumeBindingMode=TEXT),
    "ValidatingWebhookConfiguration": optional(
        webhooks=st.lists(
            optional(
                name=TEXT,
                failurePolicy=TEXT,
                clientConfig=optional(
                    service=st.one_of(
                        st.none(), optional(namespace=st.just("shop"), name=NAMES, port=NUMBERS)
                    )
                ),
            ),
            max_size=2,
        )
    ),
}
SHAPES["MutatingWebhookConfiguration"] = SHAPES["ValidatingWebhookConfiguration"]


@st.composite
def grounds(draw: st.DrawFn) -> Observation:
    seen = draw(worlds())
    objects: dict[str, Any] = dict(seen.objects)
    for kind, shape in SHAPES.items():
        if draw(st.integers(0, 9)) == 0:
            objects[kind] = unreadable(kind)
            continue
        kept = objects[kind] = {}
        for _ in range(draw(st.integers(0, 2))):
            meta = {**draw(META), "annotations": draw(MARKS), "labels": draw(LABELS)}
            document = {**draw(shape), "metadata": meta}
            fact = msgspec.json.decode(msgspec.json.encode(document), type=TYPES[kind])
            kept[(fact.metadata.namespace, fact.metadata.name)] = fact
    return Observation(at=NOW, objects=objects, metrics=seen.metrics)


EVERYTHING = (intent(name="healthy"), CLUSTER, OBJECTS)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(grounds())
def test_the_judge_answers_whatever_stands_under_the_workloads(world):
    judgement = judge(EVERYTHING, world)
    unknown = {(gap.intent, gap.expectation) for gap in judgement.unknowns}
    assert judgement.judged | unknown >= {("healthy", 0), ("cluster", 0), ("objects", 0)}
    cases = triage(judgement, world)
    assert sum(len(case.violations) for case in cases) == len(judgement.violations)
    assert judge(EVERYTHING, world, world=World(world).then(world)) == judgement
