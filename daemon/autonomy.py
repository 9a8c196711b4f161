"""Autonomy as people order it and as it is earned: the rows for grants, revocations and promotions, and what they
amount to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from daemon.control import CommandError, no_one_person
from daemon.settings import Settings
from daemon.state import Memory, World
from detectors.model import FaultClass
from intents.model import Mode
from intents.units import format_duration, parse_duration
from remediation.autonomy import ANY, Decided, Decision, decisive
from remediation.desired import BY_CODE
from remediation.model import Outcome, Unusable
from remediation.saga import Event
from store.decisions import (
    Grant,
    Record,
    active_grants,
    decisions,
    grants_to_confirm,
    record_of,
    records,
    was_approved,
)
from store.ledger import Entry, Ledger
from store.projection import SystemEvent
from store.queries import CaseRow

Json = dict[str, Any]

OF_CODE = frozenset({FaultClass.ABSENT, FaultClass.DRIFT})
"""Faults whose cure an intent states, so that no model is asked."""

LEAST_OF_A_DIGEST = 6
"""Characters of a weights digest that name one which is known already."""


def grants(world: World, memory: Memory, arguments: Mapping[str, Any], who: str) -> list[Entry]:
    """The rows of a grant, one for each weights that it speaks of. Without weights those that are served now: new
    weights begin without trust. Raises CommandError."""
    fault_class, reason = _fault_class(arguments), _reason(arguments, "a grant")
    mode = str(arguments.get("mode") or Mode.AUTO.value)
    if mode not in [*Mode]:
        raise CommandError(f"there is no mode {mode!r}: {', '.join(Mode)}")
    people = world.settings.approvals if mode == Mode.AUTO else 1
    if people > 1 and no_one_person(who):
        raise CommandError(
            f"{who} is an account that many share or that has no name, and {people} different people have to grant this: do it as yourself, "
            "without sudo"
        )
    row = {
        "fault_class": fault_class,
        "mode": mode,
        "until": _until(arguments, world.clock.now()),
        "reason": reason,
        "by": who,
        "people": people,
    }
    said = str(arguments.get("weights") or "")
    named = (_whole(world, memory, said),) if said else _used_now(world, memory, fault_class)
    return [Entry(SystemEvent.GRANTED, row | {"weights": weights}) for weights in named]


def revocation(world: World, memory: Memory, arguments: Mapping[str, Any], who: str) -> Entry:
    """The row that takes back what was granted or earned, also what a wider grant allows. Raises CommandError."""
    said = str(arguments.get("weights") or ANY)
    row = {
        "fault_class": _fault_class(arguments),
        "weights": _whole(world, memory, said),
        "reason": _reason(arguments, "a revocation"),
        "by": who,
    }
    return Entry(SystemEvent.REVOKED, row)


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What a revocation overrules. `own` are decisions and grants about nothing else; `wider` ones go on for other
    fault classes or weights. `changes` is false where nothing was allowed anyway."""

    own: int
    wider: tuple[Grant, ...]
    changes: bool


def taken_back(store: Ledger, revoked: Entry, now: float) -> TakenBack:
    """What this revocation would change."""
    fault_class, weights = revoked.payload["fault_class"], revoked.payload["weights"]
    with store.snapshot():
        made, earned = decisions(store), records(store)
        given = (*active_grants(store, now), *grants_to_confirm(store, now))

    def covered(one: Grant | Record) -> bool:
        return fault_class in (ANY, one.fault_class) and weights in (ANY, one.weights)

    own = [one for one in given if covered(one)]
    learnt = [one for one in earned if covered(one) and (one.successes or one.decided is Decided.PROMOTED)]
    wider = [
        one
        for one in given
        if not covered(one) and one.fault_class in (ANY, fault_class) and one.weights in (ANY, weights)
    ]
    found = decisive(made, fault_class=fault_class, weights=weights, now=now)
    beyond = found is not None and found.mode is Mode.AUTO
    return TakenBack(len(own) + len(learnt), tuple(wider), bool(own or learnt or beyond))


def with_promotion(world: World, row: CaseRow, held: Entry) -> list[Entry]:
    """The proof of a fix, and the promotion where it is the last one that was missing; people are told."""
    needed, change = world.settings.autonomy.promote_after, row.operation_id
    fixed = held.event is Event.HELD and held.payload["outcome"] == Outcome.FIXED.value
    if not fixed or not needed or not change or not was_approved(world.store, change):
        return [held]
    record = record_of(world.store, row.fault_class, row.weights)
    if record.decided is Decided.PROMOTED or record.successes + 1 < needed:
        return [held]
    promoted = {
        "fault_class": row.fault_class,
        "weights": row.weights,
        "successes": record.successes + 1,
        "case": row.case_id,
    }
    body = (
        f"{record.successes + 1} changes that people approved held. Where intents say auto, the next one is made "
        f"without asking.\nintentd autonomy revoke {row.fault_class} --reason WHY"
    )
    notice = {"severity": "info", "title": f"intentd may mend {row.fault_class} by itself", "body": body}
    told = Entry(held.event, held.payload | {"notice": notice}, held.case)
    return [told, Entry(SystemEvent.PROMOTED, promoted)]


