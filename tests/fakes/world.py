"""Builders of facts: small worlds for everyone's tests, in the API's own shapes.

Each builder goes through msgspec from the JSON that an API server would send, so a test world can hold
nothing that decoding would not yield. `NOW` is the turn's time; ages are given in seconds before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from detectors.facts import FACT_TYPES, EndpointSlice, Fact, Pod, Sample, Service, Workload
from detectors.model import Gap, MetricReading, Observation
from intents.model import Intent

NOW = 1_800_000_000.0
NAMESPACE = "shop"
KINDS = ("Pod", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Service", "EndpointSlice")

Json = dict[str, Any]
T = TypeVar("T")


def when(seconds_ago: float) -> str:
    """An API timestamp, that many seconds before NOW."""
    return datetime.fromtimestamp(NOW - seconds_ago, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def intent(
    *expectations: Json,
    name: str = "shop",
    namespace: str = NAMESPACE,
    kind: str | None = None,
    target: str | None = None,
    match_labels: Mapping[str, str] | None = None,
    **spec: Any,
) -> Intent:
    """An intent over a namespace, by default that its workloads are healthy."""
    scope: Json = {"namespace": namespace}
    if kind:
        scope["kind"] = kind
    if target:
        scope["name"] = target
    if match_labels:
        scope["matchLabels"] = dict(match_labels)
    return Intent.model_validate(
        {
            "apiVersion": "intentd.io/v1alpha1",
            "kind": "Intent",
            "metadata": {"name": name},
            "spec": {
                "scope": scope,
                "expectations": list(expectations) or [{"type": "workloadHealthy"}],
                **spec,
            },
        }
    )


def waiting(
    reason: str,
    message: str = "",
    *,
    name: str = "app",
    restarts: int = 0,
    last: Json | None = None,
    image: str = "shop/web:1.4",
) -> Json:
    """The status of a container that waits."""
    return {
        "name": name,
        "image": image,
        "ready": False,
        "started": False,
        "restartCount": restarts,
        "state": {"waiting": {"reason": reason, "message": message}},
        "lastState": {"terminated": last} if last else {},
    }


def running(
    *,
    name: str = "app",
    ready: bool = True,
    started: bool | None = True,
    restarts: int = 0,
    since: float = 3600,
    last: Json | None = None,
    image: str = "shop/web:1.4",
) -> Json:
    """The status of a container that runs, for `since` seconds."""
    status: Json = {
        "name": name,
        "image": image,
        "ready": ready,
        "restartCount": restarts,
        "state": {"running": {"startedAt": when(since)}},
        "lastState": {"terminated": last} if last else {},
    }
    if started is not None:
        status["started"] = started
    return status


def terminated(
    reason: str = "Error", exit_code: int = 1, *, ago: float = 5, message: str = "", name: str = "app"
) -> Json:
    """The status of a container that has ended and does not run again yet."""
    return {
        "name": name,
        "image": "shop/web:1.4",
        "ready": False,
        "started": False,
        "restartCount": 0,
        "state": {"terminated": ending(reason, exit_code, ago=ago, message=message)},
        "lastState": {},
    }


def ending(
    reason: str = "Error", exit_code: int = 1, *, ago: float = 5, message: str = "", ran: float | None = None
) -> Json:
    """How a container ended, that many seconds ago, after having run for so long."""
    ended = {"exitCode": exit_code, "reason": reason, "message": message, "finishedAt": when(ago)}
    return ended if ran is None else {**ended, "startedAt": when(ago + ran)}


def owner(kind: str, name: str) -> list[Json]:
    """A controller reference; uids follow from names (`uid_of`)."""
    return [{"kind": kind, "name": name, "uid": uid_of(kind, name), "controller": True}]


def uid_of(kind: str, name: str) -> str:
    """The uid that the builders give an object."""
    return f"uid-{kind.lower()}-{name}"


def metadata(kind: str, name: str, namespace: str, **more: Any) -> Json:
    """Metadata with a uid that follows from kind and name."""
    return {
        "name": name,
        "namespace": namespace,
        "uid": uid_of(kind, name),
        "resourceVersion": "1",
        "creationTimestamp": when(3600),
        **more,
    }


def pod(
    name: str = "web-1",
    *statuses: Json,
    of: str | None = "web",
    revision: int = 1,
    owned_by: tuple[str, str] | None = None,
    namespace: str = NAMESPACE,
    labels: Mapping[str, str] | None = None,
    phase: str | None = None,
    age: float = 3600,
    ready_since: float | None = None,
    conditions: Iterable[Json] | None = None,
    init: Iterable[Json] = (),
    terminating: bool = False,
) -> Pod:
    """A pod of the Deployment `of` through its ReplicaSet, healthy unless statuses say otherwise."""
    containers = list(statuses) or [running(since=age)]
    healthy = all(status["ready"] for status in containers)
    reference = owned_by or (("ReplicaSet", f"{of}-{revision}") if of else None)
    meta = metadata(
        "Pod", name, namespace, labels=dict(labels if labels is not None else {"app": of or name})
    )
    meta["creationTimestamp"] = when(age)
    if reference:
        meta["ownerReferences"] = owner(*reference)
    if terminating:
        meta["deletionTimestamp"] = when(1)
    started = any("running" in status["state"] for status in containers)
    said = [
        {
            "type": "Ready",
            "status": "True" if healthy else "False",
            "lastTransitionTime": when(age if ready_since is None else ready_since),
        },
        {"type": "PodScheduled", "status": "True", "lastTransitionTime": when(age)},
    ]
    return decode(
        Pod,
        {
            "metadata": meta,
            "spec": {
                "nodeName": "n1",
                "containers": [{"name": s["name"], "image": s.get("image", "")} for s in containers],
            },
            "status": {
                "phase": phase or ("Running" if started else "Pending"),
                "conditions": said if conditions is None else list(conditions),
                "containerStatuses": containers,
                "initContainerStatuses": list(init),
            },
        },
    )


def deployment(
    name: str = "web",
    *,
    replicas: int | None = 1,
    updated: int | None = None,
    available: int | None = None,
    total: int | None = None,
    namespace: str = NAMESPACE,
    labels: Mapping[str, str] | None = None,
    pod_labels: Mapping[str, str] | None = None,
    paused: bool = False,
    generation: int = 1,
    observed: int | None = None,
    progressing: str = "NewReplicaSetAvailable",
    progressed_ago: float = 3600,
    conditions: Iterable[Json] = (),
    age: float = 3600,
    template: Json | None = None,
    written: float | None = None,
) -> Workload:
    """A Deployment whose rollout is done and whose replicas are available, unless said otherwise.
    `template` is its pods' spec; `written` says how many seconds ago its own was."""
    wanted = 1 if replicas is None else replicas
    up_to_date = wanted if updated is None else updated
    meta = metadata("Deployment", name, namespace, labels=dict(labels or {}), generation=generation)
    meta["creationTimestamp"] = when(age)
    chosen = dict(pod_labels or {"app": name})
    spec: Json = {
        "paused": paused,
        "selector": {"matchLabels": chosen},
        "template": {"metadata": {"labels": chosen}, "spec": template or {}},
    }
    if written is not None:
        meta["managedFields"] = [
            {"manager": "kubectl", "operation": "Update", "time": when(age)},
            {"manager": "kubectl", "operation": "Update", "time": when(written), "subresource": "scale"},
            {"manager": "controller", "operation": "Update", "time": when(0), "subresource": "status"},
        ]
    if replicas is not None:
        spec["replicas"] = replicas
    here = wanted if available is None else available
    return decode(
        Workload,
        {
            "metadata": meta,
            "spec": spec,
            "status": {
                "observedGeneration": generation if observed is None else observed,
                "replicas": up_to_date if total is None else total,
                "updatedReplicas": up_to_date,
                "readyReplicas": here,
                "availableReplicas": here,
                "conditions": [
                    {
                        "type": "Progressing",
                        "status": "False" if progressing == "ProgressDeadlineExceeded" else "True",
                        "reason": progressing,
                        "lastUpdateTime": when(progressed_ago),
                        "lastTransitionTime": when(age),
                    },
                    *conditions,
                ],
            },
        },
    )


