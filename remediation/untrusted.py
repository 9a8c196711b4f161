"""The first look at a manifest that somebody else wrote: plain JSON, of a sane size, saying what it seems to.

The model's manifest is an attacker's input. Nothing here knows Kubernetes' schema; it refuses what no honest
manifest holds: patch directives (`$patch` and its family would make the merge mean something else), keys
that look like others, text that a reviewer would read differently from the server, values that were redacted.
"""

from __future__ import annotations

import math
import re
import unicodedata
from typing import Any

from remediation.model import NoPlan
from remediation.redact import is_redacted

MAX_DEPTH = 32
"""A whole Deployment is about 12 deep; affinity rules reach 16."""
MAX_NODES = 10_000
"""A Deployment with 20 containers stays below 3,000."""
MAX_TEXT = 1_048_576
"""Characters over all strings: the API server's limit for one object is 1.5 MiB, a ConfigMap's 1 MiB."""
MAX_KEY = 317
"""A qualified label key: 253 for the prefix, a slash, 63 for the name."""
MAX_INTEGER = 2**63 - 1

_LINE_BREAKS = frozenset("\n\r\t")
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories of controls, zero-width and direction marks, line separators: the reviewer would see
another value than the server stores."""
_IGNORABLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""The same in every category: what Unicode says to show as nothing (fillers, variation selectors, joiners). Source:
the property Default_Ignorable_Code_Point in DerivedCoreProperties.txt of Unicode 14, which Python's unicodedata leaves
out."""


def refuse_strange(manifest: Any) -> NoPlan | None:
    """Why this is no manifest to work with, or None. Never recursive: depth is part of the attack."""
    if not isinstance(manifest, dict):
        return NoPlan("NotAnObject", f"the manifest is a {type(manifest).__name__}, not a map")
    stack: list[tuple[Any, int]] = [(manifest, 1)]
    nodes = text = 0
    while stack:
        node, depth = stack.pop()
        nodes += 1
        if depth > MAX_DEPTH:
            return NoPlan("TooDeep", f"nested deeper than {MAX_DEPTH}")
        if nodes > MAX_NODES:
            return NoPlan("TooLarge", f"more than {MAX_NODES} values")
        if isinstance(node, dict):
            for key, value in node.items():
                if (wrong := _key(key)) is not None:
                    return wrong
                stack.append((value, depth + 1))
        elif isinstance(node, list):
            stack.extend((item, depth + 1) for item in node)
        else:
            text += len(node) if isinstance(node, str) else 0
            if text > MAX_TEXT:
                return NoPlan("TooLarge", f"more than {MAX_TEXT} characters")
            if (wrong := _scalar(node)) is not None:
                return wrong
    return None


def _key(key: Any) -> NoPlan | None:
    if not isinstance(key, str):
        return NoPlan("StrangeKey", f"the key {key!r} is not a string")
    if key.startswith("$"):
        return NoPlan("PatchDirective", f"{key!r} is a patch directive, not a field")
    if not key or len(key) > MAX_KEY or not all("!" <= char <= "~" for char in key):
        return NoPlan("StrangeKey", f"{key[:80]!a} is no key that Kubernetes knows")
    return None


def _scalar(value: Any) -> NoPlan | None:
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, str):
        if (hidden := _hidden(value)) is not None:
            return NoPlan("HiddenCharacter", f"a value holds {hidden!a}, which a reader would not see")
        if is_redacted(value):
            return NoPlan("Redacted", "a value was redacted; what code never saw it cannot put back")
        return None
    if isinstance(value, int):
        return None if abs(value) <= MAX_INTEGER else NoPlan("NotFinite", "a number is beyond 64 bits")
    if isinstance(value, float):
        return None if math.isfinite(value) else NoPlan("NotFinite", f"{value} is no JSON number")
    return NoPlan("NotJson", f"a {type(value).__name__} is no JSON value")


def _hidden(text: str) -> str | None:
    """The first character that a reader would not see."""
    if (found := _IGNORABLE.search(text)) is not None:
        return found[0]
    unseen = (char for char in text if char not in _LINE_BREAKS and unicodedata.category(char) in _INVISIBLE)
    return next(unseen, None)
