"""Plans as JSON and back, for the ledger: a restart must find the very plan that was reviewed.

Paths are written segment by segment, not as text: a mount path may hold every character that the written
form of a path uses as punctuation.
"""

from __future__ import annotations

from typing import Any

from detectors.model import ObjectRef
from intents.fields import Element, FieldPath, Segment
from remediation.model import ABSENT, Create, Delete, Json, Operation, Patch, Plan, Recreate, Touched


def plan_to_json(plan: Plan) -> Json:
    """The plan as plain JSON; `plan_from_json` gives an equal plan back."""
    common: Json = {
        "target": plan.target._asdict(),
        "touched": [_touched_to_json(leaf) for leaf in plan.touched],
        "digest": plan.digest,
    }
    match plan:
        case Patch():
            return common | {
                "plan": "patch",
                "operations": [operation_to_json(operation) for operation in plan.operations],
                "inverse": [operation_to_json(operation) for operation in plan.inverse],
            }
        case Create():
            return common | {"plan": "create", "manifest": plan.manifest}
        case Delete():
            return common | {"plan": "delete", "resourceVersion": plan.resource_version}
        case Recreate():
            return common | {"plan": "recreate", "manifest": plan.manifest, "before": plan.before}


def plan_from_json(stored: Json) -> Plan:
    """The plan that was stored. Raises ValueError for what plan_to_json did not write."""
    try:
        target = ObjectRef(**stored["target"])
        touched = tuple(_touched_from_json(leaf) for leaf in stored["touched"])
        digest: str = stored["digest"]
        match stored["plan"]:
            case "patch":
                forward = tuple(_operation_from_json(operation) for operation in stored["operations"])
                inverse = tuple(_operation_from_json(operation) for operation in stored["inverse"])
                return Patch(target, forward, inverse, touched, digest)
            case "create":
                return Create(target, stored["manifest"], touched, digest)
            case "delete":
                return Delete(target, stored["resourceVersion"], digest, touched)
            case "recreate":
                return Recreate(target, stored["manifest"], stored["before"], touched, digest)
            case other:
                raise ValueError(f"{other!r} is no kind of plan")
    except (KeyError, TypeError) as error:
        raise ValueError(f"this is no stored plan: {error}") from error


def operation_to_json(operation: Operation) -> Json:
    """As RFC 6902 writes it: a removal has no value."""
    if operation.op == "remove":
        return {"op": operation.op, "path": operation.path}
    return {"op": operation.op, "path": operation.path, "value": operation.value}


def _operation_from_json(stored: Json) -> Operation:
    return Operation(stored["op"], stored["path"], stored.get("value"))


def path_to_json(path: FieldPath) -> list[Any]:
    """Names as text; elements as their key pairs, as a position, or as an empty list for any."""
    return [segment if isinstance(segment, str) else _element_to_json(segment) for segment in path]


def _element_to_json(segment: Element) -> Any:
    return segment.index if segment.index is not None else [list(pair) for pair in segment.key]


def path_from_json(stored: list[Any]) -> FieldPath:
    """The path that path_to_json wrote."""
    return tuple(_segment(segment) for segment in stored)


def _segment(stored: Any) -> Segment:
    if isinstance(stored, str):
        return stored
    if isinstance(stored, int):
        return Element(index=stored)
    return Element(key=tuple((str(name), str(value)) for name, value in stored))


def _touched_to_json(leaf: Touched) -> Json:
    """An absent side is left out: the marker never reaches the ledger, where it could be taken for a value."""
    sides = {"before": leaf.before, "after": leaf.after}
    return {"path": path_to_json(leaf.path)} | {k: v for k, v in sides.items() if v != ABSENT}


def _touched_from_json(stored: Json) -> Touched:
    return Touched(path_from_json(stored["path"]), stored.get("before", ABSENT), stored.get("after", ABSENT))
