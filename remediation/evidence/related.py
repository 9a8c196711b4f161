"""Objects around the target: the keys that a ConfigMap has, the labels that pods carry, the ports that
containers listen on, the revisions before this one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from detectors.model import Case, FaultClass, ObjectRef
from remediation.evidence.draft import (
    Draft,
    as_list,
    as_map,
    containers,
    metadata,
    owner_of,
    pod_template,
    selected_pods,
)
from remediation.evidence.references import config_references
from remediation.evidence.text import listing
from remediation.model import EvidenceKind, Json, RawEvidence

K = EvidenceKind.RELATED
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")
HASHES = frozenset({"pod-template-hash", "controller-revision-hash", "pod-template-generation"})
"""Labels that controllers add; no selector of a person names them."""


def related_items(case: Case, raw: RawEvidence) -> Iterator[Draft]:
    """Every relation that explains a fault, the case's own kind of fault first."""
    yield from _config_maps(case, raw)
    yield from _selectors(raw)
    yield from _ports(raw)
    yield from _revisions(case, raw)


def _config_maps(case: Case, raw: RawEvidence) -> Iterator[Draft]:
    weight = 0.9 if case.fault_class is FaultClass.CONFIG_REFERENCE else 0.5
    maps = {ref.name: obj for ref, obj in raw.related.items() if ref.kind == "ConfigMap"}
    used: set[str] = set()
    for reference in config_references(pod_template(raw.live)):
        found = maps.get(reference.config_map)
        if found is None or is_name_only(found):
            continue
        used.add(reference.config_map)
        if reference.key is None or reference.key in config_keys(found):
            continue
        text = f"{reference.where} reads key {reference.key} of ConfigMap {reference.config_map}, which has no such key"
        yield Draft(K, f"ConfigMap/{reference.config_map}", text, weight)
    for name in sorted(maps):
        if name in used:
            keys = sorted(config_keys(maps[name]))
            text = (
                f"ConfigMap {name} has the keys {listing(keys, 12)}" if keys else f"ConfigMap {name} is empty"
            )
            yield Draft(K, f"ConfigMap/{name}", text, weight - 0.05)
    others = sorted(name for name in maps if name not in used)
    if others and case.fault_class is FaultClass.CONFIG_REFERENCE:
        yield Draft(K, "ConfigMaps", f"other ConfigMaps here: {listing(others, 8)}", weight - 0.1)


def is_name_only(config_map: Json) -> bool:
    """Whether only the name was read, so that nothing is known of its keys."""
    return config_map.get("kind") == "PartialObjectMetadata"


def config_keys(config_map: Json) -> frozenset[str]:
    """The keys that a pod can refer to."""
    return frozenset(as_map(config_map.get("data"))) | frozenset(as_map(config_map.get("binaryData")))


def _selectors(raw: RawEvidence) -> Iterator[Draft]:
    live = raw.live or {}
    if live.get("kind") != "Service":
        return
    name, selector = metadata(live).get("name", ""), as_map(as_map(live.get("spec")).get("selector"))
    yield Draft(K, f"Service/{name}", f"Service {name} selects pods with {pairs(selector)}", 0.9)
    for ref, labels in labels_by_workload(raw).items():
        fits = bool(selector) and all(labels.get(key) == value for key, value in selector.items())
        text = f"pods of {owner_words(ref)} have labels {pairs(labels)}" + (
            " and are selected" if fits else ""
        )
        near = len(set(selector.items()) & set(labels.items())) or ref.name == name
        yield Draft(K, f"{ref.kind}/{ref.name}", text, 0.85 if near else 0.6)


