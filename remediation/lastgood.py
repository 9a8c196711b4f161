"""Last known good: what of an object is worth remembering while it is healthy, and how it differs later.

Services and ConfigMaps have no revision history and a Deployment's can be cut to nothing, so the daemon
stores `known_good(object)` each time an intent judges it healthy. It holds no status, no bookkeeping of the
API server and no secret; the same object always gives the same value, so an unchanged one is stored once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from intents.fields import Element, FieldPath, Segment
from remediation.model import ABSENT, Json
from remediation.redact import is_redacted, redact_manifest

_BOOKKEEPING = (
    "kubectl.kubernetes.io/last-applied-configuration",
    "kubectl.kubernetes.io/restartedAt",
    "deployment.kubernetes.io/",
    "deprecated.daemonset.template.generation",
    "intentd.io/",
)
"""Annotations that say how an object came to be, not how it should be."""

_ALLOCATED = {"Service": ("clusterIP", "clusterIPs", "healthCheckNodePort")}
"""Spec fields that the API server hands out; a fix never sets them."""

_MERGE_KEYS = {
    "containers": ("name",),
    "initContainers": ("name",),
    "volumes": ("name",),
    "env": ("name",),
    "volumeMounts": ("mountPath",),
    "ports": ("containerPort", "protocol"),
}


def merge_keys(path: FieldPath) -> tuple[str, ...] | None:
    """The merge keys of the list at this path; None where it is replaced whole."""
    if path == ("spec", "ports"):
        return ("port", "protocol")
    return _MERGE_KEYS.get(str(path[-1])) if path else None


_CONTENT = ("spec", "data", "binaryData", "immutable")


def known_good(obj: Json) -> Json:
    """The redacted content of an object: identity, labels, annotations that matter, and spec or data.

    Keys are sorted at every level. The argument is not changed.
    """
    meta = obj.get("metadata") or {}
    good: Json = {
        "apiVersion": obj.get("apiVersion", ""),
        "kind": obj.get("kind", ""),
        "metadata": _metadata(meta, identity=True),
    }
    for part in _CONTENT:
        if part in obj:
            good[part] = obj[part]
    if isinstance(good.get("spec"), dict):
        spec = {k: v for k, v in good["spec"].items() if k not in _ALLOCATED.get(good["kind"], ())}
        template = spec.get("template")
        if isinstance(template, dict):
            spec["template"] = {**template, "metadata": _metadata(template.get("metadata") or {})}
        good["spec"] = spec
    clean: Json = redact_manifest(good)[0]
    ordered: Json = _sorted(clean)
    return ordered


def _metadata(meta: Json, *, identity: bool = False) -> Json:
    kept: Json = {k: meta[k] for k in ("name", "namespace") if identity and k in meta}
    if meta.get("labels"):
        kept["labels"] = dict(meta["labels"])
    annotations = {
        key: value
        for key, value in (meta.get("annotations") or {}).items()
        if not key.startswith(_BOOKKEEPING)
    }
    return {**kept, "annotations": annotations} if annotations else kept


def _sorted(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _sorted(node[key]) for key in sorted(node)}
    if isinstance(node, list):
        return [_sorted(item) for item in node]
    return node


# ---------------------------------------------------------------- differences


@dataclass(frozen=True, slots=True)
class Change:
    """One leaf and its two values. ABSENT where the object has no such field."""

    path: FieldPath
    before: Any
    after: Any

    @property
    def restorable(self) -> bool:
        """Whether `after` may be written: something redacted must never be put back."""
        return not is_redacted(self.after)


def leaves(obj: Any, under: FieldPath = ()) -> Iterator[tuple[FieldPath, Any]]:
    """Every leaf of an object by its keyed path, in the object's order.

    Lists with a merge key are walked by it; other lists, and empty maps and lists, are leaves themselves.
    """
    if isinstance(obj, dict) and obj:
        for key, value in obj.items():
            yield from leaves(value, (*under, key))
        return
    keys = merge_keys(under) if isinstance(obj, list) and obj else None
    if keys is None:
        yield under, obj
        return
    for item in obj:
        if not isinstance(item, dict) or keys[0] not in item:
            yield under, obj
            return
    for item in obj:
        yield from leaves(item, (*under, _element(item, keys)))


def _element(item: Json, keys: tuple[str, ...]) -> Segment:
    return Element(key=tuple((key, str(item[key])) for key in keys if key in item))


def differences(live: Json, good: Json) -> tuple[Change, ...]:
    """What would have to change in `live` (whole, as read) to be as `good` (from known_good) again.

    Compared after the same redaction, so a secret that code never saw makes no difference. Merge keys
    themselves are no differences: an element that is gone shows by its other fields.
    """
    now = dict(leaves(known_good(live)))
    then = dict(leaves(good))
    changes = [
        Change(path, now.get(path, ABSENT), then.get(path, ABSENT))
        for path in (*now, *(path for path in then if path not in now))
        if now.get(path, ABSENT) != then.get(path, ABSENT)
    ]
    return tuple(change for change in changes if not _names_its_element(change.path))


def _names_its_element(path: FieldPath) -> bool:
    """Whether the leaf is the merge key of the element it stands in (`env[name=X].name`)."""
    if len(path) < 2:
        return False
    element, leaf = path[-2], path[-1]
    return isinstance(element, Element) and any(leaf == key for key, _ in element.key)


def manifest_of(changes: tuple[Change, ...], live: Json) -> Json:
    """The partial manifest, in strategic-merge form, that makes these changes: list elements by merge
    key (with the live element's own values for them, so 80 stays a number), null where a field goes."""
    manifest: Json = {}
    for change in changes:
        _place(manifest, live, change.path, None if change.after == ABSENT else change.after)
    return manifest


def _place(node: Any, live: Any, path: FieldPath, value: Any) -> None:
    segment, rest = path[0], path[1:]
    if isinstance(segment, Element):
        real = _find(live, segment)
        item = _find(node, segment)
        if item is None:
            item = {key: _same_type(real, key, text) for key, text in segment.key}
            node.append(item)
        _place(item, real, rest, value)
        return
    inner = live.get(segment) if isinstance(live, dict) else None
    if not rest:
        node[segment] = value
        return
    below: Any = node.setdefault(segment, [] if isinstance(rest[0], Element) else {})
    _place(below, inner, rest, value)


def _find(items: Any, element: Element) -> Json | None:
    for item in items if isinstance(items, list) else ():
        if isinstance(item, dict) and all(str(item.get(key)) == text for key, text in element.key):
            return item
    return None


def _same_type(real: Json | None, key: str, text: str) -> Any:
    if real is not None:
        return real[key]
    return int(text) if key in {"containerPort", "port"} else text
