"""Pod templates, containers and resources of whatever runs pods."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Literal

from gym.cases.state import Json, dig, mapping, maps
from intents.units import parse_quantity

WORKLOADS = (
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "Job",
    "CronJob",
    "ReplicaSet",
    "ReplicationController",
    "Pod",
)

Side = Literal["requests", "limits"]


def template_of(obj: Json) -> Json:
    """The pod template (metadata and spec) of a workload; the pod itself; empty for anything else."""
    match obj.get("kind"):
        case "Pod":
            return obj
        case "CronJob":
            return mapping(dig(obj, "spec", "jobTemplate", "spec", "template"))
        case kind if kind in WORKLOADS:
            return mapping(dig(obj, "spec", "template"))
        case _:
            return {}


def pod_spec(obj: Json) -> Json:
    """The spec of the pods."""
    return mapping(template_of(obj).get("spec"))


def pod_labels(obj: Json) -> Json:
    """The labels of the pods."""
    return mapping(dig(template_of(obj), "metadata", "labels"))


def containers(obj: Json, *, init: bool = True) -> list[Json]:
    """The containers in the order of the spec, init containers first."""
    spec = pod_spec(obj)
    return [*(maps(spec.get("initContainers")) if init else []), *maps(spec.get("containers"))]


def replicas(obj: Json) -> int:
    """How many pods run at once: Kubernetes' default of one where nothing is said. A DaemonSet counts as one,
    for each node asks the same."""
    match obj.get("kind"):
        case "Job":
            wanted = dig(obj, "spec", "parallelism")
        case "CronJob":
            wanted = dig(obj, "spec", "jobTemplate", "spec", "parallelism")
        case "Pod" | "DaemonSet":
            return 1
        case _:
            wanted = dig(obj, "spec", "replicas")
    return wanted if isinstance(wanted, int) and not isinstance(wanted, bool) else 1


def quantity(value: object) -> Decimal | None:
    """The amount, None for what is no quantity."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        return parse_quantity(value)
    except ValueError:
        return None


def amount(container: Json, side: Side, resource: str) -> Decimal | None:
    """What a container asks of a resource, or may have; a request defaults to the limit."""
    resources = mapping(container.get("resources"))
    found = quantity(mapping(resources.get(side)).get(resource))
    if found is None and side == "requests":
        return quantity(mapping(resources.get("limits")).get(resource))
    return found


def pod_amount(obj: Json, side: Side, resource: str) -> Decimal:
    """What one pod asks, as the scheduler counts: containers and restartable init containers together, or
    the largest other init container with those sidecars that started before it."""
    spec = pod_spec(obj)
    running = sum((amount(c, side, resource) or Decimal(0) for c in maps(spec.get("containers"))), Decimal(0))
    sidecars = largest = Decimal(0)
    for container in maps(spec.get("initContainers")):
        asked = amount(container, side, resource) or Decimal(0)
        if container.get("restartPolicy") == "Always":
            sidecars += asked
            largest = max(largest, sidecars)
        else:
            largest = max(largest, sidecars + asked)
    return max(running + sidecars, largest)


def resources_asked(obj: Json) -> Iterator[str]:
    """The names of all resources that any container requests or limits."""
    names = {
        name
        for container in containers(obj)
        for side in ("requests", "limits")
        for name in mapping(mapping(container.get("resources")).get(side))
    }
    yield from sorted(names)