def replica_set(
    of: str = "web", *, revision: int = 1, replicas: int = 1, available: int = 0, namespace: str = NAMESPACE
) -> Workload:
    """The ReplicaSet of one revision of a Deployment."""
    name = f"{of}-{revision}"
    return decode(
        Workload,
        {
            "metadata": metadata(
                "ReplicaSet",
                name,
                namespace,
                ownerReferences=owner("Deployment", of),
                annotations={"deployment.kubernetes.io/revision": str(revision)},
            ),
            "spec": {"replicas": replicas},
            "status": {"replicas": replicas, "availableReplicas": available},
        },
    )


def stateful_set(
    name: str = "db",
    *,
    replicas: int = 1,
    available: int | None = None,
    updated: int | None = None,
    namespace: str = NAMESPACE,
    age: float = 3600,
    **spec: Any,
) -> Workload:
    """A StatefulSet, healthy unless said otherwise."""
    here = replicas if available is None else available
    meta = metadata("StatefulSet", name, namespace, generation=1)
    meta["creationTimestamp"] = when(age)
    return decode(
        Workload,
        {
            "metadata": meta,
            "spec": {"replicas": replicas, "template": {"metadata": {"labels": {"app": name}}}, **spec},
            "status": {
                "observedGeneration": 1,
                "replicas": replicas,
                "updatedReplicas": replicas if updated is None else updated,
                "readyReplicas": here,
                "availableReplicas": here,
            },
        },
    )


