"""What Kubernetes' schema says about the few kinds that we may touch: which lists merge by which key, which
fields are quantities, which may be a number or a name.

Which keys, says intents/merge_keys.py; here is where such lists stand. A list that stands nowhere here is atomic:
replaced whole.
"""

from __future__ import annotations

from typing import Any

from intents.fields import Element, FieldPath
from intents.merge_keys import CONTAINER_KEY, CONTAINER_LISTS, DEFAULTS, PER_CONTAINER, PER_POD, SERVICE_PORTS

API_VERSIONS = {
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "Service": "v1",
    "ConfigMap": "v1",
}
"""The kinds that a plan may create, patch and delete, each with its only apiVersion."""

RECREATED = {
    "StatefulSet": "apps/v1",
    "Job": "batch/v1",
    "Pod": "v1",
    "PersistentVolumeClaim": "v1",
}
"""The kinds that a plan may recreate (remediation/recreate.py says when); of the last three nothing else."""

POD = ("spec", "template", "spec")
BARE_POD = ("spec",)
"""Where a Pod itself holds what templates hold at POD; none of the names there is one of another kind's."""

_LISTS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("spec", "ports"): SERVICE_PORTS,
    **{
        (*pod, *place): keys
        for pod in (POD, BARE_POD)
        for place, keys in [
            *(((name,), keys) for name, keys in PER_POD.items()),
            *(((containers,), CONTAINER_KEY) for containers in CONTAINER_LISTS),
            *(
                ((containers, name), keys)
                for containers in CONTAINER_LISTS
                for name, keys in PER_CONTAINER.items()
            ),
        ]
    },
}
_NUMBERS = frozenset({"containerPort", "port"})
_FREE_MAPS = frozenset(
    {"limits", "requests", "labels", "annotations", "matchLabels", "nodeSelector", "data", "binaryData"}
)
_PROBE_HANDLERS = frozenset({"httpGet", "tcpSocket"})


def names(path: FieldPath) -> tuple[str, ...]:
    """The path without its list elements."""
    return tuple([segment for segment in path if isinstance(segment, str)])


def list_keys(path: FieldPath) -> tuple[str, ...] | None:
    """The merge keys of the list at this path, None where it is atomic."""
    return None if path and isinstance(path[-1], Element) else _LISTS.get(names(path))


def closed_to_additions(path: FieldPath) -> bool:
    """Lists in which a patch never makes a new element: what is new there is a new program to run."""
    return names(path)[-1] in CONTAINER_LISTS


Identity = tuple[Any, ...]


def identity(item: Any, keys: tuple[str, ...]) -> Identity | None:
    """What makes the element this element, or None where it lacks its key or the key has another type."""
    if not isinstance(item, dict) or keys[0] not in item:
        return None
    values = []
    for key in keys:
        value = item.get(key, DEFAULTS.get(key))
        if isinstance(value, bool) or not isinstance(value, int if key in _NUMBERS else str):
            return None
        values.append(value)
    return tuple(values)


def element(item: dict[str, Any], keys: tuple[str, ...]) -> Element:
    """The element's segment in a path: its merge keys, as far as it states them."""
    return Element(key=tuple([(key, str(item[key])) for key in keys if key in item]))


def identities(items: list[Any], keys: tuple[str, ...]) -> list[Identity] | None:
    """The identity of each element, or None where one has none or two are the same: then the list can only
    be taken whole."""
    found: list[Identity] = []
    for item in items:
        who = identity(item, keys)
        if who is None:
            return None
        found.append(who)
    return found if len(found) == len(set(found)) else None


def is_quantity(path: FieldPath) -> bool:
    """Whether the field holds a Kubernetes quantity."""
    match path:
        case (*_, "resources", "limits" | "requests", str()):
            return True
        case (*_, "sizeLimit" | "divisor"):
            return True
        case _:
            return False


def is_number_or_name(path: FieldPath) -> bool:
    """Whether the field is an IntOrString."""
    match path:
        case (*_, "targetPort" | "maxUnavailable" | "maxSurge"):
            return True
        case (*_, str(handler), "port"):
            return handler in _PROBE_HANDLERS
        case _:
            return False


def is_text(path: FieldPath) -> bool:
    """Whether the field can only be a string, also where the live object has no value to compare with."""
    match path:
        case ("spec", "selector", str()):
            return True
        case (*_, "env", Element(), "value"):
            return True
        case (*_, "image" | "name" | "key"):
            return True
        case (*_, str(parent), str()):
            return parent in _FREE_MAPS - {"limits", "requests"}
        case _:
            return False


def in_free_map(path: FieldPath) -> bool:
    """Whether the field is an entry of a map whose keys people choose (labels, limits, data)."""
    match path:
        case ("spec", "selector", str()):
            return True
        case (*_, str(parent), str()):
            return parent in _FREE_MAPS
        case _:
            return False
