"""Back: put exactly our fields back where a change did not hold, where they are still ours; what cannot be put back is
a person's. Through the same choke point as the change (`daemon.write`)."""

from __future__ import annotations

from daemon.guarding import inputs_of
from daemon.records import escalated
from daemon.settle import gone, gone_after, settle
from daemon.state import Memory, World
from daemon.write import Step, carries, write
from detectors.model import Case, Gap, ObjectRef
from remediation.model import Create, Json, Outcome, Plan, Recreate
from remediation.plan import undo_plan, undo_valid
from remediation.saga import Event
from store.ledger import Entry
from store.queries import CaseRow, last_step, wanted_back


def roll_back(world: World, memory: Memory, row: CaseRow, plan: Plan, why: str) -> None:
    """Write the undo of the case's change, `why` it did not hold."""
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
            world.record(_rolled_back(world, row, plan, case, why))
        case Step.GONE if not done.started:
            world.record(gone(row, done.detail))
        case Step.STALE if not done.started:
            world.record(_stuck(row, plan, case, f"{why}; it could not be undone: {done.detail}"))
        case Step.REFUSED if not done.started:
            world.record(_stuck(row, plan, case, f"{why}; the API server refused the undo: {done.detail}"))
        case _:
            return  # denied (kill switch), overtaken or unknown: the next turn tries or settles


def settle_rollback(world: World, memory: Memory, row: CaseRow, plan: Plan) -> None:
    """An undo may be out: what became of it."""
    case = memory.cases.get(row.key)
    not_held = wanted_back(world.store, row.case_id)
    why = str(not_held.payload.get("reason", "")) if not_held else ""
    match settle(world, memory, row, plan, Event.ROLLBACK_STARTED):
        case Step.WRITTEN, _:
            world.record(_rolled_back(world, row, plan, case, why))
        case Step.GONE, detail:
            world.record(gone_after(memory, row, plan, detail))
        case Step.RETRY, _:
            return
        case _, _:
            roll_back(world, memory, row, plan, why)  # nothing was written: a fresh attempt, a fresh row


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
