"""Settle: what became of a write whose answer never came, and what it means that the object is gone.

The object tells: our operation id on it proves that the write happened. If it is not there, the same operations are
sent again with the same resourceVersion, where the guards still allow it: the API server takes that version at most
once, so a late first copy and the repeat cannot both count.
"""

from __future__ import annotations

from daemon.guarding import inputs_of
from daemon.ports import WriteStatus
from daemon.records import escalated
from daemon.settle_recreation import settle_recreation
from daemon.state import Memory, World
from daemon.write import Step, carries, not_sent, resend, version_of
from detectors.model import Gap, ObjectRef
from remediation.model import Create, Delete, Outcome, Patch, Plan, Recreate
from remediation.plan import undo_plan
from remediation.saga import Event
from store.ledger import Entry
from store.queries import CaseRow, last_step


def settle(world: World, memory: Memory, row: CaseRow, plan: Plan, started: Event) -> tuple[Step, str]:
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
    if version_of(live) != version:
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


def gone(row: CaseRow, detail: str) -> Entry:
    """The case ends with its object."""
    return Entry(Event.TARGET_GONE, {"outcome": Outcome.ABANDONED.value, "reason": detail}, row.case_id)


def gone_after(memory: Memory, row: CaseRow, plan: Plan, detail: str) -> Entry:
    """As `gone`, where our write began. Of a recreation a person is told: somebody else's object stands in the
    place of one that we deleted."""
    if not isinstance(plan, Recreate):
        return gone(row, detail)
    case = memory.cases.get(row.key)
    entry = escalated(row.case_id, case, reason=detail, cause=row.cause, outcome=Outcome.ABANDONED)
    return Entry(Event.TARGET_GONE, entry.payload, row.case_id)
