"""Kubernetes quantities and Go-style durations, as plain numbers.

The pure folders import no client library, so the two small grammars that intents, detectors and guards
share live here. Sources: apimachinery `pkg/api/resource` (quantities), Go `time.ParseDuration` without
signs and fractions of a nanosecond (durations).
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from functools import lru_cache

_BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50, "Ei": 2**60}
_DECIMAL = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "P": Decimal(10**15),
    "E": Decimal(10**18),
}
_QUANTITY = re.compile(
    r"([+-]?(?:[0-9]{1,24}\.?[0-9]{0,12}|\.[0-9]{1,12}))(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]?|[eE][+-]?[0-9]{1,2})",
    re.ASCII,
)
_DURATION = re.compile(
    r"(?:([0-9]{1,6})d)?(?:([0-9]{1,6})h)?(?:([0-9]{1,8})m)?(?:([0-9]{1,8})s)?(?:([0-9]{1,9})ms)?", re.ASCII
)


def parse_quantity(text: str | float) -> Decimal:
    """The quantity as a number of base units (bytes, cores, objects).

    Raises ValueError for anything the API server would refuse.
    """
    match = _QUANTITY.fullmatch(str(text).strip() if isinstance(text, str) else str(text))
    if match is None:
        raise ValueError(f"{text!r} is not a Kubernetes quantity, such as 250m, 64Mi or 2")
    number, suffix = match.groups()
    try:
        if suffix in _BINARY:
            return Decimal(number) * _BINARY[suffix]
        if suffix in _DECIMAL:
            return Decimal(number) * _DECIMAL[suffix]
        return Decimal(number + suffix)
    except InvalidOperation as error:  # pragma: no cover - the pattern admits only numbers
        raise ValueError(f"{text!r} is not a Kubernetes quantity") from error


def format_bytes(amount: int) -> str:
    """The shortest exact quantity for a number of bytes, so that 67108864 reads 64Mi."""
    for suffix, size in reversed(_BINARY.items()):
        if amount >= size and amount % size == 0:
            return f"{amount // size}{suffix}"
    return str(amount)


@lru_cache(maxsize=1024)  # a thousand intents write the same few
def parse_duration(text: str) -> float:
    """Seconds in a duration such as `90s`, `1h30m`, `7d` or `250ms`; raises ValueError otherwise."""
    match = _DURATION.fullmatch(text.strip())
    if match is None or not any(group is not None for group in match.groups()):
        raise ValueError(f"{text!r} is not a duration, such as 30s, 5m or 1h30m")
    days, hours, minutes, seconds, millis = (int(group or 0) for group in match.groups())
    return days * 86400 + hours * 3600 + minutes * 60 + seconds + millis / 1000


def format_duration(seconds: float) -> str:
    """The duration as people write it: 5400 reads 1h30m."""
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    rest = round(seconds)
    parts = []
    for suffix, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{suffix}")
    return "".join(parts) or "0s"
