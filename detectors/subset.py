"""Whether a live object is as a desired manifest says, field by field, as Kubernetes would see it.

Fields that the manifest leaves out are free. Lists of objects merge by their key (the patchMergeKey of the
API types), so an injected sidecar is no difference; other lists are one value. Quantities are equal by
value. What the API server drops when it stores an object (empty maps, lists and strings, and the `false`
and `0` of plain fields) equals absence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from intents.fields import MISSING, Element, FieldPath
from intents.merge_keys import CONTAINER_KEY, CONTAINER_LISTS, DEFAULTS, PER_CONTAINER, PER_POD, SERVICE_PORTS
from intents.units import parse_quantity

_MERGE_KEYS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    **dict.fromkeys(CONTAINER_LISTS, (CONTAINER_KEY,)),
    **{name: (keys,) for name, keys in (PER_CONTAINER | PER_POD).items()},
    "ports": (PER_CONTAINER["ports"], SERVICE_PORTS),
}
"""By the list's name alone, because a manifest may be of any kind."""
_QUANTITY_MAPS = frozenset({"limits", "requests", "hard", "capacity"})
_QUANTITIES = frozenset({"sizeLimit", "divisor", "averageValue"})
_PLAIN = frozenset(
    {
        "hostNetwork",
        "hostPID",
        "hostIPC",
        "stdin",
        "stdinOnce",
        "tty",
        "paused",
        "readOnly",
        "publishNotReadyAddresses",
        "minReadySeconds",
        "initialDelaySeconds",
    }
)
"""Fields that are no pointers in the API types: their zero value is not stored. For any other field `false`
says something that absence does not (`automountServiceAccountToken`)."""
_SAID_BY_PRESENCE = frozenset({"emptyDir"})
_NOT_WISHES = frozenset({"apiVersion", "kind", "status"})
_OUR_METADATA = frozenset({"labels", "annotations", "finalizers"})


def differences(desired: Mapping[str, Any], live: Mapping[str, Any]) -> tuple[FieldPath, ...]:
    """The paths at which the live object is not as desired, in the manifest's order.

    apiVersion, kind, status and the server's own metadata are no wishes.
    """
    found: list[FieldPath] = []
    for name, wish in desired.items():
        if name in _NOT_WISHES:
            continue
        if name == "metadata":
            wish = {k: v for k, v in wish.items() if k in _OUR_METADATA} if isinstance(wish, Mapping) else {}  # noqa: PLW2901
        found.extend(_differ((name,), wish, live.get(name, MISSING)))
    return tuple(found)


def _differ(path: FieldPath, wish: Any, live: Any) -> Iterator[FieldPath]:
    if wish is None:  # null asks for absence
        if live is not MISSING and live is not None:
            yield path
    elif live is MISSING or live is None:
        if not _as_absent(path, wish):
            yield path
    elif isinstance(wish, Mapping):
        if not isinstance(live, Mapping):
            yield path
            return
        for name, value in wish.items():
            yield from _differ((*path, str(name)), value, live.get(name, MISSING))
    elif isinstance(wish, list):
        yield from _lists(path, wish, live)
    elif not _same(path, wish, live):
        yield path


def _lists(path: FieldPath, wish: list[Any], live: Any) -> Iterator[FieldPath]:
    if not isinstance(live, list):
        yield path
        return
    keys = _merge_key(path, wish)
    if keys is None:
        equal = len(wish) == len(live) and not any(
            any(_differ((*path, Element(index=i)), ours, theirs))
            for i, (ours, theirs) in enumerate(zip(wish, live, strict=True))
        )
        if not equal:
            yield path
        return
    entries: dict[tuple[tuple[str, str], ...], Any] = {}
    for entry in live:
        if isinstance(entry, Mapping):
            entries.setdefault(_key(entry, keys), entry)
    for entry in wish:
        key = _key(entry, keys)
        yield from _differ((*path, Element(key=key)), entry, entries.get(key, MISSING))


def _merge_key(path: FieldPath, wish: Sequence[Any]) -> tuple[str, ...] | None:
    """The merge key under which every entry of the wish can be found; None where the list is one value."""
    for keys in _MERGE_KEYS.get(str(path[-1]), ()):
        if all(
            isinstance(entry, Mapping) and all(key in entry or key in DEFAULTS for key in keys)
            for entry in wish
        ):
            return keys
    return None


def _key(entry: Mapping[str, Any], keys: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((key, str(entry.get(key, DEFAULTS.get(key, "")))) for key in keys)


def _as_absent(path: FieldPath, wish: Any) -> bool:
    """Whether the API server stores this wish as an absent field."""
    name = path[-1]
    if name in _SAID_BY_PRESENCE:
        return False
    if isinstance(wish, Mapping):
        return all(value is None or _as_absent((*path, str(key)), value) for key, value in wish.items())
    if isinstance(wish, list | str):
        return len(wish) == 0
    return name in _PLAIN and not wish


def _same(path: FieldPath, wish: Any, live: Any) -> bool:
    if isinstance(wish, bool) or isinstance(live, bool):
        return wish is live
    if _is_quantity(path):
        ours, theirs = _quantity(wish), _quantity(live)
        if ours is not None and theirs is not None:
            return ours == theirs
    if isinstance(wish, str) or isinstance(live, str):
        # "80" is a port's name where 80 is its number: never the same.
        return type(wish) is type(live) and wish == live
    return bool(wish == live)


def _is_quantity(path: FieldPath) -> bool:
    return path[-1] in _QUANTITIES or (len(path) > 1 and path[-2] in _QUANTITY_MAPS)


def _quantity(value: Any) -> Decimal | None:
    if not isinstance(value, str | int | float):
        return None
    try:
        return parse_quantity(value)
    except ValueError:
        return None
