"""Objects that intentd deleted to create them anew and that may not be there again: under the kill switch, while
the API server refuses both forms of them, or where the daemon died in between. `status` prints what was there.
"""

from __future__ import annotations

from collections.abc import Callable

from remediation.model import Json, Recreate
from remediation.plan import plan_from_json
from remediation.saga import WRITE_MAY_BE_OUT, Event
from store.ledger import Ledger
from store.queries import CaseRow, Step, last_step, open_cases

Absent = Callable[[Recreate], bool]


def unfinished(store: Ledger, absent: Absent = lambda _: True) -> list[Json]:
    """One entry for each recreation that began and has no end yet, where `absent` says that the object is not
    there. `manifest` is the object as it was: applying it undoes the deletion."""
    found = ((row, begun) for row in open_cases(store, *WRITE_MAY_BE_OUT) if (begun := _begun(store, row)))
    plans = ((row, plan_from_json(begun.payload["plan"])) for row, begun in found)
    return [
        {"case": row.case_id, "object": "/".join(plan.target.key), "manifest": plan.before}
        for row, plan in plans
        if isinstance(plan, Recreate) and absent(plan)
    ]


def _begun(store: Ledger, row: CaseRow) -> Step | None:
    rows = [last_step(store, row.case_id, event) for event in (Event.APPLY_STARTED, Event.ROLLBACK_STARTED)]
    newest = max((step for step in rows if step is not None), key=lambda step: step.seq, default=None)
    return newest if newest is not None and "plan" in newest.payload else None
