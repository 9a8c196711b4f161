"""What differs between two states of an object, as keyed leaves and as JSON Patch.

`changed_leaves` is what people, guards and budgets judge; `operations` is what the API server gets. Both come
from one walk, so neither can say less than the other. Every value that an operation replaces or removes is
tested first, and so is the merge key of each list element that a pointer passes by position: in a list that
somebody reordered, the patch fails instead of hitting a neighbour. An `add` needs no test of its own; the
writer's resourceVersion precondition stands for "still absent".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from intents.fields import FieldPath
from remediation.merge_keys import Identity, element, identities, list_keys
from remediation.model import ABSENT, Json, Operation, Touched
from remediation.values import copied, same


class PreconditionFailed(ValueError):  # noqa: N818 - RFC 6902's own words
    """A `test` did not hold, or a pointer leads nowhere."""


@dataclass(frozen=True, slots=True)
class Diff:
    """`operations` turn before into after, `inverse` turns exactly that back."""

    touched: tuple[Touched, ...]
    operations: tuple[Operation, ...]
    inverse: tuple[Operation, ...]


def diff(before: Json, after: Json) -> Diff:
    """The difference in both directions; empty where the two are the same."""
    walked = _walk(before, after)
    return Diff(tuple(walked.touched), walked.operations(), operations(after, before))


def changed_leaves(before: Json, after: Json) -> tuple[Touched, ...]:
    """Each leaf that differs. A list element that appears or goes shows by its fields other than its merge
    key; where it has none, by itself."""
    return tuple(_walk(before, after).touched)


def operations(before: Json, after: Json) -> tuple[Operation, ...]:
    """The smallest JSON Patch from before to after, with its preconditions."""
    return _walk(before, after).operations()


def leaves(value: Any, path: FieldPath) -> Iterator[tuple[FieldPath, Any]]:
    """Every leaf below a place. Empty maps and atomic lists are leaves."""
    if isinstance(value, dict) and value:
        for key in sorted(value):
            yield from leaves(value[key], (*path, key))
        return
    keys = list_keys(path) if isinstance(value, list) and value else None
    if keys is None or identities(value, keys) is None:
        yield path, value
        return
    for item in value:
        inside = (*path, element(item, keys))
        rest = {key: part for key, part in item.items() if key not in keys}
        if rest:
            yield from leaves(rest, inside)
        else:
            yield inside, item


# ---------------------------------------------------------------- the walk


_Step = tuple[Literal["add", "remove", "replace", "test"], str, Any]
"""What an operation is made of: most walks are asked for the leaves alone."""


@dataclass(slots=True)
class _Walked:
    touched: list[Touched] = field(default_factory=list)
    steps: list[_Step] = field(default_factory=list)

    def operations(self) -> tuple[Operation, ...]:
        return tuple(Operation(*step) for step in self.steps)


def _walk(before: Json, after: Json) -> _Walked:
    found = _Walked()
    _maps(before, after, (), "", found)
    return found


def _maps(before: Json, after: Json, path: FieldPath, pointer: str, found: _Walked) -> None:
    keys = [key for key, value in before.items() if key not in after or after[key] is not value]  # see `fork`
    keys += [key for key in after if key not in before]
    for key in sorted(keys):
        here, at = (*path, key), f"{pointer}/{escape(key)}"
        if key not in after:
            _removed(before[key], here, at, found)
        elif key not in before:
            found.touched += [Touched(leaf, ABSENT, value) for leaf, value in leaves(after[key], here)]
            found.steps.append(("add", at, after[key]))
        else:
            _values(before[key], after[key], here, at, found)


def _removed(value: Any, path: FieldPath, pointer: str, found: _Walked) -> None:
    found.touched += [Touched(leaf, was, ABSENT) for leaf, was in leaves(value, path)]
    found.steps += [("test", pointer, value), ("remove", pointer, None)]


def _values(before: Any, after: Any, path: FieldPath, pointer: str, found: _Walked) -> None:
    if isinstance(before, dict) and isinstance(after, dict):
        _maps(before, after, path, pointer, found)
        return
    if same(before, after):
        return
    if isinstance(before, list) and isinstance(after, list) and (keys := list_keys(path)):
        old, new = identities(before, keys), identities(after, keys)
        if old is not None and new is not None:
            _keyed(_Keyed(keys, before, old), _Keyed(keys, after, new), path, pointer, found)
            return
    found.touched.append(Touched(path, before, after))
    found.steps += [("test", pointer, before), ("replace", pointer, after)]


class _Keyed(NamedTuple):
    """A list whose elements all tell who they are."""

    keys: tuple[str, ...]
    items: list[Any]
    who: list[Identity]


def _keyed(before: _Keyed, after: _Keyed, path: FieldPath, pointer: str, found: _Walked) -> None:
    keys, new = before.keys, dict(zip(after.who, after.items, strict=True))
    gone = []
    for place, (who, item) in enumerate(zip(before.who, before.items, strict=True)):
        if who not in new:
            gone.append(place)
            continue
        other, at = new.pop(who), f"{pointer}/{place}"
        if other is item:
            continue
        start = len(found.steps)
        _maps(item, other, (*path, element(item, keys)), at, found)
        if len(found.steps) > start:
            found.steps[start:start] = _tests(item, keys, at)
    for place in reversed(gone):  # from the end, so that no removal moves another
        at, item = f"{pointer}/{place}", before.items[place]
        found.steps += _tests(item, keys, at)
        found.touched += [Touched(leaf, was, ABSENT) for leaf, was in leaves([item], path)]
        found.steps += [("test", at, item), ("remove", at, None)]
    for item in new.values():
        found.touched += [Touched(leaf, ABSENT, value) for leaf, value in leaves([item], path)]
        found.steps.append(("add", f"{pointer}/-", item))


def _tests(item: Json, keys: tuple[str, ...], pointer: str) -> list[_Step]:
    return [("test", f"{pointer}/{escape(key)}", item[key]) for key in keys if key in item]


# ---------------------------------------------------------------- JSON Patch


def escape(key: str) -> str:
    """One reference token of a JSON pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1") if "/" in key or "~" in key else key


