"""Equality and one spelling of JSON values.

Python says `True == 1 == 1.0`; the API server does not. Preconditions, digests and the comparison with the
last known good all use these two functions.
"""

from __future__ import annotations

import json
from typing import Any

from intents.fields import FieldPath
from remediation.merge_keys import is_quantity
from remediation.quantity import as_number


def canonical(value: Any) -> str:
    """The one spelling of a JSON value: sorted keys, no spaces, ASCII. Raises ValueError for NaN."""
    return _SPELLING.encode(value)


_SPELLING = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False, check_circular=False
)
"""What was read as JSON holds no circle; looking for one takes a fifth of the time."""


def copied(value: Any) -> Any:
    """A copy of a JSON value that shares nothing with it."""
    if isinstance(value, dict):
        return {key: copied(part) for key, part in value.items()}
    if isinstance(value, list):
        return [copied(part) for part in value]
    return value


def same(one: Any, other: Any) -> bool:
    """Byte-equal in the canonical spelling: types count, the order of keys does not."""
    if isinstance(one, dict):
        return (
            isinstance(other, dict)
            and one.keys() == other.keys()
            and all(same(value, other[key]) for key, value in one.items())
        )
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and bool(one == other)


def same_value(one: Any, other: Any, path: FieldPath = ()) -> bool:
    """Whether the field holds the same: byte-equal, or the same amount where `path` is a quantity (the
    server spells `1024Mi` as `1Gi`)."""
    if same(one, other):
        return True
    if not is_quantity(path):
        return False
    amount = as_number(one)
    return amount is not None and amount == as_number(other)
