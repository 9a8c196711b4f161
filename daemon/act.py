"""Act: carry reviewed plans out, settle writes whose answer never came, and undo what did not hold.

Driven by the ledger alone, so recovery after a crash is the normal path:
 * Proposed: guards, dry run, write (all through `daemon.write`); first a rehearsal where the intent wants one.
 * Rehearsing: a canary may stand (`daemon.rehearse`).
 * Applying, RollingBack: a write may be out. Read the object: our operation id on it proves that it
   happened. If not, send the same operations with the same resourceVersion again, where the guards still
   allow it: the API server takes that version at most once, so a late first copy and the repeat cannot
   both count.
 * Verifying with a recorded "not held": put exactly our fields back, where they are still ours.
"""

from __future__ import annotations

from collections.abc import Sequence

from daemon.guarding import approval_only, inputs_of, rehearsal_only, temporary
from daemon.neighbours import neighbours
from daemon.ports import WriteStatus
from daemon.records import escalated, guarded, verdict_rows
from daemon.rehearse import advance_rehearsal, start_rehearsal
from daemon.settle_recreation import settle_recreation
from daemon.state import Memory, World
from daemon.write import PUT_BACK, Step, Written, carries, not_sent, resend, write
from detectors.model import Case, Gap, ObjectRef
from remediation.model import Create, Delete, Json, Outcome, Patch, Plan, Recreate, Verdict
from remediation.plan import plan_from_json, still_valid, undo_plan, undo_valid
from remediation.saga import Event, State
from store.ledger import Entry
from store.queries import CaseRow, last_step, steps, wanted_back

DENIED_PAUSE = 5.0
"""Seconds before a refused plan is tried again; a command of a person (approve, resume) ends it."""

STALE_ALLOWED = 5
"""Proposals of one case that may be overtaken: each costs a consultation of the model, which others wait for."""


def act(world: World, memory: Memory, row: CaseRow) -> None:
    """Advance one case that is in a state of acting; a no-op for every other state."""
    if row.plan is None:
        return
    plan, recorded = plan_from_json(row.plan), world.store.writes
    match row.state:
        case State.PROPOSED:
            _apply(world, memory, row, plan)
        case State.REHEARSING:
            advance_rehearsal(world, memory, row, plan)
        case State.APPLYING:
            _settle_apply(world, memory, row, plan)
        case State.VERIFYING if (why := wanted_back(world.store, row.case_id)) is not None:
            _roll_back(world, memory, row, plan, str(why.payload.get("reason", "")))
        case State.ROLLING_BACK:
            _settle_rollback(world, memory, row, plan)
        case _:
            return
    if world.store.writes != recorded:
        memory.thought.set()  # something moved; what only waits is looked at again after the loop's interval


def _record(world: World, *entries: Entry) -> None:
    world.store.record(entries, at=world.clock.now())


# ---------------------------------------------------------------- forward


def _apply(world: World, memory: Memory, row: CaseRow, plan: Plan) -> None:
    if (no := last_step(world.store, row.case_id, Event.REJECTED)) is not None:
        _record(world, Entry(Event.CLOSED, no.payload, row.case_id))  # said while its canary went
        return
    case = memory.cases.get(row.key)
    if case is None or memory.catalog.intents.get(row.intent) is None:
        return  # not broken in the latest look: look decides whether it resolved

    def current(live: Json | None) -> Plan | None:
        return plan if still_valid(plan, live) else None

    done = write(
        world,
        row.case_id,
        plan.target,
        current,
        inputs_of(world, memory, row),
        event=Event.APPLY_STARTED,
        around=neighbours(memory, plan.target.namespace),
    )
    if rehearsal_only(done.verdicts) and isinstance(plan, Patch):
        tried = start_rehearsal(world, memory, row, plan)
        if tried is None:
            return
        done = tried
    match done.step:
        case Step.WRITTEN:
            _record(world, _applied(row, done))
        case Step.DENIED if done.started:
            _record(world, Entry(Event.APPLY_FAILED, {"reason": done.detail}, row.case_id))
        case Step.DENIED:
            again = world.clock.monotonic() + DENIED_PAUSE
            memory.retry_at = {**memory.retry_at, row.case_id: again}
            _denied(world, row, case, plan, done)
        case Step.STALE:
            _record(world, _stale(world, row, case, done.detail))
        case Step.GONE if done.started:
            _record(world, _gone_after(memory, row, plan, done.detail))
        case Step.GONE:
            _record(world, _gone(row, done.detail))
        case Step.REFUSED:
            failed = [Entry(Event.APPLY_FAILED, {"reason": done.detail}, row.case_id)] if done.started else []
            _record(
                world,
                *failed,
                escalated(
                    row.case_id,
                    case,
                    reason=done.detail
                    if PUT_BACK in done.detail
                    else f"the API server refused it: {done.detail}",
                    cause=row.cause,
                    outcome=Outcome.REFUSED,
                ),
            )
        case Step.RETRY if done.started:
            _record(world, Entry(Event.APPLY_FAILED, {"reason": done.detail}, row.case_id))
        case Step.RETRY | Step.UNKNOWN:
            return  # the next turn looks again