def labels_by_workload(raw: RawEvidence) -> Mapping[ObjectRef, dict[str, str]]:
    """What the pods of each workload carry; pods without a workload among the related speak for
    themselves. Deterministic order."""
    found: dict[ObjectRef, dict[str, str]] = {}
    for ref in sorted(raw.related):
        obj = raw.related[ref]
        if ref.kind in WORKLOADS:
            found[ref] = _own(as_map(metadata_of_template(obj).get("labels")))
    known = {tuple(sorted(labels.items())) for labels in found.values()}
    pods = [raw.related[ref] for ref in sorted(raw.related) if ref.kind == "Pod"]
    for pod in [*raw.pods, *pods]:
        ref = ObjectRef("Pod", str(metadata(pod).get("namespace", "")), owner_of(pod))
        labels = _own(as_map(metadata(pod).get("labels")))
        if labels and tuple(sorted(labels.items())) not in known:
            known.add(tuple(sorted(labels.items())))
            found[ref] = labels
    return {ref: labels for ref, labels in found.items() if labels}


def owner_words(ref: ObjectRef) -> str:
    """`Deployment web`; only the name where nothing but a pod was gathered of it."""
    return ref.name if ref.kind == "Pod" else f"{ref.kind} {ref.name}"


def metadata_of_template(obj: Json) -> Json:
    """Metadata of a workload's pod template."""
    return as_map(pod_template(obj).get("metadata"))


def _own(labels: Json) -> dict[str, str]:
    return {key: str(value) for key, value in labels.items() if key not in HASHES}


def pairs(labels: Mapping[str, str]) -> str:
    """`app=web, tier=front`, in a stable order."""
    return listing([f"{key}={labels[key]}" for key in sorted(labels)], 6) or "no labels"


def _ports(raw: RawEvidence) -> Iterator[Draft]:
    live = raw.live or {}
    if live.get("kind") != "Service":
        return
    spec = as_map(live.get("spec"))
    for port in as_list(spec.get("ports")):
        text = (
            f"service port {port.get('port')} goes to targetPort {port.get('targetPort', port.get('port'))}"
        )
        yield Draft(K, str(metadata(live).get("name", "")), text, 0.5)
    selector = as_map(spec.get("selector"))
    for pod in selected_pods(selector, raw)[:1]:
        for container in containers(pod_template(pod)):
            ports = [port_words(port) for port in as_list(container.get("ports"))]
            if ports:
                text = (
                    f"container {container.get('name')} of the selected pods listens on {listing(ports, 5)}"
                )
                yield Draft(K, str(metadata(pod).get("name", "")), text, 0.7)


def port_words(port: Json) -> str:
    """`8080` or `8080 (http)`."""
    return f"{port.get('containerPort')}" + (f" ({port['name']})" if port.get("name") else "")


def _revisions(case: Case, raw: RawEvidence) -> Iterator[Draft]:
    sets = [
        obj
        for ref, obj in sorted(raw.related.items())
        if ref.kind == "ReplicaSet" and owned_by(obj, case.target)
    ]
    sets.sort(key=revision, reverse=True)
    for index, obj in enumerate(sets[:4] if len(sets) > 1 else ()):
        status = as_map(obj.get("status"))
        wanted, ready = status.get("replicas") or 0, status.get("readyReplicas") or 0
        images = listing([str(c.get("image")) for c in containers(pod_template(obj))], 3)
        now = f"{ready} of {wanted} pods ready" if wanted else "no pods now"
        which = "current revision" if index == 0 else "earlier revision"
        yield Draft(
            K, "ReplicaSet", f"{which} {revision(obj)} with image {images}: {now}", 0.55 - 0.05 * index
        )


def owned_by(obj: Json, target: ObjectRef) -> bool:
    """Whether the object's controller is the target."""
    return any(
        owner.get("kind") == target.kind and owner.get("name") == target.name
        for owner in as_list(metadata(obj).get("ownerReferences"))
    )


def revision(obj: Json) -> int:
    """The Deployment's revision number on a ReplicaSet or Deployment; 0 where there is none."""
    text = str(as_map(metadata(obj).get("annotations")).get("deployment.kubernetes.io/revision", ""))
    return int(text) if text.isascii() and text.isdigit() else 0
