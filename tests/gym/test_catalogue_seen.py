"""The symptoms of the catalogue as detectors see them: a kubelet's status is made of each, without a cluster, and
judged by the intent that every case gets."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from detectors.facts import FACT_TYPES
from detectors.judge import judge
from detectors.model import Observation
from detectors.registry import DETECTORS
from gym.cases.load import load_case
from gym.cases.model import Scenario as Loaded
from gym.cases.state import Json, State, key_of
from gym.cases.world import state_of
from gym.catalogue import CATALOGUE
from gym.catalogue.base import Scenario
from gym.run.default_intent import default_intents
from gym.run.pod_status import sick
from gym.run.sick import container_of, patients
from gym.run.symptoms import on_init, shown
from intents.model import WORKLOAD_KINDS, Intent

BEGAN = datetime(2026, 11, 1, 12, 0, 0, tzinfo=UTC)
JUDGED = BEGAN + timedelta(seconds=400)
"""Longer than detectors are patient with anything that a pod shows."""


def load(scenario: Scenario, seed: int, folder: Any) -> Loaded:
    for name, text in scenario.variant(seed).items():
        (folder / name).write_text(text)
    return load_case(folder)


def live(obj: Json, **more: Any) -> Json:
    """As an API server would have it."""
    found = copy.deepcopy(obj)
    created = BEGAN.strftime("%Y-%m-%dT%H:%M:%SZ")
    found["metadata"] |= {"uid": f"uid-{key_of(obj)}", "generation": 1, "creationTimestamp": created}
    return found | more


def pods_of(workload: Json, loaded: Loaded) -> list[Json]:
    """The workload and its pods as the controllers and a kubelet leave them: each pod shows the symptom."""
    kind, namespace, name = key_of(workload)
    spec, template = workload["spec"], workload["spec"]["template"]
    wanted = spec.get("replicas", 1)
    labels = {**template["metadata"]["labels"], "pod-template-hash": "abc", "controller-revision-hash": "r1"}
    status: Json = {
        "observedGeneration": 1,
        "replicas": wanted,
        "updatedReplicas": wanted,
        "updateRevision": "r1",
    }
    if kind == "DaemonSet":
        status = {"observedGeneration": 1, "desiredNumberScheduled": 1, "updatedNumberScheduled": 1}
    top = live(workload, status=status)
    owner, made = top, []
    if kind == "Deployment":
        top["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "1"}
        owner = live(
            {
                "kind": "ReplicaSet",
                "metadata": {
                    "name": f"{name}-abc",
                    "namespace": namespace,
                    "labels": labels,
                    "annotations": {"deployment.kubernetes.io/revision": "1"},
                    "ownerReferences": [reference(top)],
                },
                "spec": {"replicas": wanted, "template": template},
                "status": {"observedGeneration": 1, "replicas": wanted},
            }
        )
        made.append(owner)
    patient = next(one for one in patients(loaded.case, loaded.scoring) if one.key == key_of(workload))
    for number in range(wanted):
        pod = live(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {
                    "name": f"{name}-{number}",
                    "namespace": namespace,
                    "labels": labels,
                    "ownerReferences": [reference(owner)],
                },
                "spec": {**template["spec"], "nodeName": "worker-1"},
            }
        )
        told = {}
        for symptom in patient.symptoms:
            assert symptom is not None
            init = on_init(symptom, "")
            container = container_of(patient, workload, init=init, named=symptom.container)
            assert container is not None, "the symptom's container is not there"
            found = shown(symptom, "", pod, container, State({}))
            assert found is not None
            told[container["name"]] = found
        made.append({**pod, "status": sick(pod, told, BEGAN, "10.64.0.9")})
    return [top, *made]


def reference(owner: Json) -> Json:
    meta = owner["metadata"]
    return {"kind": owner["kind"], "name": meta["name"], "uid": meta["uid"], "controller": True}


def seen(loaded: Loaded) -> set[str]:
    """The fault classes of all that is wrong with the workloads that show symptoms."""
    state = state_of(loaded.case)
    named = {(s.target.kind, s.target.name) for s in loaded.case.symptoms if s.target is not None}
    stated = [obj for key, obj in state.objects.items() if (key[0], key[2]) in named]
    facts: dict[str, dict[tuple[str, str], Any]] = {kind: {} for kind in FACT_TYPES}
    for workload in stated:
        for obj in pods_of(workload, loaded):
            _, namespace, name = key_of(obj)
            facts[obj["kind"]][namespace, name] = msgspec.convert(obj, FACT_TYPES[obj["kind"]])
    for (kind, namespace, name), obj in state.objects.items():
        if kind == "Service" and _selects_one(obj, stated):
            facts[kind][namespace, name] = msgspec.convert(live(obj), FACT_TYPES[kind])
    intents = [Intent.model_validate(one) for one in default_intents(loaded.case)]
    judgement = judge(intents, Observation(JUDGED.timestamp(), facts))
    targets = {(found.target.kind, found.target.name) for found in judgement.violations}
    assert targets <= named
    return {found.fault_class.value for found in judgement.violations}


def _selects_one(service: Json, workloads: list[Json]) -> bool:
    """Only these workloads are in the picture: to other Services it would look as if theirs were not there."""
    selector = service["spec"].get("selector") or {}
    labels = [workload["spec"]["template"]["metadata"].get("labels", {}) for workload in workloads]
    return any(selector.items() <= these.items() for these in labels)


KNOWN = {known.value for detector in DETECTORS for known in detector.fault_classes}
SHOWN = [
    one
    for one in CATALOGUE
    if (stated := one.sketch(1).symptoms)
    and all(s["target"]["kind"] in WORKLOAD_KINDS for s in stated)
    and (one.control or KNOWN & set(one.fault_classes))
]


@pytest.mark.parametrize("scenario", [pytest.param(one, id=one.name) for one in SHOWN])
def test_a_symptom_is_seen_as_one_of_the_scenarios_classes_and_a_control_as_nothing(scenario, tmp_path):
    for seed in (1, 2, 3):
        classes = seen(load(scenario, seed, tmp_path))
        if scenario.control:
            assert classes == set()
        else:
            assert classes & set(scenario.fault_classes)
