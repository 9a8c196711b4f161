"""Which container port a Service's port leads to, as the EndpointSlice controller finds it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from detectors.facts import Container, ContainerPort, ServicePort


def of_containers(containers: Iterable[Container]) -> Iterator[ContainerPort]:
    """The ports that containers declare."""
    for container in containers:
        yield from container.ports


def leads_to(port: ServicePort, ports: Iterable[ContainerPort]) -> int | None:
    """The port's number on the pods; None where it is named and no container declares the name (pkg/api/v1/pod,
    `FindPort`). Without a targetPort it is the port itself (the API server fills it in)."""
    target = port.port if port.target_port is None else port.target_port
    if isinstance(target, int):
        return target
    return next(
        (found.container_port for found in ports if found.name == target and found.protocol == port.protocol),
        None,
    )
