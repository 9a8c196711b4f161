"""How much a fault hurts: whether users reach what is broken, how much of it is gone, how fast a budget burns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from detectors.facts import Service, Workload, labels_match
from detectors.facts_network import Ingress
from detectors.model import FaultClass, ObjectRef, Severity, Violation
from detectors.world import World
from intents.model import WORKLOAD_KINDS

OUTSIDE = frozenset({"NodePort", "LoadBalancer"})


class Harm(NamedTuple):
    """Compared as a tuple, the most harmful first: each part is smaller where it hurts more."""

    facing: int  # 0: reached from outside the cluster, 1: through a Service, 2: by nobody that we know of
    available: float  # the share of what should be there that is
    unburnt: float  # minus the burn rate of an SLO
    severity: int


def harm(world: World, target: ObjectRef, violations: Sequence[Violation]) -> Harm:
    """The harm of one case. Shares are rounded, so that a pod more or less of hundreds does not reorder the queue."""
    critical = any(violation.severity is Severity.CRITICAL for violation in violations)
    available, labels = 1.0, dict[str, str]()
    found = world.find(target)
    services: list[Service] = []
    if isinstance(found, Workload) and target.kind in WORKLOAD_KINDS:
        rollout = world.workers(target.kind, found).rollout
        if rollout.desired > 0:
            available = round(min(1.0, max(0, rollout.available) / rollout.desired), 1)
        labels = found.spec.template.metadata.labels
        services = [service for service in _services(world, target) if _selects(service, labels)]
    elif isinstance(found, Service):
        available, services = 0.0 if critical else 0.5, [found]
    burn = max((_burn(violation) for violation in violations), default=0.0)
    severities = list(Severity)
    worst = min(severities.index(violation.severity) for violation in violations)
    return Harm(_facing(world, target.namespace, services), available, -burn, worst)


def _services(world: World, target: ObjectRef) -> list[Service]:
    return [found for found in world.of_namespace("Service", target.namespace) if isinstance(found, Service)]


def _selects(service: Service, labels: dict[str, str]) -> bool:
    return labels_match(service.spec.selector, labels)


def _facing(world: World, namespace: str, services: Sequence[Service]) -> int:
    if not services:
        return 2
    if any(service.spec.type in OUTSIDE for service in services):
        return 0
    names = {service.metadata.name for service in services}
    ingresses = world.of_namespace("Ingress", namespace)
    behind = any(names & _backends(ingress) for ingress in ingresses if isinstance(ingress, Ingress))
    return 0 if behind else 1


def _backends(ingress: Ingress) -> set[str]:
    """The Services that an Ingress leads to; only known where Ingresses are watched."""
    spec = ingress.spec
    backends = [spec.default_backend] if spec.default_backend is not None else []
    backends += [path.backend for rule in spec.rules if rule.http is not None for path in rule.http.paths]
    return {backend.service.name for backend in backends if backend.service is not None}


def _burn(violation: Violation) -> float:
    """The burn rate that an SLO's violation tells; 0 for every other."""
    if violation.fault_class is not FaultClass.SLO_BURN:
        return 0.0
    try:
        return max(0.0, float(violation.facts.get("value", "0")))
    except ValueError:
        return 0.0
