"""What is mended first: what users reach, of which most is gone, whose budget burns."""

from __future__ import annotations

import msgspec

from detectors.facts_network import Ingress
from detectors.judge import judge
from detectors.triage import triage
from tests.fakes.world import (
    NAMESPACE,
    deployment,
    intent,
    metadata,
    observation,
    pod,
    replica_set,
    service,
    waiting,
)


def sick(name: str, available: int, replicas: int = 4):
    return [
        deployment(name, replicas=replicas, available=available),
        replica_set(name, replicas=replicas),
        pod(f"{name}-x", waiting("ErrImagePull", image=f"{name}:1"), of=name),
    ]


def ingress(to: str) -> Ingress:
    path = {"path": "/", "backend": {"service": {"name": to, "port": {"number": 80}}}}
    meta = metadata("Ingress", "front", NAMESPACE)
    return msgspec.convert({"metadata": meta, "spec": {"rules": [{"http": {"paths": [path]}}]}}, Ingress)


def order(*facts, ingresses=()):
    world = observation(*facts)
    objects = {**world.objects, "Ingress": {(NAMESPACE, i.metadata.name): i for i in ingresses}}
    seen = type(world)(at=world.at, objects=objects)
    return [case.target.name for case in triage(judge([intent()], seen), seen)]


def test_what_users_reach_comes_before_what_nobody_reaches():
    facts = [*sick("batch", 0), *sick("inner", 3), *sick("front", 3), *sick("api", 3)]
    services = [service("inner"), service("front", kind="LoadBalancer"), service("api")]
    assert order(*facts, *services, ingresses=[ingress("api")]) == ["api", "front", "inner", "batch"]


def test_among_equals_the_one_of_which_most_is_gone():
    assert order(*sick("a", 3), *sick("b", 0), *sick("c", 2)) == ["b", "c", "a"]


def test_a_pod_more_or_less_of_many_does_not_reorder_the_queue():
    assert order(*sick("a", 52, 100), *sick("b", 51, 100)) == ["a", "b"]
