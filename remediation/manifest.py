"""A manifest merged into the live object as Kubernetes' strategic merge would do it, or why not.

Maps merge, lists with a merge key merge element by element, other lists are replaced whole, null removes.
The manifest is untrusted (a model may have written it): it can neither name another object nor add a
container, and a field keeps the JSON type that it has. What is merely not allowed by policy passes here and
is stopped by the guards, which judge the difference, not the wording.
"""

from __future__ import annotations

from typing import Any

from detectors.model import ObjectRef
from intents.fields import FieldPath, format_path
from remediation.merge_keys import (
    API_VERSIONS,
    RECREATED,
    closed_to_additions,
    element,
    identity,
    is_number_or_name,
    is_quantity,
    is_text,
    list_keys,
)
from remediation.model import Json, NoPlan
from remediation.quantity import as_number, canonical_quantity
from remediation.untrusted import refuse_strange
from remediation.values import same

_CONTENT = {"Service": ("spec",), "ConfigMap": ("data",)}
_WORKLOAD_CONTENT = ("spec",)
_VERSIONS = API_VERSIONS | RECREATED
_METADATA = ("labels", "annotations")
OUR_PREFIX = "intentd.io/"


class _RefusedError(Exception):
    """Leaves the recursion; never leaves this module."""

    def __init__(self, reason: str, path: FieldPath, detail: str) -> None:
        super().__init__(reason)
        self.no_plan = NoPlan(reason, f"{format_path(path)}: {detail}" if path else detail)


def merge(live: Json, manifest: Any, target: ObjectRef) -> Json | NoPlan:
    """The live object as the manifest wants it; neither argument is changed.

    Invariant: the result has the live object's identity, status and bookkeeping, and the same containers.
    Parts of a whole manifest that merely repeat the live object (uid, status) are ignored.
    """
    if (strange := refuse_strange(manifest)) is not None:
        return strange
    try:
        return _merge_object(live, manifest, target)
    except _RefusedError as refused:
        return refused.no_plan


def _merge_object(live: Json, manifest: Json, target: ObjectRef) -> Json:
    if target.kind not in _VERSIONS:
        raise _RefusedError("KindNotAllowed", ("kind",), f"{target.kind} is not a kind that we change")
    merged = dict(live)
    for key, value in manifest.items():
        here: FieldPath = (key,)
        if key == "apiVersion":
            if value != _VERSIONS[target.kind]:
                raise _RefusedError("OtherObject", here, f"{value!r} is not {_VERSIONS[target.kind]}")
        elif key == "kind":
            if value != target.kind:
                raise _RefusedError("OtherObject", here, f"{value!r} is not {target.kind}")
        elif key == "metadata":
            merged[key] = _metadata(live.get(key) or {}, value, target)
        elif key in _CONTENT.get(target.kind, _WORKLOAD_CONTENT):
            if not isinstance(value, dict):
                raise _RefusedError("WrongType", here, "must be a map")
            merged[key] = _map(live.get(key) or {}, value, here)
        elif key not in live or not same(live[key], value):
            raise _RefusedError("NotContent", here, f"not a part of a {target.kind} that a fix may change")
    return merged


def _metadata(live: Json, change: Any, target: ObjectRef) -> Json:
    if not isinstance(change, dict):
        raise _RefusedError("WrongType", ("metadata",), "must be a map")
    merged = dict(live)
    fixed = {"name": target.name, "namespace": target.namespace}
    for key, value in change.items():
        here: FieldPath = ("metadata", key)
        if key in fixed:
            if value != fixed[key]:
                raise _RefusedError("OtherObject", here, f"{value!r} is not {fixed[key]}")
        elif key in _METADATA:
            if not isinstance(value, dict):
                raise _RefusedError("WrongType", here, "must be a map")
            merged[key] = _map(live.get(key) or {}, value, here)
            if not merged[key] and key not in live:
                del merged[key]
        elif key not in live or not same(live[key], value):
            raise _RefusedError("NotContent", here, "not a part of the metadata that a fix may change")
    return merged


def _map(live: Json, change: Json, path: FieldPath) -> Json:
    merged = dict(live)
    for key, value in change.items():
        here = (*path, key)
        if key in live and same(live[key], value):
            continue
        _own_ground(here)
        if value is None:
            merged.pop(key, None)
        elif live.get(key) is None:
            merged[key] = _fresh(value, here)
        else:
            merged[key] = _value(live[key], value, here)
    return merged


