"""Act's part of a rehearsal: set a canary up, wait for the verdict, take the canary away. In this order, always.

Driven by the ledger like every act (`daemon.act`): a case stays in Rehearsing from the row that announces the
canary to the row that says that it is gone, so whatever happens in between (kill -9, reject, pause, a deleted
intent) ends with the canary removed:
 * announced, not confirmed: read it. Our operation id on it proves that it was created; after LANDS_WITHIN without
   it the request never landed.
 * confirmed, no verdict: the looks judge it (`daemon.rehearsals`); a stop of any kind withdraws the rehearsal.
 * verdict: delete it by uid until it is gone. Under the kill switch it stays, and ends by its own deadline.
"""

from __future__ import annotations

from dataclasses import replace
from math import ceil

from daemon.guarding import inputs_of, stops_for
from daemon.kill_switch import kill_switch
from daemon.ports import LANDS_WITHIN
from daemon.records import escalated, rehearsal_ended
from daemon.rehearsals import Standing, standing
from daemon.state import Memory, World
from daemon.write import STOPS, Step, Written, carries, rehearse, remove
from detectors.model import FaultClass, Gap, ObjectRef
from intents.fields import MISSING, get
from intents.model import Rehearsal
from intents.units import parse_duration
from remediation.canary_health import verdict
from remediation.guards import GuardContext, run_guards
from remediation.model import Create, Json, Patch, Plan
from remediation.plan import still_valid
from remediation.rehearsal import SPARE, Result, canary, changed_template, fingerprint
from remediation.saga import Event
from store.ledger import Entry
from store.queries import CaseRow, steps

WITHDRAWN_ALLOWED = 5
"""Rehearsals of one case that may be stopped halfway: whoever changes the template all the time would have canaries
come and go for ever."""

TRIED_PAUSE = 5.0
"""Seconds before a canary whose creation was not carried out (a busy API server) is tried again."""


def start_rehearsal(world: World, memory: Memory, row: CaseRow, plan: Patch) -> Written | None:
    """Set a canary up. None where the ledger now says how it stands; otherwise nothing began, and the answer is
    about the change itself, as `write` would have answered."""
    rehearsal = _asked(memory, row)
    if rehearsal is None:
        return Written(Step.RETRY, "the intent no longer asks for a rehearsal")
    lasts = ceil(parse_duration(rehearsal.window) + parse_duration(rehearsal.timeout)) + SPARE

    def current(live: Json | None) -> Plan | None:
        return plan if still_valid(plan, live) else None

    inputs = inputs_of(world, memory, row)

    def context(plan: Plan, live: Json | None, *, stops_only: bool = False) -> GuardContext:
        return replace(inputs(plan, live, stops_only=stops_only), rehearses=True)

    def pod(_: Plan, live: Json, operation_id: str) -> Create:
        template = changed_template(plan, live)
        return canary(plan.target, template, case_id=row.case_id, operation_id=operation_id, deadline=lasts)

    done = rehearse(world, row.case_id, plan.target, current, context, pod)
    match done.step:
        case Step.WRITTEN if get(done.live, ("metadata", "uid")) is not MISSING:
            world.record(_created(row, done.live, "the API server said so"))
        case Step.WRITTEN | Step.UNKNOWN | Step.STALE if done.started:
            pass  # no answer, none that names it, or another pod of that name: the next turn looks
        case Step.NO_CANARY:
            would = {"digest": plan.digest, "fingerprint": fingerprint(plan, done.live or {})}
            event = Event.REHEARSAL_IMPOSSIBLE
            world.record(rehearsal_ended(event, row.case_id, would, Result.UNTOLD, done.detail))
        case _ if done.started:
            again = world.clock.monotonic() + TRIED_PAUSE
            memory.retry_at = {**memory.retry_at, row.case_id: again}
            world.record(_never_made(world, row, done))
        case _:
            return done
    return None


def _asked(memory: Memory, row: CaseRow) -> Rehearsal | None:
    """What the intent asks for now."""
    intent = memory.catalog.intents.get(row.intent)
    return None if intent is None else intent.spec.rehearsal


def _created(row: CaseRow, live: Json | None, how: str) -> Entry:
    said = {"uid": str(get(live, ("metadata", "uid"))), "detail": how}
    return Entry(Event.CANARY_CREATED, said, row.case_id)


def _never_made(world: World, row: CaseRow, done: Written) -> Entry:
    """The API server answered that there is no canary. What it refused in earnest, though it took the dry run, it
    would refuse again: a person decides."""
    begun = standing(world.store, row.case_id)
    result = Result.UNTOLD if done.step is Step.REFUSED else Result.WITHDRAWN
    told = {} if begun is None else begun.begun.payload
    return rehearsal_ended(Event.REHEARSAL_ENDED, row.case_id, told, result, f"no canary: {done.detail}")


