"""Field paths and values in plain words, as evidence, candidates and people read them.

Short, regular and concrete, because the reader may be a model of 0.1 billion parameters: the same field is
always called the same, `image of container app`, `key for env variable X of container app`.
"""

from __future__ import annotations

import json
from typing import Any

from intents.fields import Element, FieldPath, format_path
from remediation.model import ABSENT

_LEAVES: dict[tuple[str, ...], str] = {
    ("image",): "image",
    ("resources", "limits", "memory"): "memory limit",
    ("resources", "limits", "cpu"): "cpu limit",
    ("resources", "requests", "memory"): "memory request",
    ("resources", "requests", "cpu"): "cpu request",
    ("command",): "command",
    ("args",): "arguments",
    ("envFrom",): "env sources",
    ("imagePullPolicy",): "image pull policy",
}
_PROBES = {
    "readinessProbe": "readiness probe",
    "livenessProbe": "liveness probe",
    "startupProbe": "startup probe",
}


def describe(path: FieldPath) -> str:
    """The field in words; the path itself where there are none for it."""
    for index, segment in enumerate(path):
        if isinstance(segment, Element) and index and path[index - 1] in {"containers", "initContainers"}:
            kind = "container" if path[index - 1] == "containers" else "init container"
            return f"{_in_container(path[index + 1 :])} of {kind} {_key(segment)}"
    match path:
        case ("spec", "selector", str(label)):
            return f"selector label {label}"
        case ("spec", "selector", "matchLabels", str(label)):
            return f"selector label {label}"
        case ("spec", "ports", Element() as element, str(leaf)):
            return f"{leaf} of service port {_key(element)}"
        case ("data", str(key)):
            return f"key {key}"
        case ("spec", "replicas"):
            return "replicas"
        case ("spec", "template", "metadata", "labels", str(label)):
            return f"pod label {label}"
        case ("spec", "template", "spec", "volumes", Element() as element, *rest):
            return _volume(_key(element), rest)
        case _:
            return format_path(path)


def _in_container(rest: FieldPath) -> str:
    names = tuple(segment for segment in rest if isinstance(segment, str))
    if names in _LEAVES:
        return _LEAVES[names]
    match rest:
        case ("env", Element() as element, "value"):
            return f"env variable {_key(element)}"
        case ("env", Element() as element, "valueFrom", "configMapKeyRef", "key"):
            return f"ConfigMap key for env variable {_key(element)}"
        case ("env", Element() as element, "valueFrom", "configMapKeyRef", "name"):
            return f"ConfigMap for env variable {_key(element)}"
        case ("env", Element() as element, *more):
            return f"{'.'.join(map(str, more))} of env variable {_key(element)}"
        case (str(probe), *more) if probe in _PROBES and more:
            return f"{_PROBES[probe]} {more[-1]!s}"
        case ("ports", Element() as element, *more):
            return f"{'.'.join(map(str, more))} of port {_key(element)}"
        case _:
            return format_path(rest) if rest else "fields"


def _volume(name: str, rest: list[Any]) -> str:
    match rest:
        case ["configMap", "name"]:
            return f"ConfigMap of volume {name}"
        case ["configMap", "items"]:
            return f"ConfigMap keys of volume {name}"
        case _:
            return f"{'.'.join(map(str, rest))} of volume {name}"


def _key(element: Element) -> str:
    return element.key[0][1] if element.key else str(element.index if element.index is not None else "*")


def show(value: Any, limit: int = 80) -> str:
    """A value in a sentence; longer ones are cut. `nothing` where the field is absent."""
    from remediation.evidence.text import one_line  # evidence itself imports these words

    if value == ABSENT or value is None:
        return "nothing"
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), sort_keys=True)
    return one_line(text, limit) or '""'


def show_word(value: Any, limit: int = 80) -> str:
    """A value in a sentence that the model reads: as it is where it is one word (a name, an amount, an address), else
    `a text`. Sentences in a variable or an annotation say more to their reader than about a fault."""
    shown = show(value, limit)
    return "a text" if " " in shown else shown