# ---------------------------------------------------------------- what it amounts to


@dataclass(frozen=True, slots=True)
class Level:
    """How far intentd may go for a fault class under given weights, and why. `needed` successes promote; 0 where
    nothing does. `waits_for` more people have to say a grant that is not counted yet."""

    fault_class: str
    weights: str
    mode: str
    because: str
    successes: int
    needed: int
    until: float | None
    by: str
    at: float | None
    reason: str
    waits_for: int = 0


def levels(store: Ledger, settings: Settings, now: float) -> tuple[Level, ...]:
    """Every fault class and weights that something was decided or learnt about, under the operator's ceiling."""
    with store.snapshot():
        made, earned, waiting = decisions(store), records(store), grants_to_confirm(store, now)
    successes = {(one.fault_class, one.weights): one.successes for one in earned}
    unconfirmed = {(grant.fault_class, grant.weights) for grant in waiting}
    pairs = ({(one.fault_class, one.weights) for one in made} - unconfirmed) | set(successes)
    found = [_level(made, pair, successes.get(pair, 0), settings, now) for pair in sorted(pairs)]
    return (*found, *(_unconfirmed(grant) for grant in waiting))


def _level(
    made: Sequence[Decision], pair: tuple[str, str], successes: int, settings: Settings, now: float
) -> Level:
    fault_class, weights = pair
    found = decisive(made, fault_class=fault_class, weights=weights, now=now)
    trusted = found.mode if found else Mode.PROPOSE
    mode = min((trusted, settings.limits.mode), key=lambda one: one.rank)
    because = "new" if found is None else found.decided.value
    return Level(
        fault_class=fault_class,
        weights=weights,
        mode=mode.value,
        because=because if mode is trusted else "ceiling",
        successes=successes,
        needed=settings.autonomy.promote_after,
        until=found.until if found else None,
        by=found.by if found else "",
        at=found.at if found else None,
        reason=found.reason if found else "",
    )


def _unconfirmed(grant: Grant) -> Level:
    return Level(
        fault_class=grant.fault_class,
        weights=grant.weights,
        mode=Mode.PROPOSE.value,
        because=f"{grant.mode} unconfirmed",
        successes=0,
        needed=0,
        until=grant.until,
        by=grant.granted_by,
        at=grant.at,
        reason=grant.reason,
        waits_for=grant.missing,
    )


# ---------------------------------------------------------------- what a person wrote


def _fault_class(arguments: Mapping[str, Any]) -> str:
    said, known = str(arguments.get("fault_class") or ANY), [ANY, *FaultClass]
    if said not in known:
        raise CommandError(f"there is no fault class {said!r}: {', '.join(known)}")
    return said


def _reason(arguments: Mapping[str, Any], what: str) -> str:
    reason = str(arguments.get("reason") or "")
    if not reason:
        raise CommandError(f"{what} needs a reason (--reason)")
    return reason


def _until(arguments: Mapping[str, Any], now: float) -> float | None:
    """Unix seconds; None where it stands until something newer."""
    length, end = arguments.get("for"), arguments.get("until")
    if length and end is not None:
        raise CommandError("say how long or until when, not both")
    if length:
        return now + parse_duration(str(length))
    if end is None:
        return None
    if isinstance(end, bool) or not isinstance(end, int | float):
        raise CommandError("`until` is a time in Unix seconds")
    if end <= now:
        raise CommandError(f"that ended {format_duration(now - end)} ago")
    return float(end)


def _used_now(world: World, memory: Memory, fault_class: str) -> tuple[str, ...]:
    """The weights that the next decision about a fault class will be made with."""
    by_code = (BY_CODE,) if fault_class == ANY or fault_class in OF_CODE else ()
    return by_code if fault_class in OF_CODE else (_served(world, memory), *by_code)


def _served(world: World, memory: Memory) -> str:
    """As a diagnosis names them: the judge's digest after the first model's, where they are two."""
    last = memory.weights
    first = last if isinstance(last, str) else world.model.weights()
    second = first if world.judge is world.model else world.judge.weights()
    for one in (first, second):
        if isinstance(one, Unusable):
            raise CommandError(
                f"the served weights are not known now ({one.detail}); name them with --weights, or '*' for any"
            )
    return "+".join(dict.fromkeys(str(one) for one in (first, second)))


def _whole(world: World, memory: Memory, said: str) -> str:
    """A digest by its first characters, as listings show it; what nothing known begins with stays as it is."""
    if len(said) < LEAST_OF_A_DIGEST:
        return said
    known = {weights for weights in _known(world, memory) if _bare(weights).startswith(_bare(said))}
    return known.pop() if len(known) == 1 else said


def _known(world: World, memory: Memory) -> Iterator[str]:
    if isinstance(memory.weights, str):
        yield memory.weights
    yield from (one.weights for one in decisions(world.store))
    yield from (one.weights for one in records(world.store))


def _bare(weights: str) -> str:
    return weights.removeprefix("sha256:")
