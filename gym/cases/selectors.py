"""Label selectors as apimachinery reads them (`LabelSelectorAsSelector`, node selector requirements)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gym.cases.state import Json, mapping, maps, texts


def matches(selector: object, labels: Mapping[str, Any]) -> bool:
    """Whether a LabelSelector takes these labels. An empty one takes everything; what is no selector takes
    nothing."""
    if not isinstance(selector, dict):
        return False
    wanted = mapping(selector.get("matchLabels"))
    if not all(labels.get(key) == value for key, value in wanted.items()):
        return False
    return all(requirement(rule, labels) for rule in maps(selector.get("matchExpressions")))


def is_empty(selector: object) -> bool:
    """Whether a LabelSelector says nothing."""
    found = mapping(selector)
    return not mapping(found.get("matchLabels")) and not maps(found.get("matchExpressions"))


def requirement(rule: Json, labels: Mapping[str, Any]) -> bool:
    """One `{key, operator, values}`; an operator that Kubernetes does not know takes nothing."""
    key, values = str(rule.get("key", "")), texts(rule.get("values"))
    has = key in labels
    match rule.get("operator"):
        case "In":
            return has and labels[key] in values
        case "NotIn":
            return not has or labels[key] not in values
        case "Exists":
            return has
        case "DoesNotExist":
            return not has
        case "Gt" | "Lt" as operator:
            return has and len(values) == 1 and _ordered(str(labels[key]), values[0], operator)
        case _:
            return False


def _ordered(label: str, value: str, operator: str) -> bool:
    try:
        return int(label) > int(value) if operator == "Gt" else int(label) < int(value)
    except ValueError:
        return False
