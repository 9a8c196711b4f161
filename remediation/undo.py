"""Putting back exactly what a plan changed, and nothing else, in the object as it is now.

Others may have changed other fields, inserted a sidecar or reordered a list since; so the undo is computed
anew against the live object. It is possible only while every field that we touched still holds what we
wrote. What the server added to a part that we created (defaults) goes with that part; what somebody else put
into a map that we created stays, and so does the map.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from intents.fields import MISSING, Element, FieldPath, get
from remediation.diff import changed_leaves, diff, leaves, operations, tokens
from remediation.digest import delete_digest, patch_digest
from remediation.merge_keys import in_free_map, list_keys
from remediation.model import ABSENT, Create, Delete, Json, NoPlan, Operation, Patch, Plan, Recreate, Touched
from remediation.recreate import recreated_back
from remediation.values import same, same_value


class CannotUndoError(ValueError):
    """The undo was asked for where it is not ours to do."""


def undo_valid(plan: Plan, live: Json | None) -> bool:
    """Whether the fields that the plan touched are still as it left them, in the same incarnation."""
    return isinstance(_undo(plan, live), Patch | Delete | Recreate)


def undo_plan(plan: Plan, live: Json | None) -> Plan:
    """The undo as a plan of its own, for the object as it is now. Raises CannotUndoError where `undo_valid` is
    false: then the fields are somebody else's and a person has to look."""
    found = _undo(plan, live)
    if isinstance(found, NoPlan):
        raise CannotUndoError(f"{found.reason}: {found.detail}")
    return found


def inverse_for(plan: Patch, live: Json) -> tuple[Operation, ...]:
    """The undo's operations with positions as they are now; raises CannotUndoError like `undo_plan`."""
    undo = undo_plan(plan, live)
    return undo.operations if isinstance(undo, Patch) else ()


def undo_covers(plan: Plan, path: FieldPath) -> bool:
    """Whether an undo of the plan may touch this place: a field that the plan touched, or one inside a part
    that it created (a server's default), but never somebody else's entry in it."""
    if isinstance(plan, Recreate):
        plan = _as_patch(plan)
    if not isinstance(plan, Patch):
        return False
    ours = {leaf.path for leaf in plan.touched}
    created = [place for step, place in _steps_back(plan) if step.op == "remove" and _below(path, place)]
    return path in ours or any(not _theirs(path, place, ours) for place in created)


def _undo(plan: Plan, live: Json | None) -> Plan | NoPlan:
    if live is None:
        return NoPlan("Gone", "there is no such object any more")
    uid, version = get(live, ("metadata", "uid")), get(live, ("metadata", "resourceVersion"))
    if isinstance(plan, Delete):
        return NoPlan("NoUndo", "a deletion is an undo itself")
    if plan.target.uid and uid != plan.target.uid and not isinstance(plan, Recreate):
        return NoPlan("OtherIncarnation", "the object was deleted and created anew")
    theirs = [leaf for leaf in plan.touched if not as_planned(leaf, live)]
    if theirs:
        return NoPlan("NotOurs", f"changed since: {theirs[0]}")
    if isinstance(plan, Create):
        target = plan.target._replace(uid=str(uid))
        return Delete(target, str(version), delete_digest(target, str(version)))
    if isinstance(plan, Recreate):
        step = _restore(_as_patch(plan), live)
        return step if isinstance(step, NoPlan) else recreated_back(plan, live, step)
    return _restore(plan, live)


def _as_patch(plan: Recreate) -> Patch:
    """The same change said as a patch of the object as it was: its undo is found the same way. Whether the
    incarnation there is ours, the caller knows by the operation's mark."""
    change = diff(plan.before, plan.manifest)
    return Patch(plan.target, change.operations, change.inverse, change.touched, "")


def as_planned(leaf: Touched, document: Json) -> bool:
    """Whether the field holds what the plan wrote: quantities by value, and a list element or an empty map
    that the plan made may have taken on the server's defaults (a port its protocol)."""
    found = get(document, leaf.path)
    if leaf.after == ABSENT or found is MISSING:
        return leaf.after == ABSENT and found is MISSING
    if isinstance(leaf.after, dict) and isinstance(found, dict):
        return all(key in found and same(found[key], value) for key, value in leaf.after.items())
    return same_value(found, leaf.after, leaf.path)


