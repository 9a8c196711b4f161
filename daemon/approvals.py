"""Approvals: a person's word for one plan, checked against the cluster and written down.

Who says it is the user behind the control socket, as the kernel names it. `sudo` makes everybody root, and
SUDO_USER is only a variable: where several people are asked for, root and the daemon's own account are nobody.
"""

from __future__ import annotations

from daemon.control import CommandError, no_one_person
from daemon.settings import seconds
from daemon.state import World
from detectors.model import Gap
from intents.fields import MISSING, format_path, get
from intents.model import Intent
from remediation.approval import Agreement, Approval, agreement
from remediation.model import ABSENT, Create, Json, Patch, Plan, Recreate
from remediation.plan import plan_from_json, still_valid
from remediation.saga import Event, State
from remediation.values import same
from store.decisions import approvals_of
from store.ledger import Entry
from store.queries import CaseRow

DIGEST_CHARS = 12
"""Least of a digest that an approval names: what notices show. Fewer could fit the plan that comes next."""


def agreement_of(world: World, row: CaseRow, intent: Intent | None, now: float) -> Agreement:
    """Who stands behind the plan of a case, of how many that the operator and its intent ask for."""
    return _agreement(world, row, intent, now)


def _agreement(world: World, row: CaseRow, intent: Intent | None, now: float, *given: Approval) -> Agreement:
    needed = max(world.settings.approvals, intent.spec.approvals if intent else 1)
    said = (*approvals_of(world.store, row.case_id), *given)
    nobody = {one.by for one in said if no_one_person(one.by)}
    return agreement(said, row.digest, now=now, needed=needed, shared=nobody)


def approval(
    world: World, row: CaseRow, intent: Intent | None, digest: str, who: str
) -> tuple[Entry, Agreement]:
    """The row that a person's approval becomes, and who agrees then. Raises CommandError where it would not count, with the reason."""
    if row.state is not State.PROPOSED or row.digest is None or row.plan is None:
        raise CommandError(f"case {row.case_id} is {row.state}: there is nothing to approve")
    if len(digest) < DIGEST_CHARS:
        raise CommandError(f"name at least {DIGEST_CHARS} characters of the digest that you read")
    if not row.digest.startswith(digest):
        raise CommandError(
            f"that is not the digest of the plan that stands now; read it again with `intentd show {row.case_id}`"
        )
    now = world.clock.now()
    if agreement_of(world, row, intent, now).needed > 1 and no_one_person(who):
        raise CommandError(
            f"{who} is an account that many share or that has no name, and different people have to approve this: approve it as yourself, "
            "without sudo"
        )
    _refuse_outdated(world, plan_from_json(row.plan), row.case_id)
    given = Approval(row.digest, who, now, now + seconds(world.settings.approval_expires))
    payload = {"digest": given.digest, "by": given.by, "until": given.until}
    return Entry(Event.APPROVED, payload, row.case_id), _agreement(world, row, intent, now, given)


def _refuse_outdated(world: World, plan: Plan, case_id: str) -> None:
    live = world.cluster.read(plan.target)
    if isinstance(live, Gap):
        raise CommandError(f"{plan.target} could not be read, so nothing can be approved now: {live.message}")
    if still_valid(plan, live):
        return
    raise CommandError(
        f"{_changed(plan, live)} since this was proposed; a new proposal comes if it is still broken "
        f"(`intentd show {case_id}`)"
    )


def _changed(plan: Plan, live: Json | None) -> str:
    """What is no longer as it was reviewed."""
    if isinstance(plan, Create):
        return f"{plan.target} was created by somebody else"
    if live is None:
        return f"{plan.target} was deleted"
    if get(live, ("metadata", "uid")) != plan.target.uid:
        return f"{plan.target} was deleted and created anew"
    for leaf in plan.touched if isinstance(plan, Patch | Recreate) else ():
        found = get(live, leaf.path)
        if (found is not MISSING) if leaf.before == ABSENT else not same(found, leaf.before):
            return f"{format_path(leaf.path)} of {plan.target} changed"
    return f"{plan.target} changed"