def _stale(world: World, row: CaseRow, case: Case, detail: str) -> Entry:
    """Think again; but something that changes as fast as we think is a person's to look at."""
    before = sum(step.event == Event.STALE for step in steps(world.store, row.case_id))
    if before + 1 < STALE_ALLOWED:
        return Entry(Event.STALE, {"reason": detail}, row.case_id)
    reason = f"{detail}, for the {STALE_ALLOWED}th time: somebody else is changing it"
    return escalated(row.case_id, case, reason=reason, cause=row.cause)


def _denied(world: World, row: CaseRow, case: Case, plan: Plan, done: Written) -> None:
    """Record the verdicts where they changed. What only waits (budget, cool-down, window, approval) stays
    proposed; what will never be allowed goes to a person."""
    before = last_step(world.store, row.case_id, Event.GUARDED)
    told = {(v["guard"], v["allowed"], v["reason"]) for v in before.payload["verdicts"]} if before else None
    rows = verdict_rows(done.verdicts)
    if told != {(v["guard"], v["allowed"], v["reason"]) for v in rows}:
        entry = guarded(row.case_id, plan, done.verdicts, "not tried")
        if approval_only(done.verdicts) and not _announced(world, row.case_id, plan):
            title = f"intentd proposes a change: {plan.target} in {plan.target.namespace}"
            body = "\n".join(
                [
                    row.cause,
                    *(["It would be deleted and created anew:"] if isinstance(plan, Recreate) else []),
                    *map(str, plan.touched),
                    *_unrehearsed(done.verdicts),
                    f"intentd approve {row.case_id} --digest {plan.digest[:12]}",
                ]
            )
            entry = Entry(
                entry.event,
                entry.payload | {"notice": {"severity": case.severity.value, "title": title, "body": body}},
                entry.case,
            )
        _record(world, entry)
    if not approval_only(done.verdicts) and not temporary(done.verdicts):
        _record(
            world,
            escalated(
                row.case_id,
                case,
                reason=f"a guard refused it: {done.detail}",
                cause=row.cause,
                outcome=Outcome.REFUSED,
            ),
        )


def _unrehearsed(verdicts: Sequence[Verdict]) -> list[str]:
    """Why a person is asked though trust would suffice."""
    return [verdict.detail for verdict in verdicts if not verdict.allowed and verdict.guard == "rehearsal"]


def _announced(world: World, case_id: str, plan: Plan) -> bool:
    """Whether people were told of this very plan before: a pause that ends is no new proposal."""
    guarded_before = (step for step in steps(world.store, case_id) if step.event == Event.GUARDED)
    return any("notice" in step.payload and step.payload["digest"] == plan.digest for step in guarded_before)


def _settle_apply(world: World, memory: Memory, row: CaseRow, plan: Plan) -> None:
    match _settle(world, memory, row, plan, Event.APPLY_STARTED):
        case Step.WRITTEN, detail:
            _record(
                world,
                Entry(Event.APPLIED, {"operation_id": row.operation_id, "settled": detail}, row.case_id),
            )
        case Step.GONE, detail:
            _record(world, _gone_after(memory, row, plan, detail))
        case Step.RETRY, _:
            return
        case _, detail:
            entries = [Entry(Event.APPLY_FAILED, {"reason": detail}, row.case_id)]
            if detail.endswith(PUT_BACK):  # deleted and put back once is once too often: a person decides
                case = memory.cases.get(row.key)
                entries.append(
                    escalated(row.case_id, case, reason=detail, cause=row.cause, outcome=Outcome.REFUSED)
                )
            _record(world, *entries)


def _applied(row: CaseRow, done: Written) -> Entry:
    return Entry(Event.APPLIED, {"detail": done.detail, "resource_version": _version(done.live)}, row.case_id)


def _gone(row: CaseRow, detail: str) -> Entry:
    return Entry(Event.TARGET_GONE, {"outcome": Outcome.ABANDONED.value, "reason": detail}, row.case_id)


def _gone_after(memory: Memory, row: CaseRow, plan: Plan, detail: str) -> Entry:
    """As `_gone`, where our write began. Of a recreation a person is told: somebody else's object stands in the
    place of one that we deleted."""
    if not isinstance(plan, Recreate):
        return _gone(row, detail)
    case = memory.cases.get(row.key)
    entry = escalated(row.case_id, case, reason=detail, cause=row.cause, outcome=Outcome.ABANDONED)
    return Entry(Event.TARGET_GONE, entry.payload, row.case_id)


# ---------------------------------------------------------------- back


