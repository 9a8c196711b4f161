"""Quantities in the spelling that the API server stores.

The server rewrites quantities on every write (`1024Mi` becomes `1Gi`, `0.5` becomes `500m`). A plan that
carried the other spelling would not be what is stored, so plans carry this one and comparisons are by value.
Source: apimachinery `pkg/api/resource/quantity.go`, CanonicalizeBytes.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import Any

from intents.units import parse_quantity

_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_DECIMAL = ("n", "u", "m", "", "k", "M", "G", "T", "P", "E")
_KIBI = 1024


def canonical_quantity(written: str | float) -> str:
    """The stored spelling; raises ValueError for what is no quantity or is finer than a nano-unit (the
    server would round it up, so what was reviewed would not be what is applied)."""
    return _canonical(str(written))


@lru_cache(maxsize=4096)  # guards ask for the same few spellings again and again
def _canonical(text: str) -> str:
    value = parse_quantity(text)
    nanos = value * 10**9
    if nanos != nanos.to_integral_value():
        raise ValueError(f"{text!r} is finer than a nano-unit")
    if text.strip().endswith("i") and value == value.to_integral_value() and abs(value) >= _KIBI:
        return _scaled(int(value), _KIBI, _BINARY)
    return _scaled(int(nanos), 1000, _DECIMAL)


def _scaled(amount: int, step: int, suffixes: tuple[str, ...]) -> str:
    if amount == 0:
        return "0"
    place = 0
    while amount % step == 0 and place < len(suffixes) - 1:
        amount //= step
        place += 1
    return f"{amount}{suffixes[place]}"


def as_number(value: Any) -> Decimal | None:
    """A JSON number or quantity as a number; None for anything else (a boolean is no number)."""
    if isinstance(value, str):
        return _number(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return _number_or_none(value)


def _number_or_none(value: str | float) -> Decimal | None:
    try:
        return parse_quantity(value)
    except ValueError:
        return None


_number = lru_cache(maxsize=4096)(_number_or_none)
"""As above."""
