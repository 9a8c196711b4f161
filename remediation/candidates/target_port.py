"""A Service that sends to a port on which the selected pods do not listen."""

from __future__ import annotations

import re
from collections.abc import Iterator

from detectors.model import ObjectRef
from intents.fields import Element
from remediation.candidates.base import Context, Proposal, change_to, sentence
from remediation.evidence.draft import as_list, as_map, containers, metadata, pod_template, selected_pods
from remediation.model import Json

ORIGIN = "target-port"
_LISTENS = re.compile(r"\blisten(?:ing|s)?\b[^\n]{0,40}?:(\d{2,5})\b", re.IGNORECASE)
_MOST = 2


def target_port(context: Context) -> Iterator[Proposal]:
    """Declared container ports first; where none is declared, what the pods say that they listen on."""
    services = list(context.related("Service"))
    if context.live.get("kind") == "Service":
        services = [(context.case.target, context.live)]
    for ref, service in services:
        pods = selected_pods(as_map(as_map(service.get("spec")).get("selector")), context.raw)
        declared = _declared(pods)
        for port in as_list(as_map(service.get("spec")).get("ports")):
            wanted = port.get("targetPort", port.get("port"))
            if not pods or wanted in {*declared, *declared.values()} - {""}:
                continue
            ports = [*declared] or _said(context, pods)
            if wanted not in ports:
                yield from _proposals(ref, service, port, ports)


def _proposals(ref: ObjectRef, service: Json, port: Json, ports: list[int]) -> Iterator[Proposal]:
    keys = tuple((key, str(port[key])) for key in ("port", "protocol") if key in port)
    path = ("spec", "ports", Element(key=keys), "targetPort")
    for place, number in enumerate(ports[:_MOST]):
        change = change_to(service, path, number)
        needles = ("targetPort", f"listens on {number}")
        why = "the selected pods listen on this port"
        yield Proposal(ORIGIN, 0.8 - 0.1 * place, (change,), sentence((change,), why), ref, needles)


def _declared(pods: list[Json]) -> dict[int, str]:
    """Container ports of the pods with their names, in the order of the containers."""
    return {
        port["containerPort"]: str(port.get("name", ""))
        for pod in pods
        for container in containers(pod_template(pod))
        for port in as_list(container.get("ports"))
        if isinstance(port.get("containerPort"), int)
    }


def _said(context: Context, pods: list[Json]) -> list[int]:
    names = {metadata(pod).get("name") for pod in pods}
    found = [
        int(number)
        for (pod, _, _), log in sorted(context.raw.logs.items())
        if pod in names
        for number in _LISTENS.findall(log)
    ]
    return list(dict.fromkeys(number for number in found if number <= 65535))
