"""Events: what the kubelet, the scheduler and the controllers complained about, newest first."""

from __future__ import annotations

import re
from collections.abc import Iterator

from remediation.evidence.draft import Draft, as_map, is_neighbour, owner_names
from remediation.evidence.text import gist, steady
from remediation.model import EvidenceKind, Json, RawEvidence

_DULL = frozenset(
    {"Pulling", "Pulled", "Scheduled", "Created", "Started", "SuccessfulCreate", "ScalingReplicaSet"}
    | {"SuccessfulDelete", "Killing", "SandboxChanged", "MissingClusterDNS"}
)
_BARE = re.compile(r"Error: \w{1,60}")
"""Repeats a reason that the container's status gives with its message."""
_PROBE_KILL = re.compile(r"failed (?:liveness|startup) probe")
"""The kubelet's Killing (pkg/kubelet/kuberuntime/kuberuntime_manager.go): the one proof of who ended a container."""
_MOST = 4


def event_items(raw: RawEvidence) -> Iterator[Draft]:
    """Warnings before the rest, the newest first, each told once whatever its age and pod."""
    names = owner_names(raw)
    ready_since = _ready_since(raw)
    told: set[str] = set()
    ranked = sorted(raw.events, key=_when, reverse=True)
    ranked.sort(key=lambda event: event.get("type") != "Warning")
    for event in ranked:
        reason = str(event.get("reason", ""))
        message = str(event.get("message") or event.get("note") or "")
        involved = as_map(event.get("involvedObject")) or as_map(event.get("regarding"))
        if is_neighbour(str(involved.get("name", "")), raw):
            continue
        dull = reason in _DULL and not _PROBE_KILL.search(message)
        if dull or not message or _BARE.fullmatch(message):
            continue
        starting = reason == "Unhealthy" and not message.startswith("Liveness")
        if starting and _when(event) <= ready_since.get(str(involved.get("name", "")), ""):
            continue  # a probe that failed while the pod started; it is ready since
        text = steady(f"{reason}: {message}", names)
        if gist(text) in told:
            continue
        told.add(gist(text))
        source = f"{str(involved.get('kind', '')).lower()} {involved.get('name', '')}"
        weight = (0.8 if event.get("type") == "Warning" else 0.4) - 0.1 * (len(told) - 1)
        yield Draft(EvidenceKind.EVENT, source, f"event {text}", max(weight, 0.1), fact="")
        if len(told) >= _MOST:
            return


def _ready_since(raw: RawEvidence) -> dict[str, str]:
    """When each pod that is ready now became so."""
    return {
        str(as_map(pod.get("metadata")).get("name", "")): str(condition.get("lastTransitionTime") or "")
        for pod in raw.pods
        for condition in as_map(pod.get("status")).get("conditions") or ()
        if condition.get("type") == "Ready" and condition.get("status") == "True"
    }


def _when(event: Json) -> str:
    """RFC 3339 in UTC sorts as text."""
    series = as_map(event.get("series"))
    return str(series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime") or "")
