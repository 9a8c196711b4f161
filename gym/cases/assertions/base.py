"""What every assertion has: typed arguments, a target, an answer with its reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Generic, NamedTuple, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainValidator

from gym.cases.context import ClusterContext
from gym.cases.state import Json, State, key_of
from gym.cases.workloads import WORKLOADS
from intents.units import parse_quantity


class Held(NamedTuple):
    """Whether an assertion holds, and why, in words that name the values."""

    held: bool
    why: str


class Arguments(BaseModel):
    """What an assertion states. Unknown fields are refused, types are never guessed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Target(Arguments):
    """An object by kind and name. Cases name no namespace; it is needed only where two namespaces hold the
    same kind and name."""

    kind: str
    name: str
    namespace: str | None = None

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


class Targeted(Arguments):
    """An assertion about one object."""

    target: Target


class MayTarget(Arguments):
    """An assertion about the state as a whole; a target that it names all the same has to be there."""

    target: Target | None = None


A = TypeVar("A", bound=Arguments)


@dataclass(frozen=True, slots=True)
class Assertion(Generic[A]):
    """One word of the language: what it takes, and the pure function that judges it."""

    arguments: type[A]
    judge: Callable[[State, ClusterContext, A], Held]


T = TypeVar("T", bound=Targeted)


def on_target(arguments: type[T], judge: Callable[[State, ClusterContext, T, Json], Held]) -> Assertion[T]:
    """An assertion whose target has to be there: a missing one fails."""

    def judged(state: State, context: ClusterContext, args: T) -> Held:
        found = find(state, args.target)
        return found if isinstance(found, Held) else judge(state, context, args, found)

    return Assertion(arguments, judged)


M = TypeVar("M", bound=MayTarget)


def on_state(arguments: type[M], judge: Callable[[State, M], Held]) -> Assertion[M]:
    """An assertion about the state as a whole."""

    def judged(state: State, _context: ClusterContext, args: M) -> Held:
        found = find(state, args.target) if args.target is not None else None
        return found if isinstance(found, Held) else judge(state, args)

    return Assertion(arguments, judged)


def find(state: State, target: Target) -> Json | Held:
    """The target, or why it cannot be judged: absent, or several of that name in different namespaces."""
    found = state.named(target.kind, target.name, target.namespace)
    if len(found) == 1:
        return found[0]
    if not found:
        return Held(False, f"{target} does not exist")
    where = ", ".join(sorted(key_of(obj)[1] for obj in found))
    return Held(False, f"{target} exists in several namespaces ({where}): name one")


def _reference(value: object) -> object:
    """`Kind/name` as an object."""
    if isinstance(value, str) and "/" in value:
        kind, _, name = value.partition("/")
        return {"kind": kind, "name": name}
    return {"kind": "", "name": value} if isinstance(value, str) else value


class Reference(Target):
    """An object that an assertion names besides its target: `{kind, name}`, `Kind/name`, or a bare name (kind
    empty)."""

    kind: str = ""

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}" if self.kind else self.name


Referred = Annotated[Reference, BeforeValidator(_reference)]


def find_workload(state: State, reference: Reference, namespace: str | None) -> Json | Held:
    """The workload that a reference means, in its own namespace or this one."""
    if reference.kind and reference.kind not in WORKLOADS:
        return Held(False, f"{reference} runs no pods")
    where = reference.namespace or namespace
    kinds = (reference.kind,) if reference.kind else WORKLOADS
    found = [obj for kind in kinds for obj in state.named(kind, reference.name, where)]
    if len(found) == 1:
        return found[0]
    in_namespace = f" in namespace {where}" if where is not None else ""
    if not found:
        return Held(False, f"{reference} does not exist{in_namespace}")
    names = ", ".join("/".join(part for part in key_of(obj) if part) for obj in found)
    return Held(False, f"{reference} may mean any of {names}")


def _quantity(value: object) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("a quantity is wanted, such as 64Mi")  # noqa: TRY004 - pydantic reads ValueError
    parse_quantity(value)
    return value


Quantity = Annotated[str | int | float, PlainValidator(_quantity)]
"""A Kubernetes quantity as the case spells it; `parse_quantity` never raises for it."""
