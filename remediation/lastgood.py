"""Last known good: what of an object is worth remembering while it is healthy, and how it differs later.

Services and ConfigMaps have no revision history and a Deployment's can be cut to nothing, so the daemon
stores `known_good(object)` each time an intent judges it healthy. It holds no status, no bookkeeping of the
API server and no secret; the same object always gives the same value, so an unchanged one is stored once.
"""

from __future__ import annotations

from typing import Any

from intents.fields import MISSING, Element, FieldPath, get
from remediation.diff import changed_leaves
from remediation.model import ABSENT, Json, Touched
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


def differences(live: Json, good: Json) -> tuple[Touched, ...]:
    """What would have to change in `live` (whole, as read) to be as `good` (from known_good) again.

    Compared after the same redaction, so a secret that code never saw makes no difference.
    """
    named = {key: good[key] for key in ("apiVersion", "kind") if key in good}  # members of lists have neither
    return changed_leaves(known_good(live) | named, good)


def restorable(change: Touched, good: Json) -> bool:
    """Whether a merge may and can make this change towards `good`.

    Never where something was redacted: the mark must not be written in the secret's place. Never where a
    whole list element would have to go: a merge has no word for that, and emptying the element (a variable
    set to nothing) is something else.
    """
    if change.after != ABSENT:
        return not is_redacted(change.after)
    elements = [place + 1 for place, segment in enumerate(change.path) if isinstance(segment, Element)]
    return all(get(good, change.path[:end]) is not MISSING for end in elements)


def manifest_of(changes: tuple[Touched, ...], live: Json) -> Json:
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
