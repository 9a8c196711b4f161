"""A probe that asks at the wrong door: a port on which the container does not listen, a path that is not there.

A port is wrong where the container declares others; what is right is what another probe of it asks, or what it declares.
A path is wrong only where the program itself answered 404 to this very probe. How patient a probe should be no object
tells: that is left to what was good before, and to the repair.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from detectors.model import FaultClass
from intents.fields import Element, FieldPath
from remediation.candidates.base import Context, Proposal, change_to, sentence
from remediation.evidence.draft import as_list, as_map, pod_template
from remediation.merge_keys import POD
from remediation.model import Json

ORIGIN = "probe"
PROBES = ("readinessProbe", "livenessProbe", "startupProbe")
_OF = {
    FaultClass.NOT_READY: "readinessProbe",
    FaultClass.ENDPOINTS_NOT_READY: "readinessProbe",
    FaultClass.LIVENESS_PROBE: "livenessProbe",
    FaultClass.STARTUP_PROBE: "startupProbe",
}
_ASKS = ("httpGet", "tcpSocket", "grpc")
_MOST = 2
_NOT_THERE = re.compile(
    r"^(?P<kind>Readiness|Liveness|Startup) probe failed: HTTP probe failed with statuscode: 404\b"
)
"""The kubelet's event (pkg/kubelet/prober and pkg/probe/http)."""


def probe(context: Context) -> Iterator[Proposal]:
    """For the probe that this class of fault is about, in each troubled container."""
    failing = _OF.get(context.case.fault_class)
    if failing is None:
        return
    troubled = {violation.container for violation in context.case.violations if violation.container}
    for container in as_list(as_map(pod_template(context.live).get("spec")).get("containers")):
        if troubled and container.get("name") not in troubled:
            continue
        asked = as_map(container.get(failing))
        kind = next((ask for ask in _ASKS if as_map(asked.get(ask))), None)
        if kind is not None:
            base = (*POD, "containers", Element(key=(("name", str(container.get("name"))),)), failing, kind)
            others = [as_map(container.get(other)) for other in PROBES if other != failing]
            yield from _ports(context, base, container, as_map(asked[kind]).get("port"), others)
            if kind == "httpGet" and _answered_404(context, failing):
                yield from _paths(context, base, as_map(asked[kind]).get("path"), others)


def _ports(
    context: Context, base: FieldPath, container: Json, now: object, others: Sequence[Json]
) -> Iterator[Proposal]:
    declared = {
        port["containerPort"]: str(port.get("name", ""))
        for port in as_list(container.get("ports"))
        if isinstance(port.get("containerPort"), int)
    }
    known = {*declared, *declared.values()} - {""}
    if not known or now in known:
        return
    asked = [_asked(other, "port") for other in others]
    shared = [port for port in asked if port in known]
    for place, port in enumerate(list(dict.fromkeys([*shared, *declared]))[:_MOST]):
        why = (
            "another probe of this container asks there"
            if port in shared
            else "the container declares this port"
        )
        yield _proposal(context, (*base, "port"), port, why, 0.85 - 0.1 * place)


def _paths(context: Context, base: FieldPath, now: object, others: Sequence[Json]) -> Iterator[Proposal]:
    paths = [as_map(other.get("httpGet")).get("path") for other in others]
    for place, path in enumerate(list(dict.fromkeys(path for path in paths if path and path != now))[:_MOST]):
        why = "another probe of this container asks for it"
        yield _proposal(context, (*base, "path"), path, why, 0.75 - 0.1 * place)


def _proposal(context: Context, path: FieldPath, value: object, why: str, rank: float) -> Proposal:
    change = change_to(context.live, path, value)
    needles = (str(change.before), str(value))
    return Proposal(ORIGIN, rank, (change,), sentence((change,), why), None, needles)


def _asked(other: Json, field: str) -> object:
    return next((as_map(other[ask]).get(field) for ask in _ASKS if as_map(other.get(ask))), None)


def _answered_404(context: Context, failing: str) -> bool:
    """Whether the newest failure of this probe, as far as it was gathered, was the program's own 404."""
    said = [str(event.get("message") or event.get("note") or "") for event in context.raw.events]
    found = (match for text in said if (match := _NOT_THERE.match(text)))
    return any(f"{match['kind'].lower()}Probe" == failing for match in found)
