"""The table of ordinary fields (remediation/guards/sensitive_fields.py) as CEL: "new differs from old in nothing else".

An admission policy sees objects as plain maps and lists, so the walk that the guards do over leaves is written
here as nested macros: at each map every key but the listed ones must be equal on both sides, and the listed
ones are looked into. What the table does not name is thereby refused, also a field that a future Kubernetes
adds. CEL has no `let`; `[[a, b]].all(p, ...)` stands for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from intents.fields import ANY, Element, FieldPath
from remediation.merge_keys import closed_to_additions, list_keys

Tree = dict[str, "Tree"]
"""Fields below a place; an empty one is a leaf whose value is free. `*` is any key, `[*]` any list element."""

EACH = "[*]"
KEY = "<key>"
"""Stands in a condition for the macro's name of a key."""


def tree_of(paths: Iterable[FieldPath]) -> Tree:
    """The paths, as one tree."""
    root: Tree = {}
    for path in paths:
        node = root
        for segment in path:
            node = node.setdefault(EACH if isinstance(segment, Element) else segment, {})
    return root


def literal(value: str | Iterable[str]) -> str:
    """A CEL string, or a list of strings."""
    if isinstance(value, str):
        return json.dumps(value)
    return "[" + ", ".join(map(json.dumps, sorted(value))) + "]"


def member(holder: str, name: str, absent: str = "{}") -> str:
    """The value of a field, or `absent` where the holder lacks it. `dyn` keeps the checker from inferring types
    of an empty map or list."""
    return f"{holder}[?{literal(name)}].orValue(dyn({absent}))"


def all_of(parts: Iterable[str]) -> str:
    """Every one of these, in brackets."""
    found = [part for part in parts if part != "true"]
    return "(" + " && ".join(found) + ")" if found else "true"


def same_but(names: Iterable[str], new: str, old: str, key: str = "k", unless: str = "") -> str:
    """Every field of a map other than these is there in both and equal. `unless` is a condition on the
    key (written KEY) that frees it too."""
    free = f"{key} in {literal(names)}" + (f" || {unless.replace(KEY, key)}" if unless else "")
    return all_of(
        (
            f"{new}.all({key}, {free} || ({key} in {old} && {old}[{key}] == {new}[{key}]))",
            f"{old}.all({key}, {free} || {key} in {new})",
        )
    )


def differs_only_at(
    tree: Mapping[str, Tree], path: FieldPath, new: str, old: str, *, unless: str = ""
) -> str:
    """The two values differ in nothing but the tree's leaves. `path` is where they stand, `new` and `old` are
    CEL names of theirs."""
    if not tree or ANY in tree:
        return "true"
    if EACH in tree:
        return _lists(tree[EACH], path, new, old, unless)
    merge_keys = (list_keys(path[:-1]) or ()) if path and isinstance(path[-1], Element) else ()
    depth = len(path)
    # A list element listed by itself (`env[*]`) may come and go, and so may whatever names it.
    inside = (
        _let(depth, _absent(below), name, new, old, differs_only_at(below, (*path, name), *_pair(depth)))
        for name, below in tree.items()
        if below and ANY not in below
    )
    return all_of((same_but({*tree, *merge_keys}, new, old, f"k{depth}", unless), *inside))


def _lists(tree: Tree, path: FieldPath, new: str, old: str, unless: str) -> str:
    keys = list_keys(path) or ()
    depth = len(path)
    one, other = f"n{depth}", f"o{depth}"
    inner = (*path, Element())

    def compared(left: str, right: str) -> str:
        return differs_only_at(tree, inner, left, right, unless=unless)

    twins = all_of(f"{member(one, key, NONE)} == {member(other, key, NONE)}" for key in keys)
    matched = f"{old}.exists({other}, {twins} && {compared(one, other)})"
    if closed_to_additions(path):
        named = " + ".join(member(one, key, NONE) for key in keys)
        same_order = f"{new}.map({one}, {named}) == {old}.map({one}, {named})"
        return all_of((same_order, f"{new}.all({one}, {one} in {old} || {matched})"))
    known = f"{old}.exists({other}, {twins})"
    added = f"(!{known} && [dyn({{}})].all({other}, {compared(one, other)}))"
    removed = f"[dyn({{}})].all({one}, {compared(one, other)})"
    return (
        f"({new} == {old} || ({new}.all({one}, {one} in {old} || {matched} || {added})"
        f" && {old}.all({other}, {other} in {new} || {new}.exists({one}, {twins}) || {removed})))"
    )


NONE = '""'


def _absent(tree: Tree) -> str:
    return "[]" if EACH in tree else "{}"


def _pair(depth: int) -> tuple[str, str]:
    return f"p{depth}[0]", f"p{depth}[1]"


def _let(depth: int, absent: str, name: str, new: str, old: str, body: str) -> str:
    pair = f"[{member(new, name, absent)}, {member(old, name, absent)}]"
    return body if body == "true" else f"[{pair}].all(p{depth}, {body})"
