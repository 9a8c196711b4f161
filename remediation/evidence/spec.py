"""What the target asks for itself: the fields that this class of fault turns on, and metric samples."""

from __future__ import annotations

import re
from collections.abc import Iterator

from detectors.model import Case, FaultClass
from remediation.evidence.draft import Draft, as_list, as_map, containers, pod_template
from remediation.evidence.text import listing
from remediation.model import EvidenceKind, Json, RawEvidence
from remediation.words import show

K = EvidenceKind.SPEC
_FIELDS = {
    FaultClass.OOM_KILLED: 0.9,
    FaultClass.UNSCHEDULABLE: 0.7,
    FaultClass.EVICTED: 0.7,
    FaultClass.FAILED_CREATE: 0.7,
}
_READINESS, _LIVENESS, _STARTUP = "readinessProbe", "livenessProbe", "startupProbe"
_PROBES = {
    FaultClass.NOT_READY: (_READINESS,),
    FaultClass.ENDPOINTS_NOT_READY: (_READINESS,),
    FaultClass.LIVENESS_PROBE: (_LIVENESS, _STARTUP, _READINESS),
    FaultClass.STARTUP_PROBE: (_STARTUP, _LIVENESS, _READINESS),
}
_IN_WORDS = {_READINESS: "readiness probe", _LIVENESS: "liveness probe", _STARTUP: "startup probe"}


def spec_items(case: Case, raw: RawEvidence) -> Iterator[Draft]:
    """Limits and requests first where memory or scheduling is the matter; image, literal env and probes."""
    resources = _FIELDS.get(case.fault_class, 0.35)
    for container in containers(pod_template(raw.live)):
        name = f"container {container.get('name')}"
        source = str(case.target)
        asked = _resources(as_map(container.get("resources")))
        if asked or resources > 0.5:
            yield Draft(K, source, f"{name} has {asked or 'no resource limits'}", resources)
        yield Draft(K, source, f"{name} has image {show(container.get('image'), 120)}", 0.3)
        env = [f"{e['name']}={show(e['value'], 40)}" for e in as_list(container.get("env")) if e.get("value")]
        if env:
            yield Draft(K, source, f"{name} has env {listing(env, 6)}", 0.4, fact="")
        command = [str(c) for c in [*(container.get("command") or ()), *(container.get("args") or ())]]
        if command:
            yield Draft(K, source, f"{name} runs {' '.join(command)[:120]}", 0.3, fact="")
        yield from _probes(case, container, source, name)


def _probes(case: Case, container: Json, source: str, name: str) -> Iterator[Draft]:
    """The probe that the fault is about, the others after it, and the ports that they could ask."""
    shown = [probe for probe in _PROBES.get(case.fault_class, ()) if as_map(container.get(probe))]
    for place, probe in enumerate(shown):
        told = f"{name} has {_IN_WORDS[probe]} {show(container[probe], 120)}"
        yield Draft(K, source, told, 0.6 - 0.05 * place)
    ports = [str(port.get("containerPort")) for port in as_list(container.get("ports"))]
    if shown and ports:
        yield Draft(K, source, f"{name} declares the ports {listing(ports, 4)}", 0.5)


def _resources(resources: dict[str, object]) -> str:
    parts = []
    for part, word in (("limits", "limit"), ("requests", "request")):
        amounts = as_map(resources.get(part))
        parts += [f"{name} {word} {amounts[name]}" for name in ("memory", "cpu") if name in amounts]
    return ", ".join(parts)


def metric_items(raw: RawEvidence) -> Iterator[Draft]:
    """One item a query; the daemon asks only those that belong to the case."""
    for index, query in enumerate(sorted(raw.metrics)):
        value = raw.metrics[query]
        number = _NUMBER.search(value)
        yield Draft(
            EvidenceKind.METRIC,
            "Prometheus",
            f"metric {query} = {value}",
            0.8 - 0.05 * min(index, 10),
            fact=f"metric {query} = {number[0]}" if number else "",
        )


_NUMBER = re.compile(r"[-+]?\d{1,20}(?:\.\d{1,20})?(?:e[-+]?\d{1,3})?$")
"""The last value of an answer; before it stand the series' labels, which programs make of what clients send."""
