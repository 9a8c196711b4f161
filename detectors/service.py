"""A Service whose selector takes no pod, or whose ports lead to none that its pods have.

What only its pods' readiness keeps from it is the pods' own matter (`workloadHealthy`), and how many endpoints it should
have is `endpointsPresent`'s. A named targetPort has to be declared by a container, or nothing is published. A number
need not: containerPorts inform, they open nothing. Where pods declare ports and the Service leads to none of
them, that is told as a hint (severity info).
"""

from __future__ import annotations

from collections.abc import Iterator

from detectors.base import Detector, Finding, View
from detectors.facts import ContainerPort, Service, ServicePort, labels_match
from detectors.model import FaultClass, Severity
from detectors.selection import crowd
from detectors.service_ports import leads_to, of_containers
from detectors.timestamps import age
from detectors.world import ref
from intents.model import WORKLOAD_KINDS, ObjectsHealthy

NAME = "service"


def _judge(view: View) -> Iterator[Finding]:
    for found in view.objects("Service", Service):
        spec = found.spec
        if found.metadata.deletion_timestamp or spec.type == "ExternalName" or not spec.selector:
            continue  # without a selector somebody else keeps its endpoints
        told = next(_faults(view, found), None)
        if told is None:
            continue
        since = age(found.metadata.creation_timestamp, view.at)
        if since is not None and since <= view.patience.missing:
            yield view.settling(ref("Service", found.metadata), "its pods may still be coming")
        else:
            yield told


def _faults(view: View, found: Service) -> Iterator[Finding]:
    world, namespace, selector = view.world, found.metadata.namespace, found.spec.selector
    taken = crowd(world, namespace).taken_by(selector)
    if taken:
        yield from _ports(view, found, [port for party in taken for port in of_containers(party.containers)])
    elif not any(labels_match(selector, pod.metadata.labels) for pod in world.pods_in(namespace)):
        words = ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
        yield view.violation(
            NAME,
            FaultClass.NO_ENDPOINTS,
            ref("Service", found.metadata),
            severity=Severity.CRITICAL,
            reason="NoPodMatches",
            message=f"no pod has the labels {words}",
            facts={"service": found.metadata.name, "selector": words, "ready": "0"},
        )


def _ports(view: View, found: Service, ports: list[ContainerPort]) -> Iterator[Finding]:
    for port in found.spec.ports:
        if leads_to(port, ports) is None and not _published(view, found, port):
            told = f"port {port.port} leads to the port named {port.target_port}, which no selected pod has"
            yield _told(view, found, port, ports, "NoSuchPort", told, Severity.CRITICAL)
            return
    numbers = {(one.container_port, one.protocol) for one in ports}
    led_to = {(leads_to(port, ports), port.protocol) for port in found.spec.ports}
    if numbers and led_to and not led_to & numbers and all(number is not None for number, _ in led_to):
        port = found.spec.ports[0]
        target = port.port if port.target_port is None else port.target_port
        told = (
            f"port {port.port} leads to {target}, and the selected pods declare only "
            f"{', '.join(str(number) for number, _ in sorted(numbers))}; they may listen there undeclared"
        )
        yield _told(view, found, port, ports, "PortNotDeclared", told, Severity.INFO)


def _published(view: View, found: Service, port: ServicePort) -> bool:
    """Whether a slice has this port, so that the controller found it where facts do not look (a sidecar among the
    init containers)."""
    return any(
        published.port is not None and (published.name or "") == port.name
        for part in view.world.slices_of((found.metadata.namespace, found.metadata.name))
        for published in part.ports or ()
        if part.endpoints
    )


def _told(
    view: View,
    found: Service,
    port: ServicePort,
    ports: list[ContainerPort],
    reason: str,
    message: str,
    severity: Severity,
) -> Finding:
    names = dict.fromkeys(
        f"{one.container_port} ({one.name})" if one.name else str(one.container_port) for one in ports
    )
    return view.violation(
        NAME,
        FaultClass.SERVICE_PORT,
        ref("Service", found.metadata),
        severity=severity,
        reason=reason,
        message=message,
        facts={
            "service": found.metadata.name,
            "port": str(port.port),
            "targetPort": str(port.port if port.target_port is None else port.target_port),
            "containerPorts": ", ".join(names),
        },
    )


DETECTOR = Detector(
    NAME,
    frozenset({FaultClass.NO_ENDPOINTS, FaultClass.SERVICE_PORT}),
    (ObjectsHealthy,),
    ("Service", "Pod", "EndpointSlice", *WORKLOAD_KINDS),
    _judge,
    ("Service",),
)