def daemon_set(
    name: str = "agent",
    *,
    nodes: int = 1,
    available: int | None = None,
    misscheduled: int = 0,
    namespace: str = NAMESPACE,
) -> Workload:
    """A DaemonSet, healthy unless said otherwise."""
    here = nodes if available is None else available
    return decode(
        Workload,
        {
            "metadata": metadata("DaemonSet", name, namespace, generation=1),
            "spec": {"template": {"metadata": {"labels": {"app": name}}}},
            "status": {
                "observedGeneration": 1,
                "desiredNumberScheduled": nodes,
                "updatedNumberScheduled": nodes,
                "numberReady": here,
                "numberAvailable": here,
                "numberMisscheduled": misscheduled,
            },
        },
    )


def service(
    name: str = "web",
    *,
    selector: Mapping[str, str] | None = None,
    namespace: str = NAMESPACE,
    target_port: int | str = 8080,
    kind: str = "ClusterIP",
) -> Service:
    """A Service; an empty selector means none."""
    return decode(
        Service,
        {
            "metadata": metadata("Service", name, namespace),
            "spec": {
                "type": kind,
                "selector": dict({"app": name} if selector is None else selector),
                "ports": [{"port": 80, "targetPort": target_port}],
            },
        },
    )


def endpoint_slice(
    service_name: str = "web",
    *ready: bool | None,
    namespace: str = NAMESPACE,
    ports: list[Json] | None = None,
    name: str | None = None,
    prefix: str = "10.0.0.",
) -> EndpointSlice:
    """A slice with one endpoint for each of `ready` (None = the server did not say)."""
    return decode(
        EndpointSlice,
        {
            "metadata": metadata(
                "EndpointSlice",
                name or f"{service_name}-abc",
                namespace,
                labels={"kubernetes.io/service-name": service_name},
            ),
            "endpoints": [
                {
                    "addresses": [f"{prefix}{number}"],
                    "conditions": {} if state is None else {"ready": state},
                }
                for number, state in enumerate(ready, 1)
            ]
            or None,
            "ports": [{"port": 8080}] if ports is None else ports,
        },
    )


def reading(
    *, broken: Iterable[float] = (), held: Iterable[float] = (), pending: Iterable[float] = ()
) -> MetricReading:
    """The answer to a metric expectation, a series for each value."""
    return MetricReading(
        broken=tuple(Sample((("pod", f"b{i}"),), value) for i, value in enumerate(broken)),
        held=tuple(Sample((("pod", f"h{i}"),), value) for i, value in enumerate(held)),
        pending=tuple(Sample((("pod", f"p{i}"),), value) for i, value in enumerate(pending)),
    )


def observation(
    *facts: Fact | tuple[str, Workload],
    gaps: Mapping[str, Gap] | Iterable[str] = (),
    metrics: Mapping[str, MetricReading | Gap] | None = None,
    desired: Mapping[str, Json | Gap | None] | None = None,
    at: float = NOW,
) -> Observation:
    """An Observation of these facts, every watched kind present unless named in `gaps`.

    A workload's kind follows from its uid, as the builders write it.
    """
    objects: dict[str, dict[tuple[str, str], Fact] | Gap] = {kind: {} for kind in KINDS}
    for item in facts:
        kind, fact = item if isinstance(item, tuple) else (_kind_of(item), item)
        kept = objects[kind]
        assert isinstance(kept, dict)
        kept[(fact.metadata.namespace, fact.metadata.name)] = fact
    named = gaps if isinstance(gaps, Mapping) else {kind: unreadable(kind) for kind in gaps}
    objects.update(named)
    return Observation(at=at, objects=objects, metrics=dict(metrics or {}), desired=dict(desired or {}))


def unreadable(what: str) -> Gap:
    """A kind that could not be read."""
    return Gap(what, "TimedOut", f"listing {what} timed out")


def decode(kind: type[T], document: Json) -> T:
    """The facts that the document's bytes decode to."""
    return msgspec.json.decode(msgspec.json.encode(document), type=kind)


def _kind_of(fact: Fact) -> str:
    if isinstance(fact, Workload):
        return next(kind for kind in FACT_TYPES if fact.metadata.uid.startswith(f"uid-{kind.lower()}-"))
    return type(fact).__name__
