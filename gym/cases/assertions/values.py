"""Assertions about the values at a path: of an object, or of one container of it.

Two families. Those that demand (eq, in, matches, qty_*) need at least one value and every value right; with
`vacuous_ok` no value at all is right too. Those that forbid (ne, not_in, not_matches) only fail on a value
that they forbid. What cannot be compared (text where a quantity is asked, a map where text is) is never right.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Generic, TypeVar

from pydantic import JsonValue, PlainValidator

from gym.cases.assertions.base import Arguments, Held, Quantity
from gym.cases.paths import Path, as_text, values_at
from gym.cases.state import Json
from gym.cases.workloads import quantity
from intents.fields import format_path
from intents.units import parse_quantity


def _pattern(text: object) -> re.Pattern[str]:
    if not isinstance(text, str):
        raise ValueError("a regular expression is text")  # noqa: TRY004 - pydantic reads ValueError
    try:
        return re.compile(text)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error


class OnField(Arguments):
    """An assertion about the values at a path."""

    path: Path


class Wanted(OnField):
    """One that needs a value, unless `vacuous_ok`."""

    vacuous_ok: bool = False


class Equal(Wanted):
    """eq, ne."""

    value: JsonValue


class OneOf(Wanted):
    """in, not_in."""

    value: tuple[JsonValue, ...]


class Matching(Wanted):
    """matches, not_matches: a search by Python's `re`, as the case states it."""

    value: Annotated[re.Pattern[str], PlainValidator(_pattern)]


class Amount(Wanted):
    """qty_lt, qty_le, qty_gt, qty_ge."""

    value: Quantity


F = TypeVar("F", bound=OnField)


@dataclass(frozen=True, slots=True)
class FieldAssertion(Generic[F]):
    """One word of the language about a document's own fields."""

    arguments: type[F]
    judge: Callable[[Json, F], Held]


# ---------------------------------------------------------------- how values compare


def same(one: Any, other: Any) -> bool:
    """Equality of JSON: true is no 1, "80" is no 80, 1 and 1.0 are the same number."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def show(value: object) -> str:
    """A value in a sentence."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _compares(holds: Callable[[Decimal, Decimal], bool]) -> Callable[[Any, Amount], bool]:
    def compared(value: Any, args: Amount) -> bool:
        found = quantity(value)
        return found is not None and holds(found, parse_quantity(args.value))

    return compared


def _searched(value: Any, args: Matching) -> bool:
    text = as_text(value)
    return text is not None and args.value.search(text) is not None


def _not_searched(value: Any, args: Matching) -> bool:
    text = as_text(value)
    return text is not None and args.value.search(text) is None


# ---------------------------------------------------------------- the two families


W = TypeVar("W", bound=Wanted)


def _demands(arguments: type[W], holds: Callable[[Any, W], bool], says: str) -> FieldAssertion[W]:
    def judged(document: Json, args: W) -> Held:
        found = values_at(document, args.path)
        if not found:
            return Held(args.vacuous_ok, f"{format_path(args.path)} has no value")
        return _all(found, args, lambda value: holds(value, args), says)

    return FieldAssertion(arguments, judged)


def _forbids(arguments: type[W], holds: Callable[[Any, W], bool], says: str) -> FieldAssertion[W]:
    def judged(document: Json, args: W) -> Held:
        found = values_at(document, args.path)
        if not found:
            return Held(True, f"{format_path(args.path)} has no value")
        return _all(found, args, lambda value: holds(value, args), says)

    return FieldAssertion(arguments, judged)


def _all(found: list[Any], args: Wanted, holds: Callable[[Any], bool], says: str) -> Held:
    wanted = getattr(args, "value", None)
    means = f"{says} {wanted.pattern if isinstance(wanted, re.Pattern) else show(wanted)}"
    wrong = [value for value in found if not holds(value)]
    if wrong:
        return Held(False, f"{format_path(args.path)} is {show(wrong[0])}, which is not {means}")
    return Held(True, f"{format_path(args.path)} is {show(found[0])}: {means}")


def _exists(document: Json, args: OnField) -> Held:
    there = bool(values_at(document, args.path))
    return Held(there, f"{format_path(args.path)} {'exists' if there else 'has no value'}")


def _absent(document: Json, args: OnField) -> Held:
    there = bool(values_at(document, args.path))
    return Held(not there, f"{format_path(args.path)} {'exists' if there else 'has no value'}")


FIELDS: Mapping[str, FieldAssertion[Any]] = {
    "eq": _demands(Equal, lambda value, args: same(value, args.value), "equal to"),
    "ne": _forbids(Equal, lambda value, args: not same(value, args.value), "other than"),
    "in": _demands(OneOf, lambda value, args: any(same(value, one) for one in args.value), "one of"),
    "not_in": _forbids(OneOf, lambda value, args: not any(same(value, one) for one in args.value), "none of"),
    "matches": _demands(Matching, _searched, "matched by"),
    "not_matches": _forbids(Matching, _not_searched, "free of"),
    "qty_lt": _demands(Amount, _compares(lambda found, bound: found < bound), "less than"),
    "qty_le": _demands(Amount, _compares(lambda found, bound: found <= bound), "at most"),
    "qty_gt": _demands(Amount, _compares(lambda found, bound: found > bound), "more than"),
    "qty_ge": _demands(Amount, _compares(lambda found, bound: found >= bound), "at least"),
    "exists": FieldAssertion(OnField, _exists),
    "absent": FieldAssertion(OnField, _absent),
}
