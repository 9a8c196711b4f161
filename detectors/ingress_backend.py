"""An Ingress sends to a Service, or to a port of it, that is not there."""

from __future__ import annotations

from collections.abc import Iterator

from detectors.base import Detector, Finding, View
from detectors.facts import Service
from detectors.facts_network import BackendPort, BackendService, Ingress
from detectors.model import FaultClass, Severity
from detectors.timestamps import age
from detectors.world import ref
from intents.model import ObjectsHealthy

NAME = "ingressBackend"


def _judge(view: View) -> Iterator[Finding]:
    for found in view.objects("Ingress", Ingress):
        if found.metadata.deletion_timestamp:
            continue
        target = ref("Ingress", found.metadata)
        since = age(found.metadata.creation_timestamp, view.at)
        broken = [
            (where, backend, why)
            for where, backend in _backends(found)
            if (why := _why(view, found, backend))
        ]
        if not broken:
            continue
        where, backend, (reason, told) = broken[0]
        if since is not None and since <= view.patience.missing:
            yield view.settling(target, told)
            continue
        more = f"; {len(broken) - 1} more of its backends are broken" if len(broken) > 1 else ""
        yield view.violation(
            NAME,
            FaultClass.INGRESS_BACKEND,
            target,
            severity=Severity.CRITICAL,
            reason=reason,
            message=f"{where} leads to {told}{more}",
            facts={
                "service": backend.name,
                "port": _port(backend.port),
                "broken": str(len(broken)),
            },
        )


def _backends(found: Ingress) -> Iterator[tuple[str, BackendService]]:
    """Every backend that is a Service, with the place that leads to it."""
    spec = found.spec
    if spec.default_backend is not None and spec.default_backend.service is not None:
        yield "the default backend", spec.default_backend.service
    for rule in spec.rules:
        for path in rule.http.paths if rule.http is not None else ():
            if path.backend.service is not None:
                yield f"{rule.host or '*'}{path.path or '/'}", path.backend.service


def _why(view: View, found: Ingress, backend: BackendService) -> tuple[str, str] | None:
    """Reason and words; None where the backend is there."""
    service = view.world.observation.services().get((found.metadata.namespace, backend.name))
    if service is None:
        return "ServiceNotFound", f"Service {backend.name}, which does not exist"
    if _has(service, backend.port):
        return None
    ports = ", ".join(
        f"{port.port} ({port.name})" if port.name else str(port.port) for port in service.spec.ports
    )
    return (
        "PortNotFound",
        f"port {_port(backend.port)} of Service {backend.name}, which has only {ports or 'none'}",
    )


def _has(service: Service, wanted: BackendPort) -> bool:
    if wanted.name:
        return any(port.name == wanted.name for port in service.spec.ports)
    return wanted.number is None or any(port.port == wanted.number for port in service.spec.ports)


def _port(wanted: BackendPort) -> str:
    return wanted.name or str(wanted.number or "")


DETECTOR = Detector(
    NAME,
    frozenset({FaultClass.INGRESS_BACKEND}),
    (ObjectsHealthy,),
    ("Ingress", "Service"),
    _judge,
    ("Ingress",),
)
