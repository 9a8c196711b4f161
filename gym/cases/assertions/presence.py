"""Whether objects are there, and whether their values are their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gym.cases.assertions.base import Assertion, Held, Targeted, on_target
from gym.cases.assertions.values import same, show
from gym.cases.context import ClusterContext
from gym.cases.paths import Path, values_at
from gym.cases.state import Json, State, key_of, namespace_of
from intents.fields import format_path


class Unique(Targeted):
    """No other object of the kind in the namespace shares a value at the path."""

    path: Path
    vacuous_ok: bool = False


def _exists(_state: State, _context: ClusterContext, args: Targeted, _found: Json) -> Held:
    return Held(True, f"{args.target} exists")


def _absent(state: State, _context: ClusterContext, args: Targeted) -> Held:
    there = bool(state.named(args.target.kind, args.target.name, args.target.namespace))
    return Held(not there, f"{args.target} {'exists' if there else 'does not exist'}")


def _unique(state: State, _context: ClusterContext, args: Unique, found: Json) -> Held:
    path = format_path(args.path)
    mine = values_at(found, args.path)
    if not mine:
        return Held(args.vacuous_ok, f"{path} has no value")
    for other in state.of_kind(args.target.kind, namespace_of(found)):
        if key_of(other) == key_of(found):
            continue
        shared = [value for value in values_at(other, args.path) if any(same(value, one) for one in mine)]
        if shared:
            return Held(False, f"{args.target.kind}/{key_of(other)[2]} has {path} {show(shared[0])} too")
    return Held(True, f"no other {args.target.kind} has {path} {show(mine[0])}")


ASSERTIONS: Mapping[str, Assertion[Any]] = {
    "object_exists": on_target(Targeted, _exists),
    "object_absent": Assertion(Targeted, _absent),
    "unique_in_kind": on_target(Unique, _unique),
}