def _restore(plan: Patch, live: Json) -> Patch | NoPlan:
    ours = {leaf.path for leaf in plan.touched}
    restored = deepcopy(live)
    for step, place in _steps_back(plan):
        if step.op == "remove":
            _take_out(restored, place, ours)
        elif step.op == "add" and any(leaf not in ours for leaf, _ in _now(restored, place)):
            return NoPlan("NotOurs", f"somebody put something else where we removed: {step.path}")
        elif not _put_back(restored, place, step.value):
            return NoPlan("NotOurs", f"the part that held {step.path} is gone")
    forward = operations(live, restored)
    touched = changed_leaves(live, restored)
    if not forward:
        return NoPlan("NothingToUndo", "the object is already as it was")
    digest = patch_digest(plan.target, forward, touched)
    return Patch(plan.target, forward, operations(restored, live), touched, digest)


def _now(document: Json, place: FieldPath) -> list[tuple[FieldPath, Any]]:
    found = get(document, place)
    return [] if found is MISSING else list(leaves(found, place))


def _take_out(document: Json, place: FieldPath, ours: set[FieldPath]) -> None:
    """Remove a part that we created, unless somebody has since put an entry of their own into a map or a list
    in it: then only our own entries go."""
    if not any(_theirs(leaf, place, ours) for leaf, _ in _now(document, place)):
        _remove(document, place)
        return
    for leaf in [leaf for leaf in ours if _below(leaf, place)]:
        entry = _entry(leaf, place)
        if entry is None:
            _remove(document, leaf)
        elif get(document, entry) is not MISSING:
            _take_out(document, entry, ours)


def _remove(document: Json, place: FieldPath) -> None:
    parent = get(document, place[:-1])
    if isinstance(parent, dict):
        parent.pop(str(place[-1]), None)
    elif isinstance(parent, list):
        parent.remove(get(document, place))


def _theirs(leaf: FieldPath, place: FieldPath, ours: set[FieldPath]) -> bool:
    """Whether somebody else put this leaf into a part that we created: an entry of a map with free keys, or
    of a list, that we did not write. Other fields in it may be the server's defaults, and go with the part."""
    if in_free_map(leaf):
        return leaf not in ours
    entry = _entry(leaf, place)
    return entry is not None and not any(_inside(own, entry) for own in ours)


def _inside(own: FieldPath, entry: FieldPath) -> bool:
    """Whether our leaf stands in this entry, whose key the server may have completed (a port's protocol)."""
    return len(own) >= len(entry) and all(
        set(mine.key) <= set(there.key)
        if isinstance(mine, Element) and isinstance(there, Element)
        else mine == there
        for mine, there in zip(own, entry, strict=False)
    )


def _entry(leaf: FieldPath, place: FieldPath) -> FieldPath | None:
    """The list element below the place that the leaf stands in (the outermost one)."""
    ends = (at + 1 for at in range(len(place), len(leaf)) if isinstance(leaf[at], Element))
    end = next(ends, None)
    return None if end is None else leaf[:end]


def _put_back(document: Json, place: FieldPath, value: Any) -> bool:
    """Set the value; false where the list element that held it is gone."""
    here: Any = document
    for depth, segment in enumerate(place[:-1]):
        if isinstance(segment, str):
            empty: Any = [] if isinstance(place[depth + 1], Element) else {}
            here = here.setdefault(segment, empty)
        else:
            here = get({"list": here}, ("list", segment))
            if here is MISSING:
                return False
    last = place[-1]
    if isinstance(last, str):
        here[last] = deepcopy(value)
    else:
        here.append(deepcopy(value))
    return True


def _below(path: FieldPath, place: FieldPath) -> bool:
    return path[: len(place)] == place


# ---------------------------------------------------------------- pointers to keyed paths


def _steps_back(plan: Patch) -> list[tuple[Operation, FieldPath]]:
    """The inverse's effects by keyed path. Positions are resolved by the merge keys that the inverse itself
    tests, so no copy of the old object is needed."""
    tested = {step.path: step.value for step in plan.inverse if step.op == "test"}
    return [(step, _keyed(step, tested)) for step in plan.inverse if step.op != "test"]


def _keyed(step: Operation, tested: dict[str, Any]) -> FieldPath:
    path: FieldPath = ()
    pointer = ""
    for token in tokens(step.path):
        keys = list_keys(path)
        pointer += "/" + token.replace("~", "~0").replace("/", "~1")
        if keys is None:
            path = (*path, token)
        elif token == "-":  # noqa: S105 - JSON Patch's "after the last element"
            path = (
                *path,
                Element(key=tuple((key, str(step.value[key])) for key in keys if key in step.value)),
            )
        else:
            known = [(key, str(tested[f"{pointer}/{key}"])) for key in keys if f"{pointer}/{key}" in tested]
            path = (*path, Element(key=tuple(known)))
    return path
