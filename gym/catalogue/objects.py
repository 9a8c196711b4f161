"""Healthy objects, as a team would write them, in the names and shapes of a variant."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from gym.cases.workloads import pod_spec, template_of
from gym.catalogue import words
from gym.catalogue.draw import Draw
from intents.fields import Element, FieldPath, parse_path

Json = dict[str, Any]

SHAPES = ("Deployment", "StatefulSet", "DaemonSet")
ABSENT: Any = object()
"""Stands for "no such field" in `put`."""


def workload(
    d: Draw,
    kind: str = "Deployment",
    name: str | None = None,
    *,
    env: tuple[Json, ...] = (),
    probe: bool = True,
    sidecar: bool | None = None,
    replicas: int | None = None,
    image: str | None = None,
) -> Json:
    """A workload that is fine: requests, limits, probes, sometimes a sidecar and harmless variables."""
    app = name or d.app
    noise = [{"name": key, "value": words.ENV[key]} for key in d.some(sorted(words.ENV), d.any(0, 1, 2))]
    memory = d.any(128, 192, 256, 384)
    main: Json = {
        "name": d.main,
        "image": image or d.image(app),
        "env": [*env, *noise],
        "ports": [{"name": "http", "containerPort": d.port}],
        "resources": {
            "requests": {"cpu": d.any("50m", "100m", "150m"), "memory": f"{memory // 2}Mi"},
            "limits": {"memory": f"{memory}Mi"},
        },
    }
    if not main["env"]:
        del main["env"]
    if probe:
        main["readinessProbe"] = {"httpGet": {"path": d.path, "port": d.port}, "periodSeconds": 5}
        main["livenessProbe"] = {"httpGet": {"path": d.path, "port": d.port}, "initialDelaySeconds": 20}
    containers = [main]
    if sidecar if sidecar is not None else d.any(True, False, False):
        beside, picture = d.any(*words.SIDECARS)
        small = {"requests": {"cpu": "20m", "memory": "32Mi"}, "limits": {"memory": "64Mi"}}
        containers.append({"name": beside, "image": f"{d.registry}/{picture}", "resources": small})
    labels = d.labels(app)
    spec: Json = {
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": dict(labels)}, "spec": {"containers": containers}},
    }
    if kind != "DaemonSet":
        spec = {"replicas": replicas or d.any(1, 2, 3), **spec}
    if kind == "StatefulSet":
        spec["serviceName"] = f"{app}-peers"
    meta = {"name": app, "namespace": d.namespace, "labels": {**labels, "team": d.team}}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": meta, "spec": spec}


def peers(stateful_set: Json) -> Json:
    """The headless Service that a StatefulSet names, with the first container's port."""
    port = main(stateful_set)["ports"][0]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": stateful_set["spec"]["serviceName"],
            "namespace": stateful_set["metadata"]["namespace"],
        },
        "spec": {
            "clusterIP": "None",
            "selector": dict(stateful_set["spec"]["selector"]["matchLabels"]),
            "ports": [{"name": port["name"], "port": port["containerPort"], "targetPort": port["name"]}],
        },
    }


def service(d: Draw, workload: Json, name: str | None = None, port: int = 80) -> Json:
    """A Service that selects the workload's pods, by the name of their port."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name or workload["metadata"]["name"], "namespace": d.namespace},
        "spec": {
            "selector": dict(template_of(workload)["metadata"]["labels"]),
            "ports": [{"name": "http", "port": port, "targetPort": "http"}],
        },
    }


def config_map(d: Draw, name: str, data: Mapping[str, str], *, noise: int = 2) -> Json:
    """A ConfigMap with these entries among some others."""
    extra = {key: words.CONFIG[key] for key in d.some(sorted(words.CONFIG), noise)}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": d.namespace},
        "data": dict(sorted({**extra, **data}.items())),
    }


def earlier_revision(d: Draw, deployment: Json, revision: int = 3) -> Json:
    """The ReplicaSet of a revision before the present one, scaled down. The Deployment controller adopts it,
    for it matches the selector, and numbers the present revision after it."""
    found = copy.deepcopy(deployment)
    digest = d.letters(9)
    labels = {**found["spec"]["selector"]["matchLabels"], "pod-template-hash": digest}
    template = found["spec"]["template"]
    template["metadata"]["labels"] = {**template["metadata"]["labels"], "pod-template-hash": digest}
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{found['metadata']['name']}-{digest}",
            "namespace": d.namespace,
            "labels": labels,
            "annotations": {"deployment.kubernetes.io/revision": str(revision)},
        },
        "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": template},
    }


def node(name: str, *, labels: Mapping[str, str] | None = None, **more: Any) -> Json:
    """A node as case.json states it: 4 cores and 8 GiB, unless said otherwise."""
    known = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
    amounts = {"cpu": "4", "memory": "8Gi", "pods": "110"}
    return {"name": name, "labels": {**known, **(labels or {})}, "allocatable": amounts, **more}


def event(d: Draw, about: Json, reason: str, message: str, at: str) -> Json:
    """A Warning that was recorded once, at this moment (RFC 3339)."""
    meta = about["metadata"]
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{meta['name']}.{d.letters(16)}", "namespace": d.namespace},
        "involvedObject": {
            "apiVersion": about["apiVersion"],
            "kind": about["kind"],
            "name": meta["name"],
            "namespace": d.namespace,
        },
        "type": "Warning",
        "reason": reason,
        "message": message,
        "source": {"component": "kubelet"},
        "count": 1,
        "firstTimestamp": at,
        "lastTimestamp": at,
    }


# ---------------------------------------------------------------- reaching into objects


def main(obj: Json, name: str | None = None) -> Json:
    """The first container of the workload, or the named one."""
    found: list[Json] = pod_spec(obj)["containers"]
    return next(one for one in found if name in {None, one["name"]})


def names(obj: Json) -> list[str]:
    """The names of the workload's containers."""
    return [one["name"] for one in pod_spec(obj)["containers"]]


def at(obj: Json, field: str, container: str | None = None) -> str:
    """The path of a container's field (the first container's, where none is named)."""
    return f"{below(obj)}.containers[name={main(obj, container)['name']}].{field}"


def below(obj: Json) -> str:
    """The path of the pod spec."""
    match obj["kind"]:
        case "Pod":
            return "spec"
        case "CronJob":
            return "spec.jobTemplate.spec.template.spec"
        case _:
            return "spec.template.spec"


def put(document: Json, path: str, value: Any) -> None:
    """Set, add or (ABSENT) remove what is at a concrete path, in place."""
    _put(document, parse_path(path), value)


def _put(here: Any, path: FieldPath, value: Any) -> None:
    segment, rest = path[0], path[1:]
    if isinstance(segment, Element):
        place = _place(here, segment)
        if rest:
            _put(here[place], rest, value)
        elif value is ABSENT:
            del here[place]
        else:
            here[place : place + 1] = [copy.deepcopy(value)]
    elif rest:
        if segment not in here:
            here[segment] = {}
        _put(here[segment], rest, value)
        if value is ABSENT and here[segment] in ({}, []):
            del here[segment]
    elif value is ABSENT:
        here.pop(segment, None)
    else:
        here[segment] = copy.deepcopy(value)


def _place(items: list[Any], element: Element) -> int:
    """Where the element is; the end of the list where none has this key yet."""
    if element.index is not None:
        return element.index
    for place, item in enumerate(items):
        if all(str(item.get(name)) == wanted for name, wanted in element.key):
            return place
    return len(items)