def _roll_back(world: World, memory: Memory, row: CaseRow, plan: Plan, why: str) -> None:
    case = memory.cases.get(row.key)

    applied = last_step(world.store, row.case_id, Event.APPLY_STARTED)
    operation_id = "" if applied is None else str(applied.payload["operation_id"])

    def current(live: Json | None) -> Plan | None:
        if isinstance(plan, Recreate) and not carries(live, operation_id):
            return None  # another incarnation than the one that we created
        return undo_plan(plan, live) if undo_valid(plan, live) else None

    target = _created(world, plan.target) if isinstance(plan, Create | Recreate) else plan.target
    done = write(
        world,
        row.case_id,
        target,
        current,
        inputs_of(world, memory, row, undoes=plan),
        event=Event.ROLLBACK_STARTED,
    )
    match done.step:
        case Step.WRITTEN:
            _record(world, _rolled_back(world, row, plan, case, why))
        case Step.GONE if not done.started:
            _record(world, _gone(row, done.detail))
        case Step.STALE if not done.started:
            _record(world, _stuck(row, plan, case, f"{why}; it could not be undone: {done.detail}"))
        case Step.REFUSED if not done.started:
            _record(world, _stuck(row, plan, case, f"{why}; the API server refused the undo: {done.detail}"))
        case _:
            return  # denied (kill switch), overtaken or unknown: the next turn tries or settles


def _settle_rollback(world: World, memory: Memory, row: CaseRow, plan: Plan) -> None:
    case = memory.cases.get(row.key)
    not_held = wanted_back(world.store, row.case_id)
    why = str(not_held.payload.get("reason", "")) if not_held else ""
    match _settle(world, memory, row, plan, Event.ROLLBACK_STARTED):
        case Step.WRITTEN, _:
            _record(world, _rolled_back(world, row, plan, case, why))
        case Step.GONE, detail:
            _record(world, _gone_after(memory, row, plan, detail))
        case Step.RETRY, _:
            return
        case _, _:
            _roll_back(world, memory, row, plan, why)  # nothing was written: a fresh attempt, a fresh row


def _rolled_back(world: World, row: CaseRow, plan: Plan, case: Case | None, why: str) -> Entry:
    back = wanted_back(world.store, row.case_id)
    ends = Outcome(back.payload.get("ends", Outcome.ROLLED_BACK.value)) if back else Outcome.ROLLED_BACK
    entry = escalated(
        row.case_id, case, reason=f"{why}; our change was undone", cause=row.cause, outcome=ends
    )
    undone = [str(leaf) for leaf in plan.touched]
    return Entry(Event.ROLLED_BACK, entry.payload | {"undone": undone}, row.case_id)


def _stuck(row: CaseRow, plan: Plan, case: Case | None, why: str) -> Entry:
    entry = escalated(row.case_id, case, reason=why, cause=row.cause)
    return Entry(
        Event.ROLLBACK_IMPOSSIBLE, entry.payload | {"ours": [str(leaf) for leaf in plan.touched]}, row.case_id
    )


def _created(world: World, target: ObjectRef) -> ObjectRef:
    live = world.cluster.read(target)
    uid = "" if live is None or isinstance(live, Gap) else str(live["metadata"]["uid"])
    return target._replace(uid=uid)


# ---------------------------------------------------------------- a write without an answer


def _settle(world: World, memory: Memory, row: CaseRow, plan: Plan, started: Event) -> tuple[Step, str]:
    """Whether the write of the newest `started` row happened; sends it again where that is safe."""
    begun = last_step(world.store, row.case_id, started)
    if begun is None:
        return Step.REFUSED, "no write was recorded"
    if "plan" in begun.payload:
        fix = plan if started is Event.ROLLBACK_STARTED else None
        return settle_recreation(world, memory, row, begun, fix)
    operation_id, version = begun.payload["operation_id"], begun.payload["resource_version"]
    target = ObjectRef(**begun.payload["target"])
    live = world.cluster.read(target)
    if isinstance(live, Gap):
        return Step.RETRY, live.message
    if carries(live, operation_id):
        return Step.WRITTEN, "found our operation on the object"
    undoing = started is Event.ROLLBACK_STARTED
    if live is None:
        return (
            (Step.WRITTEN, "the object that we created is gone")
            if undoing and isinstance(plan, Create)
            else _absent(plan)
        )
    if target.uid and live["metadata"]["uid"] != target.uid:
        return Step.GONE, f"{target} was deleted and created anew"
    if _version(live) != version:
        return Step.REFUSED, "the object moved on without our write, which can no longer be accepted"
    again = undo_plan(plan, live) if undoing else plan
    fix = plan if undoing else None
    result = resend(
        world,
        again,
        live,
        inputs_of(world, memory, row, undoes=fix),
        operation_id=operation_id,
    )
    if isinstance(result, str):
        return not_sent(world, begun.at, result)
    if result.status is WriteStatus.DONE:
        return Step.WRITTEN, "sent again on the same version"
    return (
        (Step.RETRY, result.message)
        if result.status is WriteStatus.UNKNOWN
        else (Step.REFUSED, result.message)
    )


def _absent(plan: Plan) -> tuple[Step, str]:
    match plan:
        case Create():
            return Step.REFUSED, "the object was not created"
        case Patch() | Delete() | Recreate():
            return Step.GONE, f"{plan.target} is gone"


def _version(live: Json | None) -> str:
    return str(live["metadata"].get("resourceVersion", "")) if live else ""