def advance_rehearsal(world: World, memory: Memory, row: CaseRow, plan: Plan) -> None:
    """One turn of a case in Rehearsing."""
    now = standing(world.store, row.case_id)
    if now is None or not isinstance(plan, Patch):
        return
    if now.created is None:
        _look_for(world, row, now)
    elif now.verdict is not None:
        _take_away(world, memory, row, now)
    elif (ends := _ends(world, memory, row, plan, now)) is not None:
        result, reason = ends
        world.record(rehearsal_ended(Event.REHEARSED, row.case_id, now.begun.payload, result, reason))
        _take_away(world, memory, row, standing(world.store, row.case_id) or now)


def _look_for(world: World, row: CaseRow, now: Standing) -> None:
    """The answer to the creation is lost."""
    live = world.cluster.read(now.canary)
    if isinstance(live, Gap):
        return
    if carries(live, now.operation_id):
        world.record(_created(row, live, "found our operation on it"))
    elif world.clock.now() - now.begun.at >= LANDS_WITHIN:
        why = "the canary was never created"
        ended = rehearsal_ended(Event.REHEARSAL_ENDED, row.case_id, now.begun.payload, Result.WITHDRAWN, why)
        world.record(ended)


def _ends(
    world: World, memory: Memory, row: CaseRow, plan: Patch, now: Standing
) -> tuple[Result, str] | None:
    """Why the rehearsal is over, None while it goes on."""
    assert now.created is not None
    if (why := _stopped(world, memory, row, plan, now)) is not None:
        return Result.WITHDRAWN, why
    watched, rehearsal = memory.canaries.get(row.case_id), _asked(memory, row)
    if watched is None or watched.uid != now.uid or rehearsal is None:
        return None
    return verdict(
        watched,
        now=world.clock.monotonic(),
        waited=world.clock.now() - now.created.at,
        window=parse_duration(rehearsal.window),
        timeout=parse_duration(rehearsal.timeout),
    )


def _stopped(world: World, memory: Memory, row: CaseRow, plan: Patch, now: Standing) -> str | None:
    """What ends a rehearsal before its verdict: a person, or that what it tries is no longer what would be made."""
    if now.rejected is not None:
        return str(now.rejected.payload.get("reason", "rejected"))
    if _asked(memory, row) is None:
        return "the intent no longer asks for it"
    live = world.cluster.read(plan.target)
    if isinstance(live, Gap):
        return None
    if not still_valid(plan, live) or live is None:
        return f"{plan.target} is no longer as it was reviewed"
    if fingerprint(plan, live) != now.begun.payload["fingerprint"]:
        return f"the pod template of {plan.target} changed meanwhile"
    verdicts = run_guards(stops_for(world, memory, row, plan, live), STOPS)
    return next((f"{one.guard}: {one.detail or one.reason}" for one in verdicts if not one.allowed), None)


def _take_away(world: World, memory: Memory, row: CaseRow, now: Standing) -> None:
    """Delete the canary, and once it is gone say what follows of the verdict."""

    def context(
        plan: Plan,
        live: Json | None,
        *,
        stops_only: bool = False,  # noqa: ARG001 - it is never more
    ) -> GuardContext:
        owner = ObjectRef(**now.begun.payload["target"])
        moment = world.clock.now()
        stop = kill_switch(world)
        return GuardContext(plan, live, None, owner, FaultClass(row.fault_class), moment, kill_switch=stop)

    for _ in range(2):  # most are gone as soon as they are deleted
        done = remove(world, now.canary, now.operation_id, context)
        if done.step is Step.WRITTEN:
            break
    match done.step:
        case Step.WRITTEN:
            world.record(*_follows(world, memory, row, now))
        case Step.REFUSED if now.reminded is None:
            said = f"{now.canary} in {now.canary.namespace} cannot be deleted: {done.detail}"
            notice = {"severity": "warning", "title": "intentd needs you: a canary stands", "body": said}
            world.record(Entry(Event.REMINDED, {"reason": said, "notice": notice}, row.case_id))
        case _:
            return  # it is ending, it could not be read, or the kill switch holds it: the next turn


def _follows(world: World, memory: Memory, row: CaseRow, now: Standing) -> list[Entry]:
    assert now.verdict is not None
    result, reason = Result(now.verdict.payload["result"]), str(now.verdict.payload["reason"])
    ended = rehearsal_ended(Event.REHEARSAL_ENDED, row.case_id, now.begun.payload, result, reason)
    if now.rejected is not None:
        return [ended, Entry(Event.CLOSED, now.rejected.payload, row.case_id)]
    if result is Result.FAILED:
        why = f"its canary did not come up healthy, so nothing was changed: {reason}"
    elif result is Result.WITHDRAWN and _withdrawn(world, row) + 1 >= WITHDRAWN_ALLOWED:
        why = f"its rehearsal was stopped for the {WITHDRAWN_ALLOWED}th time: {reason}"
    else:
        return [ended]  # in Proposed the guards decide what that means
    return [ended, escalated(row.case_id, memory.cases.get(row.key), reason=why, cause=row.cause)]


def _withdrawn(world: World, row: CaseRow) -> int:
    ended = (step for step in steps(world.store, row.case_id) if step.event == Event.REHEARSAL_ENDED)
    return sum(step.payload["result"] == Result.WITHDRAWN for step in ended)
