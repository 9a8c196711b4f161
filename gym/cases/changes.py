"""What differs between two states, and which of it a case does not allow.

`allowed_changes` holds `Kind/name:path-prefix` and `Kind/name:<created>`. A changed field is allowed below a
prefix; every other changed, created or deleted object is an over-edit. Left out on both sides is what no
person or daemon decides: status, the API server's bookkeeping and what it hands out, and objects that a
controller made.

Elements of lists are paired by `name` where each has one, otherwise by position. An allowed `[n]` counts in
the state before, where the case was written; a new element is `[n]` only where nothing was before.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from gym.cases.assertions.values import same
from gym.cases.paths import parse, selects
from gym.cases.server_fields import made_by_the_server, without_server_fields
from gym.cases.state import Json, Key, State, dig
from intents.fields import Element, FieldPath, format_path

CREATED = "<created>"
_ALLOWED = re.compile(r"(?P<kind>[A-Za-z][A-Za-z0-9]*)/(?P<name>[^/\s\[]+):(?P<rest>(?:[^:\[]|\[[^\]]*\])+)")
"""The last colon outside of brackets ends the name: those of roles hold colons, and so do values in brackets."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """One entry of allowed_changes. `prefix` None: the object may be created."""

    kind: str
    name: str
    prefix: FieldPath | None

    @classmethod
    def read(cls, text: str) -> Allowed:
        """Raises ValueError for anything but `Kind/name:path-prefix` or `Kind/name:<created>`."""
        found = _ALLOWED.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r} is not Kind/name:path-prefix or Kind/name:{CREATED}")
        rest = found["rest"]
        if rest.startswith("<") and rest != CREATED:
            raise ValueError(f"{text!r}: only {CREATED} is known")
        return cls(found["kind"], found["name"], None if rest == CREATED else parse(rest))


@dataclass(frozen=True, slots=True)
class Place:
    """A list element on the way to a changed field: its position before, or after where it is new; and
    itself, as it was or else as it came. `pushed_in`: it is new where another element was."""

    position: int
    item: Any
    pushed_in: bool = False

    def __str__(self) -> str:
        name = self.item.get("name") if isinstance(self.item, dict) else None
        return f"[name={name}]" if isinstance(name, str) else f"[{self.position}]"

    def fits(self, element: Element) -> bool:
        """Whether `[n]`, `[k=v]` or `[*]` names this element."""
        if element.index is not None:
            return element.index == self.position and not self.pushed_in
        return selects(element, self.item)


Where = tuple[str | Place, ...]


@dataclass(frozen=True, slots=True)
class Changed:
    """One field that differs."""

    key: Key
    where: Where
    emptied: bool = (
        False  # on one side an empty map or list, on the other nothing: only a parent came or went
    )

    def __str__(self) -> str:
        text = ""
        for step in self.where:
            text += str(step) if isinstance(step, Place) else ("." if text else "") + format_path((step,))
        return f"{self.key[0]}/{self.key[2]}:{text}"


@dataclass(frozen=True, slots=True)
class Changes:
    """What differs between two states. `recreated` objects have another uid, whether or not fields changed."""

    fields: tuple[Changed, ...] = ()
    created: tuple[Key, ...] = ()
    deleted: tuple[Key, ...] = ()
    recreated: tuple[Key, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.fields or self.created or self.deleted or self.recreated)

    @property
    def texts(self) -> tuple[str, ...]:
        """Every change in the words of allowed_changes."""
        return (
            *map(str, self.fields),
            *(f"{key[0]}/{key[2]}:{CREATED}" for key in self.created),
            *(f"{key[0]}/{key[2]}:<deleted>" for key in self.deleted),
            *(f"{key[0]}/{key[2]}:<recreated>" for key in self.recreated),
        )


def changes(before: State, after: State) -> Changes:
    """What differs; both states are read the same way (both from files, or both from the API server)."""
    was, now = _standing(before), _standing(after)
    found: list[Changed] = []
    recreated = []
    for key in sorted(was.keys() & now.keys()):
        walk = _Walk(key)
        walk.values(_content(was[key]), _content(now[key]), ())
        found += walk.found
        old, new = dig(was[key], "metadata", "uid"), dig(now[key], "metadata", "uid")
        if old and new and old != new:
            recreated.append(key)
    return Changes(
        tuple(found),
        tuple(sorted(now.keys() - was.keys())),
        tuple(sorted(was.keys() - now.keys())),
        tuple(recreated),
    )


def _standing(state: State) -> dict[Key, Json]:
    """The objects that somebody wrote and that are not being deleted."""
    return {
        key: obj
        for key, obj in state.objects.items()
        if not made_by_the_server(obj) and not dig(obj, "metadata", "deletionTimestamp")
    }


def over_edits(found: Changes, allowed: Sequence[Allowed]) -> tuple[str, ...]:
    """The changes that no entry allows. An object of which some field may change may be created anew for it
    (a Pod's fields are immutable); nothing may ever be deleted."""
    wrong = [str(change) for change in found.fields if not any(_allows(one, change) for one in allowed)]
    wrong += Changes(
        created=_but(found.created, (one for one in allowed if one.prefix is None)),
        deleted=found.deleted,
        recreated=_but(found.recreated, allowed),
    ).texts
    return tuple(wrong)


def _but(keys: Iterable[Key], allowed: Iterable[Allowed]) -> tuple[Key, ...]:
    named = {(one.kind, one.name) for one in allowed}
    return tuple(key for key in keys if (key[0], key[2]) not in named)


def _allows(allowed: Allowed, change: Changed) -> bool:
    if allowed.prefix is None or (allowed.kind, allowed.name) != (change.key[0], change.key[2]):
        return False
    if len(allowed.prefix) > len(change.where) and not change.emptied:
        return False
    return all(
        step.fits(segment) if isinstance(segment, Element) and isinstance(step, Place) else segment == step
        for segment, step in zip(allowed.prefix, change.where, strict=False)
    )


# ---------------------------------------------------------------- the walk


def _content(obj: Json) -> Any:
    return _without_nulls(without_server_fields(obj))


def _without_nulls(value: Any) -> Any:
    """A null field is an absent one."""
    if isinstance(value, dict):
        return {key: _without_nulls(part) for key, part in value.items() if part is not None}
    return [_without_nulls(part) for part in value] if isinstance(value, list) else value


_NOTHING: Any = object()


@dataclass(slots=True)
class _Walk:
    """Every leaf that differs between two values of one object."""

    key: Key
    found: list[Changed] = field(default_factory=list)

    def values(self, was: Any, now: Any, where: Where) -> None:
        if was is now or (was is not _NOTHING and now is not _NOTHING and same(was, now)):
            return
        # Where one side has nothing, the other is walked against an empty one of its kind: each leaf counts.
        if _walks(was, now, dict):
            self._maps(_or(was, {}), _or(now, {}), where)
        elif _walks(was, now, list):
            self._lists(_or(was, []), _or(now, []), where)
        else:
            empty = (was is _NOTHING and now in ({}, [])) or (now is _NOTHING and was in ({}, []))
            self.found.append(Changed(self.key, where, emptied=empty))

    def _maps(self, was: Json, now: Json, where: Where) -> None:
        for name in sorted(was.keys() | now.keys()):
            self.values(was.get(name, _NOTHING), now.get(name, _NOTHING), (*where, name))

    def _lists(self, was: list[Any], now: list[Any], where: Where) -> None:
        pairs = list(_pairs(was, now))
        for before, after in pairs:
            old = was[before] if before is not None else _NOTHING
            new = now[after] if after is not None else _NOTHING
            if before is not None:
                place = Place(before, old)
            else:
                at = after or 0
                place = Place(at, new, pushed_in=at < len(was))
            self.values(old, new, (*where, place))
        kept = [after for before, after in pairs if before is not None and after is not None]
        if kept != sorted(kept):  # the order of containers, arguments and rules is theirs
            self.found.append(Changed(self.key, where))


def _walks(was: Any, now: Any, kind: type) -> bool:
    """Whether both sides are of the kind, or one is and the other is nothing; an empty one beside nothing is
    a leaf."""
    sides = [side for side in (was, now) if side is not _NOTHING]
    return all(isinstance(side, kind) for side in sides) and any(bool(side) for side in sides)


def _or(value: Any, empty: Any) -> Any:
    return empty if value is _NOTHING else value


def _pairs(was: list[Any], now: list[Any]) -> Iterator[tuple[int | None, int | None]]:
    """Positions before and after, in the order of the state before; new elements last."""
    old, new = _names(was), _names(now)
    if old is None or new is None:
        for place in range(max(len(was), len(now))):
            yield place if place < len(was) else None, place if place < len(now) else None
        return
    for name, place in old.items():
        yield place, new.get(name)
    for name, place in new.items():
        if name not in old:
            yield None, place


def _names(items: list[Any]) -> dict[str, int] | None:
    """Positions by name; None unless every element is a map with a name of its own."""
    names = {
        item["name"]: place
        for place, item in enumerate(items)
        if isinstance(item, dict) and isinstance(item.get("name"), str)
    }
    return names if len(names) == len(items) else None
