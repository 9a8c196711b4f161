"""Whether what an object names is there: objects by name, keys of Secrets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from gym.cases.assertions.base import Assertion, Held, Targeted, on_target
from gym.cases.assertions.values import show
from gym.cases.context import ClusterContext
from gym.cases.paths import Path, values_at
from gym.cases.state import Json, State, dig, mapping, maps, namespace_of
from gym.cases.workloads import containers
from intents.fields import format_path


class RefExists(Targeted):
    """Every name at the path is an object of this kind."""

    path: Path
    kind: str
    vacuous_ok: bool = False


class _KeyRef(NamedTuple):
    """One secretKeyRef. An optional one resolves to nothing where key or Secret is missing."""

    name: str
    key: str
    optional: bool


def _ref_exists(state: State, context: ClusterContext, args: RefExists, found: Json) -> Held:
    names = values_at(found, args.path)
    if not names:
        return Held(args.vacuous_ok, f"{format_path(args.path)} has no value")
    namespace = namespace_of(found)
    for name in names:
        known = isinstance(name, str) and (
            state.get(args.kind, namespace, name) is not None
            or any(context.named(args.kind, namespace, name))
        )
        if not known:
            return Held(
                False, f"{format_path(args.path)} names {args.kind} {show(name)}, which does not exist"
            )
    return Held(True, f"{args.kind} {', '.join(show(name) for name in names)} exists")


def _secret_keys(state: State, context: ClusterContext, _args: Targeted, found: Json) -> Held:
    namespace = namespace_of(found)
    references = list(_key_refs(found))
    for ref in references:
        if ref.optional or _has_key(state, context, namespace, ref):
            continue
        return Held(False, f"Secret {show(ref.name)} with key {show(ref.key)} does not exist")
    return Held(True, f"{len(references)} keys of Secrets resolve")


def _has_key(state: State, context: ClusterContext, namespace: str, ref: _KeyRef) -> bool:
    secret = state.get("Secret", namespace, ref.name)
    if secret is not None:
        return ref.key in mapping(secret.get("data")) or ref.key in mapping(secret.get("stringData"))
    # Where only the name of a Secret is told, nobody can say that it has the key: that is not held.
    return any(ref.key in (entry.keys or ()) for entry in context.named("Secret", namespace, ref.name))


def _key_refs(workload: Json) -> Iterator[_KeyRef]:
    for container in containers(workload):
        for variable in maps(container.get("env")):
            ref = mapping(dig(variable, "valueFrom", "secretKeyRef"))
            if ref:
                yield _KeyRef(str(ref.get("name", "")), str(ref.get("key", "")), ref.get("optional") is True)


ASSERTIONS: Mapping[str, Assertion[Any]] = {
    "ref_exists": on_target(RefExists, _ref_exists),
    "secret_keys_exist": on_target(Targeted, _secret_keys),
}