def tokens(pointer: str) -> list[str]:
    """The reference tokens of a JSON pointer."""
    if pointer and not pointer.startswith("/"):
        raise PreconditionFailed(f"{pointer!r} is no JSON pointer")
    split = pointer.split("/")[1:]
    return [token.replace("~1", "/").replace("~0", "~") for token in split] if "~" in pointer else split


def apply(document: Json, patch: Sequence[Operation]) -> Json:
    """The document after the patch, which applies as a whole or raises PreconditionFailed. The argument is
    not changed, and the result shares nothing with it."""
    result: Json = copied(fork(document, patch))
    return result


def same_changes(does: Sequence[Touched], says: Sequence[Touched]) -> bool:
    """Whether what changes is what was said, each leaf said once: the same leaves, from and to the same values."""
    said = {leaf.path: leaf for leaf in says}
    if not len(said) == len(says) == len(does):
        return False
    for leaf in does:
        other = said.pop(leaf.path, None)
        if other is None or not (same(leaf.before, other.before) and same(leaf.after, other.after)):
            return False
    return True


def fork(document: Json, patch: Sequence[Operation]) -> Json:
    """As `apply`, but the result shares with the argument what the patch leaves alone: for looking at, and quick
    to compare. Neither may be changed afterwards."""
    result: Json = dict(document)
    own: dict[int, Any] = {id(result): result}
    reached: list[str] = []
    way: list[Any] = [result]  # the copies at each step of `reached`
    before, last = "", ""
    for operation in patch:
        if operation.path != before:  # a value is tested, then changed
            *above, last = tokens(operation.path) or [""]
            before = operation.path
            if above != reached:  # an operation changes something below its parent, nothing on the way to it
                shared = _shared(reached, above)
                del way[shared + 1 :]
                for token in above[shared:]:
                    way.append(_own_child(way[-1], token, operation.path, own))
                reached = above
        _step(way[-1], last, operation)
    return result


def _shared(one: Sequence[str], other: Sequence[str]) -> int:
    """How many steps two ways have in common."""
    steps = 0
    for here, there in zip(one, other, strict=False):
        if here != there:
            break
        steps += 1
    return steps


def _own_child(parent: Any, token: str, pointer: str, own: dict[int, Any]) -> Any:
    """The child, as a copy in the parent (which is one) the first time that something below it changes. `own`
    keeps the copies, so that no other value takes the id of one."""
    child = _child(parent, token, pointer)
    if id(child) in own or not isinstance(child, (dict, list)):
        return child
    copy = child.copy()
    parent[_key(parent, token)] = own[id(copy)] = copy
    return copy


def _step(parent: Any, last: str, operation: Operation) -> None:
    match operation.op:
        case "test":
            if not same(_child(parent, last, operation.path), operation.value):
                raise PreconditionFailed(f"test failed: {operation.path}")
        case "add" if isinstance(parent, list):
            place = len(parent) if last == "-" else _place(last, len(parent) + 1, operation.path)
            parent.insert(place, copied(operation.value))
        case "add" if isinstance(parent, dict):
            parent[last] = copied(operation.value)
        case "remove":
            _child(parent, last, operation.path)
            del parent[_key(parent, last)]
        case "replace":
            _child(parent, last, operation.path)
            parent[_key(parent, last)] = copied(operation.value)
        case _:
            raise PreconditionFailed(f"{operation.path} leads nowhere")


def _key(parent: Any, token: str) -> int | str:
    return int(token) if isinstance(parent, list) else token


def _child(parent: Any, token: str, pointer: str) -> Any:
    if isinstance(parent, dict) and token in parent:
        return parent[token]
    if isinstance(parent, list):
        return parent[_place(token, len(parent), pointer)]
    raise PreconditionFailed(f"{pointer} leads nowhere")


def _place(token: str, length: int, pointer: str) -> int:
    if not (token.isascii() and token.isdigit()) or int(token) >= length:
        raise PreconditionFailed(f"{pointer} leads nowhere")
    return int(token)
