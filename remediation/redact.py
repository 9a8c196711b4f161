"""Redaction: what must never be stored, logged or shown to a model is replaced by `[redacted:kind]`.

Two rules. *Shapes* (a GitHub token, a PEM block, a URL with a password) are found in any text; *names*
(`DB_PASSWORD=`, an env entry called API_TOKEN) condemn their value whatever it looks like. A last net takes
strings that are too random to be words. Invariants, each tested: redacting twice changes nothing more; what
identifies things in a cluster (images, digests, uids, pod names, limits) is left alone; every pattern has
bounded repetition, so a hostile log costs time linear in its length.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from remediation.secret_shapes import (
    HARMLESS_VALUES,
    JUDGED,
    MARK,
    PEM,
    SHAPES,
    SHORTEST,
    SHORTEST_PAIR,
    Judge,
    named_values,
    pem_blocks,
    sensitive_name,
)

_PASSES = 8
"""Taking one secret out can show the start of the next (two tokens glued together); more than this many
glued secrets of different kinds are nobody's log line."""


OfText = Callable[[str], tuple[str, int]]


def redact_text(text: str) -> tuple[str, int]:
    """The text without secrets, and how many were taken out."""
    count = 0
    for _ in range(_PASSES):
        text, found = _once(text)
        count += found
        if not found:
            break
    return text, count


def _once(text: str) -> tuple[str, int]:
    count = 0
    if PEM in text:
        text, count = pem_blocks(text)
    if len(text) >= SHORTEST:
        for kind, pattern in SHAPES:
            text, found = pattern.subn(f"{MARK}{kind}]", text)
            count += found
    if len(text) >= SHORTEST_PAIR and (":" in text or "=" in text):
        text, found = named_values(text)
        count += found
    for trigger, shortest, judged, judge in JUDGED:
        if len(text) >= shortest and trigger in text:
            text, found = _substitute(judged, judge, text)
            count += found
    return text, count


def redact_manifest(obj: Any, of_text: OfText = redact_text) -> tuple[Any, int]:
    """A copy of a Kubernetes object (or part of one) without secrets, and how many were taken out.

    Values under a telling name go whole: env values, annotations, ConfigMap data. What identifies an
    object or an image is never touched, whatever it looks like. A Secret's data goes in any case.
    `of_text` is `redact_text`, or the same with a memory.
    """
    walk = _Walk(of_text)
    everything = isinstance(obj, dict) and obj.get("kind") == "Secret"
    return walk.node(obj, "", secret=False, whole=everything), walk.taken


def is_redacted(value: object) -> bool:
    """Whether something was taken out of this value, at any depth. Such a value must never be written."""
    if isinstance(value, str):
        return MARK in value
    if isinstance(value, dict):
        return any(is_redacted(item) for item in value.values())
    if isinstance(value, list | tuple):
        return any(is_redacted(item) for item in value)
    return False


def _substitute(pattern: re.Pattern[str], judge: Judge, text: str) -> tuple[str, int]:
    count = 0

    def replace(match: re.Match[str]) -> str:
        nonlocal count
        new = judge(match)
        if new is None or new == match.group():
            return match.group()
        count += 1
        return new

    return pattern.sub(replace, text), count


# ---------------------------------------------------------------- manifests

_IDENTITY = frozenset(
    {"apiVersion", "kind", "name", "generateName", "namespace", "uid", "resourceVersion"}
    | {"image", "imageID", "containerID", "nodeName", "creationTimestamp", "selfLink"}
)
"""Fields that say which object, image or node: redacting one would destroy what evidence is about."""

_NAMED = frozenset({"annotations", "data", "stringData", "binaryData"})
"""Maps whose keys are chosen by people, so that a key's name tells of its value."""


class _Walk:
    """One manifest; `taken` counts what was taken out so far."""

    def __init__(self, of_text: OfText) -> None:
        self._of_text = of_text
        self.taken = 0

    def node(self, node: Any, field: str, *, secret: bool, whole: bool) -> Any:
        if isinstance(node, dict):
            return {key: self._member(node, key, field, secret=secret, whole=whole) for key in node}
        if isinstance(node, list):
            return list(self._elements(node, field, secret=secret, whole=whole))
        if not isinstance(node, str):
            return node
        if secret and node and MARK not in node and node.lower() not in HARMLESS_VALUES:
            self.taken += 1
            return f"{MARK}value]"
        if len(node) < SHORTEST_PAIR:
            return node
        clean, found = self._of_text(node)
        self.taken += found
        return clean

    def _member(self, node: dict[str, Any], key: str, field: str, *, secret: bool, whole: bool) -> Any:
        value = node[key]
        if field in _NAMED:
            return self.node(value, key, secret=whole or sensitive_name(key), whole=False)
        if key == "managedFields" or (key in _IDENTITY and isinstance(value, str)):
            return value
        if key == "value" and isinstance(node.get("name"), str):
            return self.node(value, key, secret=secret or sensitive_name(node["name"]), whole=False)
        return self.node(value, key, secret=secret, whole=whole)

    def _elements(self, node: list[Any], field: str, *, secret: bool, whole: bool) -> Iterator[Any]:
        """List members; in `["--password", "x"]` the flag condemns the member after it, and `["-u", "app:x"]` is
        read as it would stand on a command line."""
        flag = ""
        for item in node:
            condemned = bool(flag) and "=" not in flag and sensitive_name(flag.lstrip("-"))
            clean = self.node(item, field, secret=secret or condemned, whole=whole)
            yield self._after_flag(flag, clean) if flag and isinstance(clean, str) else clean
            flag = item if isinstance(item, str) and item.startswith("-") and " " not in item else ""

    def _after_flag(self, flag: str, item: str) -> str:
        together, found = self._of_text(f"{flag} {item}")
        if not found or not together.startswith(f"{flag} "):
            return item
        self.taken += found
        return together[len(flag) + 1 :]
