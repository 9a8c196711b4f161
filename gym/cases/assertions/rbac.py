"""What RBAC grants, as the API server's authorizer computes it from Roles and bindings of the state.

A role that the state does not hold cannot be read: what it might grant is not granted, and a subject bound to
it cannot be shown to be denied. `cluster-admin` is known to grant everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from gym.cases.assertions.base import (
    Arguments,
    Assertion,
    Held,
    MayTarget,
    Targeted,
    on_state,
    on_target,
)
from gym.cases.context import ClusterContext
from gym.cases.selectors import matches
from gym.cases.state import Json, State, dig, mapping, maps, namespace_of, texts

ACCOUNT = "system:serviceaccount:"
_EVERYTHING = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}


def _subject(value: object) -> object:
    """A subject as `Kind/name`, or by the user name that the API server sees."""
    if not isinstance(value, str):
        return value
    kind, slash, name = value.partition("/")
    if slash and kind in {"ServiceAccount", "User", "Group"}:
        return {"kind": kind, "name": name}
    namespace, colon, name = value.removeprefix(ACCOUNT).partition(":")
    if value.startswith(ACCOUNT) and colon:
        return {"kind": "ServiceAccount", "name": name, "namespace": namespace}
    return {"kind": "User", "name": value}


class Subject(Arguments):
    """Who asks. A ServiceAccount without a namespace is one of the namespace asked about."""

    kind: str
    name: str
    namespace: str | None = None
    api_group: str | None = Field(None, alias="apiGroup")


class Access(MayTarget):
    """May this subject do that? `resource` may name a subresource (`deployments/scale`); without
    `resourceName` the question is about objects of any name. No namespace asks about cluster-scoped objects,
    or all namespaces; no group is the core group."""

    subject: Annotated[Subject, BeforeValidator(_subject)]
    verb: str
    resource: str
    api_group: str | None = Field(None, alias="apiGroup")
    namespace: str | None = None
    resource_name: str | None = Field(None, alias="resourceName")


def _several(value: object) -> object:
    """One name or several, as the tuple that a strict field takes after a validator."""
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


Several = Annotated[tuple[str, ...], BeforeValidator(_several)]


class GrantsNone(Targeted):
    """No rule of a Role or ClusterRole grants one of these verbs on one of these resources, not by `*`
    either. What is left out means any."""

    api_groups: Several | None = Field(None, alias="apiGroups")
    resources: Several | None = None
    verbs: Several | None = None

    @model_validator(mode="before")
    @classmethod
    def _singular(cls, data: object) -> object:
        """`resource: secrets` beside `resources: [secrets]`."""
        if not isinstance(data, dict):
            return data
        plural = {"apiGroup": "apiGroups", "resource": "resources", "verb": "verbs"}
        return {name if plural.get(name) in data else plural.get(name, name): v for name, v in data.items()}

    @model_validator(mode="after")
    def _says_something(self) -> GrantsNone:
        if self.resources is None and self.verbs is None:
            raise ValueError("state resources or verbs")
        return self


class Excluded(Targeted):
    """A binding names none of these subjects."""

    value: tuple[str, ...]


# ---------------------------------------------------------------- the authorizer


@dataclass(frozen=True, slots=True)
class _Answer:
    """What binds the subject to a rule that grants it, and which roles could not be read."""

    by: str
    unknown: tuple[str, ...]


def _asked(state: State, args: Access) -> _Answer:
    unknown = []
    for binding in _bindings(state, args):
        role = mapping(binding.get("roleRef"))
        name = f"{role.get('kind')}/{role.get('name')}"
        rules = _rules(state, role, namespace_of(binding))
        if rules is None:
            unknown.append(name)
        elif any(_grants(rule, args) for rule in rules):
            return _Answer(name, ())
    return _Answer("", tuple(unknown))


def _bindings(state: State, args: Access) -> Iterator[Json]:
    """The bindings that name the subject and reach the namespace."""
    bindings = [*state.of_kind("ClusterRoleBinding")]
    if args.namespace:
        bindings += state.of_kind("RoleBinding", args.namespace)
    for binding in bindings:
        where = namespace_of(binding)
        if any(_is(subject, args, where) for subject in maps(binding.get("subjects"))):
            yield binding


def _is(subject: Json, args: Access, binding_namespace: str) -> bool:
    asked = args.subject
    kind, name = subject.get("kind"), subject.get("name")
    account_namespace = asked.namespace or args.namespace
    if kind == "ServiceAccount":
        same_namespace = subject.get("namespace", binding_namespace) == account_namespace
        return asked.kind == "ServiceAccount" and name == asked.name and same_namespace
    user = f"{ACCOUNT}{account_namespace}:{asked.name}" if asked.kind == "ServiceAccount" else asked.name
    if kind == "User":
        return asked.kind != "Group" and name == user
    if kind != "Group":
        return False
    match asked.kind:
        case "Group":
            groups = {asked.name}
        case "ServiceAccount":
            everywhere = "system:serviceaccounts"
            groups = {everywhere, f"{everywhere}:{account_namespace}", "system:authenticated"}
        case _:
            groups = {"system:unauthenticated" if user == "system:anonymous" else "system:authenticated"}
    return name in groups


def _rules(state: State, role: Json, namespace: str) -> list[Json] | None:
    """The rules of the role that a binding refers to; None where it cannot be read."""
    kind, name = role.get("kind"), str(role.get("name", ""))
    if kind not in {"Role", "ClusterRole"}:
        return None
    found = state.get(str(kind), namespace, name)
    if found is None:
        return [_EVERYTHING] if (kind, name) == ("ClusterRole", "cluster-admin") else None
    rules = maps(found.get("rules"))
    for selector in maps(dig(found, "aggregationRule", "clusterRoleSelectors")):
        for other in state.of_kind("ClusterRole"):
            if other is not found and matches(selector, mapping(dig(other, "metadata", "labels"))):
                rules += maps(other.get("rules"))
    return rules


def _grants(rule: Json, args: Access) -> bool:
    """Whether one rule grants it. A rule for named objects grants nothing to who asks about any name."""
    names = texts(rule.get("resourceNames"))
    if names and args.resource_name not in names:
        return False
    return (
        _has(rule, "verbs", args.verb)
        and _has(rule, "apiGroups", args.api_group or "")
        and _on_resource(rule, args.resource)
    )


def _has(rule: Json, field: str, wanted: str) -> bool:
    return bool({"*", wanted} & set(texts(rule.get(field))))


def _on_resource(rule: Json, resource: str) -> bool:
    _, slash, sub = resource.partition("/")
    listed = set(texts(rule.get("resources")))
    return bool({"*", resource} & listed) or bool(slash and f"*/{sub}" in listed)


# ---------------------------------------------------------------- assertions


def _allows(state: State, args: Access) -> Held:
    answer = _asked(state, args)
    if answer.by:
        return Held(True, f"{_question(args)}: granted by {answer.by}")
    return Held(False, f"{_question(args)}: {_not_granted(answer)}")


def _denies(state: State, args: Access) -> Held:
    answer = _asked(state, args)
    if answer.by:
        return Held(False, f"{_question(args)}: granted by {answer.by}")
    return Held(not answer.unknown, f"{_question(args)}: {_not_granted(answer)}")


def _question(args: Access) -> str:
    where = f" in {args.namespace}" if args.namespace else ""
    return f"{args.subject.kind} {args.subject.name} may {args.verb} {args.resource}{where}"


def _not_granted(answer: _Answer) -> str:
    return f"{', '.join(answer.unknown)} cannot be read" if answer.unknown else "nothing grants it"


def _grants_none(_state: State, _context: ClusterContext, args: GrantsNone, found: Json) -> Held:
    asked = {"verbs": args.verbs, "resources": args.resources, "apiGroups": args.api_groups}
    for index, rule in enumerate(maps(found.get("rules"))):
        listed = {name: texts(rule.get(name)) for name in asked}
        if all(
            bool(listed[name]) if wanted is None else any(_has(rule, name, one) for one in wanted)
            for name, wanted in asked.items()
        ):
            return Held(False, f"rule {index} grants {listed['verbs']} on {listed['resources']}")
    return Held(True, "no rule grants it")


def _excludes(_state: State, _context: ClusterContext, args: Excluded, found: Json) -> Held:
    named = [subject.get("name") for subject in maps(found.get("subjects"))]
    wrong = [name for name in named if name in args.value]
    return Held(not wrong, f"it names {wrong[0]}" if wrong else "it names none of them")


ASSERTIONS: Mapping[str, Assertion[Any]] = {
    "rbac_allows": on_state(Access, _allows),
    "rbac_denies": on_state(Access, _denies),
    "rule_grants_none": on_target(GrantsNone, _grants_none),
    "subjects_exclude": on_target(Excluded, _excludes),
}
