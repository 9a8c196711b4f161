"""The guards' inputs, read at the moment of the write: object, ledger, settings, clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from daemon.approvals import agreement_of
from daemon.autonomy import OF_CODE
from daemon.guard_inputs import autoscaled, surroundings
from daemon.kill_switch import kill_switch
from daemon.limits import limits_of
from daemon.mode import effective_mode
from daemon.past_changes import past_change
from daemon.pauses import standing_pauses
from daemon.settings import seconds
from daemon.state import Memory, World
from daemon.users import users_of
from detectors.model import Case, FaultClass, Gap, ObjectRef, Severity
from intents.fields import FieldPath, parse_path
from intents.model import Intent, Mode
from intents.units import parse_duration
from remediation.guards import (
    GUARDS,
    NEEDS_APPROVAL,
    WAITING,
    WAITING_REASONS,
    GuardContext,
    Limits,
    LocalTime,
    Surroundings,
    run_guards,
)
from remediation.guards.pause import covers
from remediation.guards.rehearsal import NOT_YET
from remediation.model import Create, Json, Plan, RawEvidence, Recreate, Verdict
from remediation.rehearsal import REHEARSED, Rehearsed, Result
from remediation.saga import Event
from remediation.users import USED
from store.decisions import decisions
from store.queries import (
    CaseRow,
    changes_since,
    known_good,
    last_step,
)
from store.spend import spend_since

MEMORY = 30 * 86400.0
"""Seconds of past changes that guards see at least; as far back as the longest of the windows that they count over."""


def approval_only(verdicts: Sequence[Verdict]) -> bool:
    """Whether nothing but a person's approval is missing."""
    refused = [verdict for verdict in verdicts if not verdict.allowed and not _not_yet(verdict)]
    return bool(refused) and all(_needs_approval(verdict) for verdict in refused)


def rehearsal_only(verdicts: Sequence[Verdict]) -> bool:
    """Whether nothing but the rehearsal that the intent asks for is missing."""
    refused = [verdict for verdict in verdicts if not verdict.allowed]
    return bool(refused) and all(map(_not_yet, refused))


def _not_yet(verdict: Verdict) -> bool:
    return (verdict.guard, verdict.reason) == NOT_YET


def temporary(verdicts: Sequence[Verdict]) -> bool:
    """Whether waiting (and perhaps an approval) can lift every refusal."""
    refused = [verdict for verdict in verdicts if not verdict.allowed]
    return all(_passes(verdict) or _needs_approval(verdict) for verdict in refused)


def _passes(verdict: Verdict) -> bool:
    return verdict.guard in WAITING or (verdict.guard, verdict.reason) in WAITING_REASONS


def _needs_approval(verdict: Verdict) -> bool:
    return (verdict.guard, verdict.reason) in NEEDS_APPROVAL


class Contextual(Protocol):
    """Reads the guards' inputs for a plan and the object as just read. `stops_only`: what `write.STOPS` need."""

    def __call__(self, plan: Plan, live: Json | None, *, stops_only: bool = False) -> GuardContext:
        """Now."""


def context_for(
    world: World, memory: Memory, row: CaseRow, plan: Plan, live: Json | None, *, undoes: Plan | None = None
) -> GuardContext:
    """Everything the guards decide on, for one plan and the object as just read. What may take long is read
    first, so that a kill switch or a pause of meanwhile counts; the ledger's part is as of one moment."""
    limits = limits_of(world)
    around = surroundings(world, limits, plan, live, memory.catalog.intents.get(row.intent))
    scaled = _reserved(autoscaled(world, plan))
    stop = kill_switch(world)
    with world.store.snapshot():
        context = _context(world, memory, row, plan, live, undoes, limits, around)
    reserved = {**context.reserved, **scaled}
    return replace(context, kill_switch=stop, surroundings=around, reserved=reserved)


def stops_for(
    world: World,
    memory: Memory,
    row: CaseRow,
    plan: Plan,
    live: Json | None,
    *,
    undoes: Plan | None = None,
    around: Surroundings | None = None,
) -> GuardContext:
    """What a person may take back at any moment, and no more: for the look just before the request, which asks
    neither the API server nor Prometheus (but for a kill switch that is a ConfigMap). `around` is what was read for
    the look before it: whose pods the target works through."""
    stop = kill_switch(world)
    with world.store.snapshot():
        context = _stops(world, memory, row, plan, live, undoes, around or Surroundings())
    return replace(context, kill_switch=stop)


def _stops(
    world: World,
    memory: Memory,
    row: CaseRow,
    plan: Plan,
    live: Json | None,
    undoes: Plan | None,
    around: Surroundings,
) -> GuardContext:
    now = world.clock.now()
    intent = memory.catalog.intents.get(row.intent)
    agreed = agreement_of(world, row, intent, now)
    return GuardContext(
        plan=plan,
        live=live,
        intent=intent,
        target=ObjectRef(row.kind, row.namespace, row.name),
        fault_class=FaultClass(row.fault_class),
        now=now,
        mode=_mode(world, row, intent, now),
        approved_digest=row.digest if agreed.complete else None,
        approved_by=agreed.by,
        approvals_needed=agreed.needed,
        paused=_paused(world, memory, row, _labelled(plan, live, around)),
        undoes=undoes,
        operation_id=row.operation_id,
    )


