"""Who set a field last, and when, as the API server's `metadata.managedFields` tells.

Format (fieldsV1): nested maps; `f:name` is a field, `k:{...}` a list element by its merge key, `v:...` a value
of a set, `.` the place itself. Anything unexpected names no owner of a field but is never an error.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from intents.fields import Element, FieldPath, get
from remediation.model import Json

CONTROLLERS = frozenset(
    {
        "intentd",
        "kube-controller-manager",
        "kube-scheduler",
        "kubelet",
        "kube-apiserver",
        "cluster-autoscaler",
        "vpa-recommender",
        "vpa-updater",
    }
)
"""Field managers that are programs of the cluster (and we). Every other name may be a person's tool."""


@dataclass(frozen=True, slots=True)
class Owner:
    """One entry and the fields that it claims. `at` is None where its time cannot be read."""

    manager: str
    at: float | None  # Unix seconds
    created: bool  # this entry dates from the object's creation
    fields: Any  # fieldsV1

    def claims(self, path: FieldPath) -> bool:
        """Whether the entry holds the field itself, a part of it, or a whole that it stands in."""
        return _claims(self.fields, path)


def owners(live: Json) -> list[Owner]:
    """Every entry that is about the object itself, in the server's order."""
    born = parse_time(get(live, ("metadata", "creationTimestamp")))
    entries = get(live, ("metadata", "managedFields"))
    found = []
    for entry in entries if isinstance(entries, list) else ():
        # `kubectl scale` writes through a subresource too, and that is the spec
        if isinstance(entry, dict) and entry.get("subresource") != "status":
            at = parse_time(entry.get("time"))
            name = str(entry.get("manager", ""))
            found.append(Owner(name, at, _together(at, born), entry.get("fieldsV1")))
    return found


def managers(live: Json) -> set[str]:
    """All field managers of the object."""
    entries = get(live, ("metadata", "managedFields"))
    return {
        str(e.get("manager", ""))
        for e in (entries if isinstance(entries, list) else ())
        if isinstance(e, dict)
    }


def parse_time(text: Any) -> float | None:
    """Unix seconds of an RFC 3339 time with a zone, None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.timestamp() if moment.tzinfo is not None else None


def _together(at: float | None, born: float | None) -> bool:
    """The server stamps both in whole seconds, one just after the other."""
    return at is not None and born is not None and abs(at - born) <= 1


_ITSELF = frozenset({"."})


def _claims(node: Any, path: FieldPath) -> bool:
    if not isinstance(node, dict):
        return False
    if not path or node.keys() <= _ITSELF:
        return True  # reached the field, or the entry owns the whole it stands in
    segment, rest = path[0], path[1:]
    if isinstance(segment, str):
        return f"f:{segment}" in node and _claims(node[f"f:{segment}"], rest)
    return any(
        _claims(below, rest) for key, below in node.items() if key.startswith("k:") and _is(key[2:], segment)
    )


def _is(text: str, element: Element) -> bool:
    named = _keys(text)
    return named is not None and all(str(named.get(key)) == value for key, value in element.key)


@lru_cache(maxsize=1024)  # the same few elements are asked for by each field below them
def _keys(text: str) -> Json | None:
    try:
        named = json.loads(text)
    except ValueError:
        return None
    return named if isinstance(named, dict) else None
