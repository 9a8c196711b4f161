"""Every word of the assertion language by its name; reading a case's assertions, and judging them.

What is read is either a known assertion with well-formed arguments or a problem that names its place: nothing
that is misspelt can ever count as held.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from gym.cases.assertions import (
    autoscaling,
    capacity,
    network,
    presence,
    rbac,
    references,
    resources,
    selection,
)
from gym.cases.assertions.base import Arguments, Assertion, Held, Target, find
from gym.cases.assertions.values import FIELDS, OnField
from gym.cases.context import ClusterContext
from gym.cases.mistakes import Mistake, mistakes
from gym.cases.state import Json, State, mapping
from gym.cases.workloads import containers
from intents.explain import did_you_mean, show

OBJECTS: Mapping[str, Assertion[Any]] = {
    **autoscaling.ASSERTIONS,
    **capacity.ASSERTIONS,
    **network.ASSERTIONS,
    **presence.ASSERTIONS,
    **rbac.ASSERTIONS,
    **references.ASSERTIONS,
    **resources.ASSERTIONS,
    **selection.ASSERTIONS,
}
COMBINED = ("anyOf", "allOf")
EACH_CONTAINER = "each_container"

# ---------------------------------------------------------------- what a case's assertions are


@dataclass(frozen=True, slots=True)
class OfObject:
    """An assertion that reads what it needs from the state."""

    op: str
    arguments: Arguments


@dataclass(frozen=True, slots=True)
class OfField:
    """An assertion about fields of its target, or of a container where it has none."""

    op: str
    arguments: OnField
    target: Target | None


@dataclass(frozen=True, slots=True)
class EachContainer:
    """A check of every container of the target; init containers too unless `init` is false. Containers whose
    image is exempt (exact, or by a prefix that ends in `*`) are left out."""

    target: Target
    check: Check
    init: bool = True
    exempt_images: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Combined:
    """anyOf or allOf."""

    every: bool
    checks: tuple[Check, ...]


Check = OfObject | OfField | EachContainer | Combined
Place = tuple[str | int, ...]


class WrongAssertion(ValueError):  # noqa: N818 - says what it is
    """An assertion that is none; `mistakes` name each place."""

    def __init__(self, found: list[Mistake]) -> None:
        super().__init__("; ".join(str(mistake) for mistake in found))
        self.mistakes = found


class _EachContainerArguments(Arguments):
    target: Target
    check: dict[str, Any]
    init: bool = True
    exempt_images: tuple[str, ...] = ()


class _OnTarget(Arguments):
    target: Target


def read(raw: object, place: Place = ()) -> Check:
    """One assertion as a case states it. Raises WrongAssertion with every mistake found in it."""
    return _read(raw, place, relative=False)


def _read(raw: object, place: Place, *, relative: bool) -> Check:
    if not isinstance(raw, dict):
        raise WrongAssertion([Mistake(place, "an assertion is an object with `op`, `anyOf` or `allOf`")])
    for name in COMBINED:
        if name in raw:
            return _combined(raw, name, place, relative=relative)
    op, rest = raw.get("op"), {key: value for key, value in raw.items() if key != "op"}
    known = [*FIELDS, *([] if relative else [EACH_CONTAINER, *OBJECTS])]
    if not isinstance(op, str):
        raise WrongAssertion([Mistake((*place, "op"), "op is missing", f"One of {', '.join(known)}")])
    if op not in known:
        where = " of a container" if relative else ""
        message = f"unknown assertion{where} {show(op)}"
        raise WrongAssertion([Mistake((*place, "op"), message, did_you_mean(op, known))])
    if op in FIELDS:
        return _of_field(op, rest, place, relative=relative)
    if op == EACH_CONTAINER:
        args = _arguments(_EachContainerArguments, rest, place)
        check = _read(args.check, (*place, "check"), relative=True)
        return EachContainer(args.target, check, args.init, args.exempt_images)
    return OfObject(op, _arguments(OBJECTS[op].arguments, rest, place))


def _of_field(op: str, rest: Json, place: Place, *, relative: bool) -> OfField:
    target = None
    if not relative:
        target = _arguments(_OnTarget, {key: rest[key] for key in rest if key == "target"}, place).target
        rest = {key: value for key, value in rest.items() if key != "target"}
    return OfField(op, _arguments(FIELDS[op].arguments, rest, place), target)


def _combined(raw: Json, name: str, place: Place, *, relative: bool) -> Combined:
    others = sorted(raw.keys() - {name})
    if others:
        raise WrongAssertion([Mistake((*place, others[0]), f"unknown field beside {name}")])
    parts = raw[name]
    if not isinstance(parts, list) or not parts:
        raise WrongAssertion([Mistake((*place, name), f"{name} is a list of at least one assertion")])
    checks: list[Check] = []
    wrong: list[Mistake] = []
    for index, part in enumerate(parts):
        try:
            checks.append(_read(part, (*place, name, index), relative=relative))
        except WrongAssertion as error:
            wrong += error.mistakes
    if wrong:
        raise WrongAssertion(wrong)
    return Combined(name == "allOf", tuple(checks))


def _arguments(kind: type[Any], rest: Json, place: Place) -> Any:
    try:
        return kind.model_validate_json(json.dumps(rest))  # as JSON, so that strict tuples take lists
    except ValidationError as error:
        raise WrongAssertion(mistakes(error, place, kind)) from error


# ---------------------------------------------------------------- judging


def judge(check: Check, state: State, context: ClusterContext) -> Held:
    """Whether the assertion holds in this state. Never raises for what the state holds."""
    match check:
        case OfObject(op, arguments):
            answer = OBJECTS[op].judge(state, context, arguments)
        case OfField(op, arguments, Target() as target):
            found = find(state, target)
            answer = found if isinstance(found, Held) else _on(found, check)
        case EachContainer():
            answer = _each(check, state)
        case Combined(every, checks):
            return _together(every, [judge(part, state, context) for part in checks])
        case OfField():
            raise AssertionError("a check without a target belongs into each_container")
    return Held(answer.held, f"{title(check)}: {answer.why}")


def _together(every: bool, answers: list[Held]) -> Held:
    if every:
        wrong = next((answer for answer in answers if not answer.held), None)
        return wrong or Held(True, "; ".join(answer.why for answer in answers))
    right = next((answer for answer in answers if answer.held), None)
    return right or Held(False, "none of: " + "; ".join(answer.why for answer in answers))


def _each(check: EachContainer, state: State) -> Held:
    found = find(state, check.target)
    if isinstance(found, Held):
        return found
    every = containers(found, init=check.init)
    if not every:
        return Held(False, "it has no containers")
    for container in every:
        image = container.get("image")
        if isinstance(image, str) and any(_exempts(pattern, image) for pattern in check.exempt_images):
            continue
        answer = _on(container, check.check)
        if not answer.held:
            return Held(False, f"container {show(container.get('name', '?'))}: {answer.why}")
    return Held(True, f"all {len(every)} containers")


def _exempts(pattern: str, image: str) -> bool:
    return image.startswith(pattern[:-1]) if pattern.endswith("*") else image == pattern


def _on(document: Json, check: Check) -> Held:
    match check:
        case OfField(op, arguments):
            return FIELDS[op].judge(mapping(document), arguments)
        case Combined(every, checks):
            return _together(every, [_on(document, part) for part in checks])
        case _:
            raise AssertionError("only checks of fields stand in each_container")


def title(check: Check) -> str:
    """The assertion in two words: what it is and what it is about."""
    target = target_of(check)
    op = EACH_CONTAINER if isinstance(check, EachContainer) else getattr(check, "op", "")
    return f"{op} {target}" if target is not None else op


def target_of(check: Check) -> Target | None:
    """The object that an assertion is about, where it is about one."""
    match check:
        case OfField(_, _, target) | EachContainer(target):
            return target
        case OfObject(_, arguments):
            return getattr(arguments, "target", None)
        case _:
            return None


def leaves(check: Check) -> Iterator[Check]:
    """The assertions inside anyOf and allOf, or this one."""
    if isinstance(check, Combined):
        for part in check.checks:
            yield from leaves(part)
    else:
        yield check