def _context(
    world: World,
    memory: Memory,
    row: CaseRow,
    plan: Plan,
    live: Json | None,
    undoes: Plan | None,
    limits: Limits,
    around: Surroundings,
) -> GuardContext:
    context = _stops(world, memory, row, plan, live, undoes, around)
    now, intent = context.now, context.intent
    spent = spend_since(world.store, now - seconds(world.settings.growth.per))
    past = [
        past_change(change, spent.get(change.operation_id))
        for change in changes_since(world.store, now - _memory(limits, intent))
    ]
    good = known_good(world.store, plan.target)
    planned = last_step(world.store, row.case_id, Event.PLANNED)
    details: Json = planned.payload if planned else {}
    return replace(
        context,
        last_known_good=good[0] if good else None,
        related=frozenset((kind, namespace, name) for kind, namespace, name in details.get("related", ())),
        history=tuple(change for change in past if change.result != REHEARSED),
        rehearsals=tuple(change for change in past if change.result == REHEARSED),
        limits=limits,
        storm=memory.storm,
        local_time=None if intent is None else _local_time(intent, now),
        reserved=_reserved(details.get("reserved", {})),
        rehearsed=_rehearsed(world, row.case_id) if intent and intent.spec.rehearsal else None,
    )


def _rehearsed(world: World, case_id: str) -> Rehearsed | None:
    """How the newest rehearsal of a case ended."""
    events = (Event.REHEARSAL_ENDED, Event.REHEARSAL_IMPOSSIBLE)
    found = [step for event in events if (step := last_step(world.store, case_id, event)) is not None]
    if not found:
        return None
    told = max(found, key=lambda step: step.seq).payload
    result, operation = Result(told["result"]), told.get("operation_id") or ""
    return Rehearsed(told["fingerprint"], result, told["reason"], operation)


def _memory(limits: Limits, intent: Intent | None) -> float:
    own = () if intent is None else (intent.spec.budget.per, intent.spec.cooldown)
    operators = (limits.per, limits.ineffective_per, limits.backoff_most, limits.growth.per)
    return max(MEMORY, *operators, *map(parse_duration, own))


LASTING = frozenset({"integrity", "scope", "kinds", "recreate", "editable", "sensitive", "growth"})
"""Guards that say the same tomorrow: they look at plan, object and intent alone."""


def could_be_allowed(
    world: World, case: Case, intent: Intent, plan: Plan, live: Json | None, raw: RawEvidence
) -> bool:
    """Whether waiting or a person could ever make this plan allowed."""
    good = known_good(world.store, plan.target)
    context = GuardContext(
        plan=plan,
        live=live,
        intent=intent,
        target=case.target,
        fault_class=case.fault_class,
        now=world.clock.now(),
        last_known_good=good[0] if good else None,
        related=frozenset(ref.key for ref in raw.related),
        limits=limits_of(world),
        surroundings=Surroundings(
            users=users_of(world, plan, live) if plan.target.kind == "ConfigMap" else None
        ),
    )
    verdicts = run_guards(context, [guard for guard in GUARDS if guard.name in LASTING])
    return all(verdict.allowed or _needs_approval(verdict) or _passes(verdict) for verdict in verdicts)


def inputs_of(world: World, memory: Memory, row: CaseRow, *, undoes: Plan | None = None) -> Contextual:
    """The guards' inputs for this case's plans, read whenever they are asked for."""
    around: Surroundings | None = None

    def read(plan: Plan, live: Json | None, *, stops_only: bool = False) -> GuardContext:
        nonlocal around
        if stops_only:
            return stops_for(world, memory, row, plan, live, undoes=undoes, around=around)
        context = context_for(world, memory, row, plan, live, undoes=undoes)
        around = context.surroundings
        return context

    return read


def _mode(world: World, row: CaseRow, intent: Intent | None, now: float) -> Mode:
    if intent is None:
        return Mode.OBSERVE
    return effective_mode(
        intent,
        world.settings.limits.mode,
        decisions(world.store),
        fault_class=row.fault_class,
        weights=row.weights,
        now=now,
        hint=row.severity == Severity.INFO and row.fault_class not in OF_CODE,
    )


def _labelled(plan: Plan, live: Json | None, around: Surroundings) -> tuple[Json | None, ...]:
    """Whose labels a silence may name: the object's, and those of the workloads that use it. None for what is not
    known."""
    own = plan.manifest if isinstance(plan, Create | Recreate) else live
    if plan.target.kind not in USED:
        return (own,)
    users = around.users
    return (own, None) if users is None or isinstance(users, Gap) else (own, *users)


def _paused(world: World, memory: Memory, row: CaseRow, items: Sequence[Json | None]) -> str | None:
    for pause in standing_pauses(world, memory):
        if covers(
            pause.scope,
            intent=row.intent,
            fault_class=row.fault_class,
            namespace=row.namespace,
            items=items,
        ):
            return f"{pause.scope} paused by {pause.by}: {pause.reason}"
    return None


def _local_time(intent: Intent, now: float) -> LocalTime | None:
    """The time of day where the intent's window lives; None (a refusal) where the zone is not known."""
    window = intent.spec.window
    if window is None:
        return None
    try:
        local = datetime.fromtimestamp(now, UTC).astimezone(ZoneInfo(window.time_zone))
    except (KeyError, ValueError, OSError):
        return None
    return LocalTime(local.weekday(), local.hour * 60 + local.minute)


def _reserved(stored: Mapping[str, str]) -> dict[FieldPath, str]:
    return {parse_path(path): owner for path, owner in stored.items()}
