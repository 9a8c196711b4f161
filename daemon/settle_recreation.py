"""Recovery of a recreation: what the cluster says about the two requests of the newest row, and what is still to do."""

from __future__ import annotations

from daemon.guarding import inputs_of
from daemon.ports import WriteResult, WriteStatus
from daemon.records import escalated
from daemon.state import Memory, World
from daemon.write import PUT_BACK, Step, carries, carries_back, finish, not_sent, resend
from detectors.model import Gap
from remediation.model import Plan, Recreate
from remediation.plan import plan_from_json
from remediation.saga import Event
from store.ledger import Entry
from store.queries import CaseRow, last_step
from store.queries import Step as LedgerStep

_RECREATED = {WriteStatus.DONE: Step.WRITTEN, WriteStatus.GONE: Step.GONE, WriteStatus.REFUSED: Step.REFUSED}


def settle_recreation(
    world: World, memory: Memory, row: CaseRow, begun: LedgerStep, fix: Plan | None
) -> tuple[Step, str]:
    """Where a recreation stands, and its second half where the object is gone (`daemon.recreate`). Who deleted
    it cannot be told then: whoever did meanwhile finds it there again. `fix` is the plan that it undoes."""
    plan, operation_id = plan_from_json(begun.payload["plan"]), str(begun.payload["operation_id"])
    assert isinstance(plan, Recreate)
    live = world.cluster.read(plan.target)
    if isinstance(live, Gap):
        return Step.RETRY, live.message
    if carries(live, operation_id):
        return Step.WRITTEN, "found our operation on the object"
    if carries_back(live, operation_id):
        return Step.REFUSED, PUT_BACK
    if live is not None and live["metadata"]["uid"] != plan.target.uid:
        return Step.GONE, f"somebody else created {plan.target} after it was deleted"

    context = inputs_of(world, memory, row, undoes=fix)
    result: WriteResult | str
    if live is None:
        result = finish(world, plan, context, operation_id=operation_id)
        if result.status is WriteStatus.UNKNOWN:
            _tell_missing(world, memory, row, begun, plan, result.message)
    elif "deletionTimestamp" in live["metadata"]:
        return Step.RETRY, "it is being deleted"
    elif live["metadata"].get("resourceVersion") != begun.payload["resource_version"]:
        return Step.REFUSED, "the object moved on without our write, which can no longer be accepted"
    else:
        result = resend(world, plan, live, context, operation_id=operation_id)
    if isinstance(result, str):
        return not_sent(world, begun.at, result)
    return _RECREATED.get(result.status, Step.RETRY), result.message


def _tell_missing(
    world: World, memory: Memory, row: CaseRow, begun: LedgerStep, plan: Recreate, why: str
) -> None:
    """Once for each recreation: an object that intentd deleted is not there, and a person may put it back."""
    told = last_step(world.store, row.case_id, Event.REMINDED)
    if told is not None and told.seq > begun.seq:
        return
    reason = f"{plan.target} is missing: {why}; `intentd status` prints what was there"
    entry = escalated(row.case_id, memory.cases.get(row.key), reason=reason, cause=row.cause)
    payload = {"reason": reason, "notice": entry.payload["notice"]}
    world.store.record([Entry(Event.REMINDED, payload, row.case_id)], at=world.clock.now())