def _own_ground(path: FieldPath) -> None:
    match path:
        case (*_, "annotations" | "labels", str(key)) if key.startswith(OUR_PREFIX):
            raise _RefusedError("OurAnnotation", path, "intentd's own marks are written by code alone")
        case ("spec", "template", "metadata", str(key)) if key not in _METADATA:
            raise _RefusedError("NotContent", path, "not a part of the metadata that a fix may change")


def _value(live: Any, value: Any, path: FieldPath) -> Any:
    if isinstance(live, dict):
        if not isinstance(value, dict):
            raise _RefusedError("WrongType", path, f"a map cannot become {_kind(value)}")
        return _map(live, value, path)
    if isinstance(live, list):
        if not isinstance(value, list):
            raise _RefusedError("WrongType", path, f"a list cannot become {_kind(value)}")
        keys = list_keys(path)
        return _fresh(value, path) if keys is None else _keyed_list(live, value, keys, path)
    if is_quantity(path) and isinstance(value, str | int | float) and not isinstance(value, bool):
        written = _quantity(value, path)
        return live if as_number(live) == as_number(written) else written
    if is_number_or_name(path) and type(value) in {int, str}:
        return value
    if type(value) is not type(live):
        raise _RefusedError("WrongType", path, f"{_kind(live)} cannot become {_kind(value)}")
    return value


def _keyed_list(live: list[Any], change: list[Any], keys: tuple[str, ...], path: FieldPath) -> list[Any]:
    places: dict[Any, list[int]] = {}
    for place, item in enumerate(live):
        places.setdefault(identity(item, keys), []).append(place)
    merged = list(live)
    for item, who in _identified(change, keys, path):
        found = places.get(who, [])
        if len(found) > 1:
            raise _RefusedError("Ambiguous", (*path, element(item, keys)), "the live list has it twice")
        if found:
            inside = (*path, element(live[found[0]], keys))
            merged[found[0]] = _map(live[found[0]], item, inside)
        elif closed_to_additions(path):
            raise _RefusedError("UnknownElement", (*path, element(item, keys)), "the live object has none")
        else:
            merged.append(_fresh(item, (*path, element(item, keys))))
    return merged


def _identified(
    items: list[Any], keys: tuple[str, ...], path: FieldPath
) -> list[tuple[Json, tuple[Any, ...]]]:
    found: list[tuple[Json, tuple[Any, ...]]] = []
    seen = set()
    for item in items:
        who = identity(item, keys)
        if who is None:
            raise _RefusedError("NoMergeKey", path, f"an element lacks its {keys[0]}, or it has a wrong type")
        if who in seen:
            raise _RefusedError("Duplicate", (*path, element(item, keys)), "named twice")
        seen.add(who)
        found.append((item, who))
    return found


def _fresh(value: Any, path: FieldPath) -> Any:
    """A value where there was none: nulls in maps say nothing, quantities take their stored spelling."""
    if isinstance(value, dict):
        for key in value:
            _own_ground((*path, key))
        return {key: _fresh(item, (*path, key)) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        keys = list_keys(path)
        if keys is None:
            return [_item(item, path) for item in value]
        if closed_to_additions(path):
            raise _RefusedError("UnknownElement", path, "the live object has none")
        return [_fresh(item, (*path, element(item, keys))) for item, _ in _identified(value, keys, path)]
    if is_quantity(path):
        return _quantity(value, path)
    if isinstance(value, float) or (is_text(path) and not isinstance(value, str)):
        raise _RefusedError("WrongType", path, f"{_kind(value)} does not fit here")
    return value


def _item(value: Any, path: FieldPath) -> Any:
    """An element of an atomic list."""
    if value is None:
        raise _RefusedError("WrongType", path, "a list holds null")
    if isinstance(value, dict):
        return {key: _item(item, (*path, key)) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_item(item, path) for item in value]
    if isinstance(value, float):
        raise _RefusedError("WrongType", path, "a fraction does not fit here")
    return value


def _quantity(value: Any, path: FieldPath) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _RefusedError("WrongType", path, f"{_kind(value)} is no quantity")
    try:
        return canonical_quantity(value)
    except ValueError as error:
        raise _RefusedError("NotAQuantity", path, str(error)) from error


def _kind(value: Any) -> str:
    names = {
        dict: "a map",
        list: "a list",
        str: "text",
        bool: "a boolean",
        int: "a number",
        float: "a fraction",
    }
    return names.get(type(value), "null")
