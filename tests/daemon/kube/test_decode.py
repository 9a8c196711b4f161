"""What is kept of an object, and that pods that say the same share it."""

from __future__ import annotations

import json

import pytest

from daemon.kube.decode import FactDecoder
from detectors.facts import Pod, Requirement, Workload
from remediation.model import OPERATION_ANNOTATION


def raw_pod(name: str, *, ready: str = "True", node: str = "n1") -> dict:
    at = "2026-01-05T10:00:00Z"
    conditions = [
        {"type": kind, "status": "True", "lastTransitionTime": at} for kind in ("Initialized", "PodScheduled")
    ]
    conditions.append({"type": "Ready", "status": ready, "lastTransitionTime": at})
    state = {"name": "app", "image": "shop/web:1", "state": {"running": {"startedAt": at}}, "lastState": {}}
    meta = {
        "name": name,
        "namespace": "shop",
        "uid": name,
        "resourceVersion": "1",
        "labels": {"app": "web"},
        "annotations": {"big": "x" * 1000},
        "ownerReferences": [{"kind": "ReplicaSet", "name": "web-1", "uid": "r1", "controller": True}],
    }
    return {
        "metadata": meta,
        "spec": {"nodeName": node, "containers": [{"name": "app", "image": "shop/web:1"}]},
        "status": {"phase": "Running", "conditions": conditions, "containerStatuses": [state]},
    }


def decode(kind: str, *items: dict) -> list:
    body = json.dumps({"metadata": {"resourceVersion": "5"}, "items": list(items)}).encode()
    return list(FactDecoder(kind).page(body).items or ())


def test_pods_that_say_the_same_share_it():
    one, two = decode("Pod", raw_pod("a", node="n1"), raw_pod("b", node="n2"))
    assert one.metadata.labels is two.metadata.labels
    assert one.metadata.owner_references is two.metadata.owner_references
    assert one.spec.containers is two.spec.containers
    assert one.status.container_statuses[0].state is two.status.container_statuses[0].state
    assert (one.metadata.name, one.spec.node_name) == ("a", "n1")
    assert (two.metadata.name, two.spec.node_name) == ("b", "n2")


def test_a_ready_pod_keeps_ready_and_one_that_is_not_keeps_every_condition():
    well, ill = decode("Pod", raw_pod("a"), raw_pod("b", ready="False"))
    assert [condition.type for condition in well.status.conditions] == ["Ready"]
    assert [condition.type for condition in ill.status.conditions] == ["Initialized", "PodScheduled", "Ready"]


def test_annotations_that_others_manage_by_are_kept_and_the_rest_is_dropped():
    annotations = {
        OPERATION_ANNOTATION: "op-1",
        "argocd.argoproj.io/tracking-id": "shop:web",
        "kubectl.kubernetes.io/last-applied-configuration": "{}" * 1000,
    }
    meta = {"name": "web", "namespace": "shop", "annotations": annotations}
    [workload] = decode("Deployment", {"metadata": meta})
    assert isinstance(workload, Workload)
    assert set(workload.metadata.annotations) == {OPERATION_ANNOTATION, "argocd.argoproj.io/tracking-id"}
    [pod] = decode("Pod", raw_pod("a"))
    assert isinstance(pod, Pod)
    assert pod.metadata.annotations == {}


def test_a_selector_with_expressions_is_read_whole():
    selector = {"matchExpressions": [{"key": "app", "operator": "In", "values": ["a", "b"]}]}
    [workload] = decode("Deployment", {"metadata": {"name": "web"}, "spec": {"selector": selector}})
    [expression] = workload.spec.selector.match_expressions
    assert expression == Requirement("app", "In", ("a", "b"))


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"metadata":{},"items":[{}]}', b'{"metadata":{},"items":[7]}']
)
def test_what_is_no_list_raises_instead_of_being_empty(body):
    import msgspec

    with pytest.raises(msgspec.MsgspecError):
        FactDecoder("Pod").page(body)


def test_what_is_shared_does_not_grow_for_ever():
    decoder = FactDecoder("Pod")
    for number in range(30_000):
        item = raw_pod(f"p{number}")
        item["metadata"]["labels"] = {"app": f"web-{number}"}
        decoder.object(json.dumps(item).encode())
        decoder.forget(10)
    assert len(decoder._shared) < 25_000
