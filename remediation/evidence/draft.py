"""What the sources hand to the selection: items without ids, not yet redacted, cleaned or chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from remediation.model import EvidenceKind, Json, RawEvidence


@dataclass(frozen=True, slots=True)
class Draft:
    """One item before selection. `weight` 0..1: 1 names the cause almost by itself, 0.5 helps, below
    0.3 only fills. `fact` is what is left of the text without what somebody else worded in it: nothing of a log line,
    the reason alone of a message; None where the whole text is ours."""

    kind: EvidenceKind
    source: str
    text: str
    weight: float = 0.5
    fact: str | None = None


def as_map(value: Any) -> Json:
    """The value as a map; empty where it is anything else. Evidence is read from whatever was there."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Json]:
    """The maps in a list; empty where the value is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def metadata(obj: Json | None) -> Json:
    """Metadata of an object, possibly empty."""
    return as_map((obj or {}).get("metadata"))


def pod_template(obj: Json | None) -> Json:
    """spec.template of a workload; a pod itself where the object is one."""
    obj = obj or {}
    if obj.get("kind") == "Pod":
        return {"metadata": metadata(obj), "spec": as_map(obj.get("spec"))}
    return as_map(as_map(obj.get("spec")).get("template"))


def containers(template: Json) -> list[Json]:
    """The containers of a pod template, init containers last."""
    spec = as_map(template.get("spec"))
    return as_list(spec.get("containers")) + as_list(spec.get("initContainers"))


def owner_names(raw: RawEvidence) -> Mapping[str, str]:
    """Pod name to the name people know: the owner's, without the hash of a ReplicaSet. Longest names
    first, so that no name is replaced inside a longer one."""
    pods = [*raw.pods, *(obj for ref, obj in raw.related.items() if ref.kind == "Pod")]
    names = {metadata(pod).get("name", ""): owner_of(pod) for pod in pods}
    return {pod: names[pod] for pod in sorted(names, key=lambda name: (-len(name), name)) if pod}


def owner_of(pod: Json) -> str:
    """The name of the workload that a pod belongs to, or its own."""
    meta = metadata(pod)
    for owner in as_list(meta.get("ownerReferences")):
        name = str(owner.get("name", ""))
        pod_hash = as_map(meta.get("labels")).get("pod-template-hash")
        return name.removesuffix(f"-{pod_hash}") if pod_hash else name
    return str(meta.get("name", ""))


def selected_pods(selector: Json, raw: RawEvidence) -> list[Json]:
    """The gathered pods that a Service's selector matches, by name. An empty selector selects none."""
    pods = [*raw.pods, *(obj for ref, obj in raw.related.items() if ref.kind == "Pod")]
    hits = [
        pod
        for pod in pods
        if selector
        and all(as_map(metadata(pod).get("labels")).get(key) == value for key, value in selector.items())
    ]
    named = {str(metadata(pod).get("name", "")): {**pod, "kind": "Pod"} for pod in hits}
    return [named[name] for name in sorted(named)]


def own_pods(raw: RawEvidence) -> list[Json]:
    """The pods whose state is evidence: a workload's own; of a Service those that it selects, because what
    else is gathered for it are the neighbours whose labels it may have meant."""
    live = raw.live or {}
    if live.get("kind") != "Service":
        return list(raw.pods)
    return selected_pods(as_map(as_map(live.get("spec")).get("selector")), raw)


def is_neighbour(pod_name: str, raw: RawEvidence) -> bool:
    """Whether this pod was gathered but is not one of `own_pods`."""
    gathered = {metadata(pod).get("name") for pod in raw.pods}
    return pod_name in gathered - {metadata(pod).get("name") for pod in own_pods(raw)}
