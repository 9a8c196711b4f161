"""Act: carry reviewed plans out, settle writes whose answer never came, and undo what did not hold.

Driven by the ledger alone, so recovery after a crash is the normal path:
 * Proposed: guards, dry run, write (all through `daemon.write`); first a rehearsal where the intent wants one.
 * Rehearsing: a canary may stand (`daemon.rehearse`).
 * Applying, RollingBack: a write may be out (`daemon.settle`).
 * Verifying with a recorded "not held": put exactly our fields back, where they are still ours (`daemon.roll_back`).
"""

from __future__ import annotations

from collections.abc import Sequence

from daemon.guarding import approval_only, inputs_of, rehearsal_only, temporary
from daemon.neighbours import neighbours
from daemon.records import escalated, guarded, verdict_rows
from daemon.rehearse import advance_rehearsal, start_rehearsal
from daemon.roll_back import roll_back, settle_rollback
from daemon.settle import gone, gone_after, settle
from daemon.state import Memory, World
from daemon.write import PUT_BACK, Step, Written, version_of, write
from detectors.model import Case
from remediation.model import Json, Outcome, Patch, Plan, Recreate, Verdict
from remediation.plan import plan_from_json, still_valid
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
            roll_back(world, memory, row, plan, str(why.payload.get("reason", "")))
        case State.ROLLING_BACK:
            settle_rollback(world, memory, row, plan)
        case _:
            return
    if world.store.writes != recorded:
        memory.thought.set()  # something moved; what only waits is looked at again after the loop's interval


def _apply(world: World, memory: Memory, row: CaseRow, plan: Plan) -> None:
    if (no := last_step(world.store, row.case_id, Event.REJECTED)) is not None:
        world.record(Entry(Event.CLOSED, no.payload, row.case_id))  # said while its canary went
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
        around=neighbours(memory, plan.target.namespace, plan.target),
    )
    if rehearsal_only(done.verdicts) and isinstance(plan, Patch):
        tried = start_rehearsal(world, memory, row, plan)
        if tried is None:
            return
        done = tried
    match done.step:
        case Step.WRITTEN:
            world.record(_applied(row, done))
        case Step.DENIED if done.started:
            world.record(Entry(Event.APPLY_FAILED, {"reason": done.detail}, row.case_id))
        case Step.DENIED:
            again = world.clock.monotonic() + DENIED_PAUSE
            memory.retry_at = {**memory.retry_at, row.case_id: again}
            _denied(world, row, case, plan, done)
        case Step.STALE:
            world.record(_stale(world, row, case, done.detail))
        case Step.GONE if done.started:
            world.record(gone_after(memory, row, plan, done.detail))
        case Step.GONE:
            world.record(gone(row, done.detail))
        case Step.REFUSED:
            failed = [Entry(Event.APPLY_FAILED, {"reason": done.detail}, row.case_id)] if done.started else []
            world.record(
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
            world.record(Entry(Event.APPLY_FAILED, {"reason": done.detail}, row.case_id))
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
        world.record(entry)
    if not approval_only(done.verdicts) and not temporary(done.verdicts):
        world.record(
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
    match settle(world, memory, row, plan, Event.APPLY_STARTED):
        case Step.WRITTEN, detail:
            world.record(
                Entry(Event.APPLIED, {"operation_id": row.operation_id, "settled": detail}, row.case_id),
            )
        case Step.GONE, detail:
            world.record(gone_after(memory, row, plan, detail))
        case Step.RETRY, _:
            return
        case _, detail:
            entries = [Entry(Event.APPLY_FAILED, {"reason": detail}, row.case_id)]
            if detail.endswith(PUT_BACK):  # deleted and put back once is once too often: a person decides
                case = memory.cases.get(row.key)
                entries.append(
                    escalated(row.case_id, case, reason=detail, cause=row.cause, outcome=Outcome.REFUSED)
                )
            world.record(*entries)


def _applied(row: CaseRow, done: Written) -> Entry:
    return Entry(
        Event.APPLIED, {"detail": done.detail, "resource_version": version_of(done.live)}, row.case_id
    )
