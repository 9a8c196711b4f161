"""What a plain YAML scalar means, as Kubernetes users write it.

YAML 1.2's core schema, so that `yes`, `on`, `22:00` and dates are text, with one exception: `0644` is octal,
as kubectl reads it. What JSON cannot hold (`.inf`, 1e999, integers past 64 bits) stays text, and the model
then says that a number was expected.
"""

from __future__ import annotations

import re
from math import isfinite

_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})", re.ASCII)
_OCTAL = re.compile(r"0o?[0-7]{1,16}", re.ASCII)
_HEX = re.compile(r"0x[0-9a-fA-F]{1,15}", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]{1,40}|[0-9]{1,40}(?:\.[0-9]{0,40})?)(?:[eE][-+]?[0-9]{1,4})?", re.ASCII)
_WORDS: dict[str, object] = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def resolve(text: str) -> object:
    """What a plain scalar means; see the head of this file for where this leaves YAML 1.2."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    if _INT.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text):
        return int(text.removeprefix("0o"), 8)
    if _HEX.fullmatch(text):
        return int(text, 16)
    if _FLOAT.fullmatch(text) and not (text[0] == "0" and text.isdigit()):
        number = float(text)
        return number if isfinite(number) else text
    return text
