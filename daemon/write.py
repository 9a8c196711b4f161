"""The choke point: every write to the cluster passes `write`, with a plan and the guards (invariant 2).

The order is the safety argument:
 1. Read the object again. What was reviewed must still be what would be changed.
 2. Run every guard on this very plan and object; record each one's inputs and verdict.
 3. Dry-run the same operations on the API server with strict validation, and compare what it answers with
    what the plan says.
 4. Guard once more, then record that the write begins: operation id, resourceVersion, charge. The object need not
    be read again: the dry run had its resourceVersion as a precondition, as the write will have.
 5. Ask once more whether a person stopped everything: recording waits for the disk, and whoever pauses or pulls
    the kill switch meanwhile must not see a write after it.
 6. Write once, with uid and resourceVersion as preconditions. No answer means UNKNOWN: recovery reads.

A canary (remediation/rehearsal.py) takes the same way (`rehearse`): the guards judge the change that it tries, and
it is created in place of the change. Taking it away (`remove`) waits for the kill switch alone.

Steps 1 to 3 can be repeated at will. After step 4 there is at most one effect, because the API server
accepts a resourceVersion once.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from daemon import recreate
from daemon.guarding import Contextual
from daemon.ports import LANDS_WITHIN, WriteResult, WriteStatus
from daemon.records import guarded, rehearsal_started, write_started
from daemon.state import World
from detectors.model import Gap, ObjectRef
from intents.fields import MISSING, get
from remediation.blast_radius import Neighbours
from remediation.digest import delete_digest
from remediation.guards import GUARDS, Guard, allowed, run_guards
from remediation.model import OPERATION_ANNOTATION, Create, Delete, Json, Patch, Plan, Recreate, Verdict
from remediation.plan import as_planned
from remediation.rehearsal import why_unfit
from remediation.saga import Event

STOPS = tuple(guard for guard in GUARDS if guard.name in {"kill-switch", "pause", "mode"})
"""What a person may take back at any moment, and then it holds at once."""

STOPS_REMOVAL = tuple(guard for guard in STOPS if guard.name == "kill-switch")
"""What leaves even a canary of ours standing."""


class Step(StrEnum):
    """How far a write came."""

    WRITTEN = "written"
    DENIED = "denied"  # a guard said no
    STALE = "stale"  # the object is no longer as reviewed
    GONE = "gone"
    REFUSED = "refused"  # the API server said no, in the dry run or in earnest
    NO_CANARY = "no canary"  # the API server would take the change, but not the pod that tries it
    RETRY = "retry"  # could not be told or was overtaken; nothing was written
    UNKNOWN = "unknown"  # sent, no answer


@dataclass(frozen=True, slots=True)
class Written:
    """What became of one attempt, with the guards' verdicts that it was decided on."""

    step: Step
    detail: str
    verdicts: tuple[Verdict, ...] = ()
    live: Json | None = None
    started: bool = False  # the ledger says that a write began


PUT_BACK = recreate.PUT_BACK

OVERTAKEN_ALLOWED = 3
"""Reviews and dry runs in a row that a status update may overtake: a workload in trouble is written to by its
controller several times a second."""

Current = Callable[[Json | None], Plan | None]
"""The plan's operations for the object as it is now, None where the fields changed since."""


def write(
    world: World,
    case_id: str,
    target: ObjectRef,
    current: Current,
    context: Contextual,
    *,
    event: Event,
    around: Neighbours | None = None,
) -> Written:
    """One attempt at one plan. `event` is APPLY_STARTED (with what stands around it) or ROLLBACK_STARTED."""
    for _ in range(OVERTAKEN_ALLOWED):
        first = _review(world, target, current, context)
        if isinstance(first, Written):
            return first
        plan, live, verdicts = first
        rehearsal = _send(world, plan, live, operation_id="dry-run", dry_run=True)
        if rehearsal.status is not WriteStatus.CONFLICT:
            break
    if rehearsal.status is not WriteStatus.DONE:
        return Written(_REHEARSAL[rehearsal.status], f"dry run: {rehearsal.message}", verdicts)
    if (difference := _unlike_plan(plan, rehearsal.live)) is not None:
        return Written(
            Step.REFUSED, f"dry run: the API server would make something else of it: {difference}", verdicts
        )
    verdicts = run_guards(context(plan, live), GUARDS)
    if not allowed(verdicts):
        return Written(Step.DENIED, _refusals(verdicts), verdicts, live)
    operation_id = f"{case_id}.{uuid.uuid4().hex[:8]}"
    version = version_of(live)
    begin = write_started(event, case_id, plan, target, operation_id, version, verdicts, around)
    shown = [guarded(case_id, plan, verdicts, "accepted")] if event is Event.APPLY_STARTED else []
    world.store.record([*shown, begin], at=world.clock.now())
    stopped = run_guards(context(plan, live, stops_only=True), STOPS)
    if not allowed(stopped):
        return Written(Step.DENIED, f"not sent: {_refusals(stopped)}", verdicts, live, started=True)
    onward = _onward(plan, context, STOPS)
    result = _send(world, plan, live, operation_id=operation_id, dry_run=False, onward=onward)
    return Written(_STEPS[result.status], result.message, verdicts, result.live, started=True)


Canary = Callable[[Plan, Json, str], Create]
"""The Pod that tries a plan on the object as it is now, named for an operation."""


def rehearse(
    world: World, case_id: str, target: ObjectRef, current: Current, context: Contextual, canary: Canary
) -> Written:
    """One attempt to set a canary up. Everything that would stop the change stops its canary, so `context` must say
    that this is the rehearsal. NO_CANARY: the change could be made, its canary could not."""
    first = _review(world, target, current, context)
    if isinstance(first, Written):
        return first
    plan, live, verdicts = first
    tried = _send(world, plan, live, operation_id="dry-run", dry_run=True)
    if tried.status is not WriteStatus.DONE:
        return Written(_REHEARSAL[tried.status], f"dry run: {tried.message}", verdicts)
    if live is None or (difference := _unlike_plan(plan, tried.live)) is not None:
        made = "nothing" if live is None else difference
        return Written(
            Step.REFUSED, f"dry run: the API server would make something else of it: {made}", verdicts
        )
    operation_id = f"{case_id}.{uuid.uuid4().hex[:8]}"
    pod = canary(plan, live, operation_id)
    would = _send(world, pod, None, operation_id=operation_id, dry_run=True)
    if would.status in (WriteStatus.REFUSED, WriteStatus.EXISTS):
        return Written(Step.NO_CANARY, f"the API server takes no canary: {would.message}", verdicts, live)
    if would.status is not WriteStatus.DONE:
        return Written(Step.RETRY, f"dry run of the canary: {would.message}", verdicts, live)
    if (unfit := why_unfit((would.live or {}).get("spec") or {})) is not None:
        said = f"admission adds to the canary what it must not have: {unfit}"
        return Written(Step.NO_CANARY, said, verdicts, live)
    verdicts = run_guards(context(plan, live), GUARDS)
    if not allowed(verdicts):
        return Written(Step.DENIED, _refusals(verdicts), verdicts, live)
    world.store.record(
        [rehearsal_started(case_id, plan, pod, live, operation_id, verdicts)], at=world.clock.now()
    )
    stopped = run_guards(context(plan, live, stops_only=True), STOPS)
    if not allowed(stopped):
        return Written(Step.DENIED, f"not sent: {_refusals(stopped)}", verdicts, live, started=True)
    result = _send(world, pod, None, operation_id=operation_id, dry_run=False)
    return Written(_STEPS[result.status], result.message, verdicts, result.live, started=True)


def remove(world: World, canary: ObjectRef, operation_id: str, context: Contextual) -> Written:
    """Take a canary away: WRITTEN where it is gone. Only the very pod that was confirmed, by its uid, is
    deleted, and only the kill switch holds that back: a pause or another mode must not leave a copy running."""
    live = world.cluster.read(canary)
    if isinstance(live, Gap):
        return Written(Step.RETRY, f"{canary} could not be read: {live.message}")
    if get(live or {}, ("metadata", "uid")) != canary.uid or not carries(live, operation_id):
        return Written(Step.WRITTEN, "it is gone", live=live)
    if get(live, ("metadata", "deletionTimestamp")) is not MISSING:
        return Written(Step.RETRY, "it is ending", live=live)
    plan = Delete(canary, version_of(live), delete_digest(canary, version_of(live)))
    stopped = run_guards(context(plan, live), STOPS_REMOVAL)
    if not allowed(stopped):
        return Written(Step.DENIED, _refusals(stopped), stopped, live)
    result = _send(world, plan, live, operation_id=operation_id, dry_run=False)
    if result.status is WriteStatus.REFUSED:
        return Written(Step.REFUSED, result.message, stopped, live)
    return Written(Step.RETRY, result.message or "it is ending", stopped, live)


def _review(
    world: World, target: ObjectRef, current: Current, context: Contextual
) -> Written | tuple[Plan, Json | None, tuple[Verdict, ...]]:
    """Steps 1 and 2."""
    live = world.cluster.read(target)
    if isinstance(live, Gap):
        return Written(Step.RETRY, f"{target} could not be read: {live.message}")
    if live is None and target.uid:
        return Written(Step.GONE, f"{target} is gone")
    if live is not None and target.uid and get(live, ("metadata", "uid")) != target.uid:
        return Written(Step.GONE, f"{target} was deleted and created anew")
    plan = current(live)
    if plan is None:
        return Written(Step.STALE, "the fields changed since they were reviewed")
    verdicts = run_guards(context(plan, live), GUARDS)
    if not allowed(verdicts):
        return Written(Step.DENIED, _refusals(verdicts), verdicts, live)
    return plan, live, verdicts


def resend(
    world: World, plan: Plan, live: Json | None, context: Contextual, *, operation_id: str
) -> WriteResult | str:
    """Repeat a recorded write that got no answer, on the very version that it was recorded with; text says
    which guards refused. It was charged then, but it may be days later: pause, intent, mode, approval and
    window are asked again."""
    verdicts = run_guards(context(plan, live), GUARDS)
    if not allowed(verdicts):
        return _refusals(verdicts)
    onward = _onward(plan, context, STOPS)
    return _send(world, plan, live, operation_id=operation_id, dry_run=False, onward=onward)


def not_sent(world: World, recorded_at: float, why: str) -> tuple[Step, str]:
    """What it means that a recorded write is not repeated because guards refuse."""
    landed_or_never = world.clock.now() - recorded_at >= LANDS_WITHIN
    return Step.REFUSED if landed_or_never else Step.RETRY, f"not sent again: {why}"


def finish(world: World, plan: Recreate, context: Contextual, *, operation_id: str) -> WriteResult:
    """The second half of a recorded recreation whose first half happened: the new object where every guard still
    allows it, else the old one; neither under the kill switch."""
    return recreate.finish(world, plan, operation_id, _onward(plan, context, GUARDS))


def _onward(plan: Plan, context: Contextual, guards: Sequence[Guard]) -> recreate.Ask:
    """Asks again where the old object is gone: an object that we deleted comes back in one form or the other."""

    def ask() -> recreate.Onward:
        verdicts = run_guards(replace(context(plan, None, stops_only=guards is STOPS), deleted=True), guards)
        refused = {verdict.guard for verdict in verdicts if not verdict.allowed}
        if "kill-switch" in refused:
            return recreate.Onward.STOP
        return recreate.Onward.BACK if refused else recreate.Onward.FORWARD

    return ask


def _refusals(verdicts: Sequence[Verdict]) -> str:
    return "; ".join(f"{verdict.guard}: {verdict.reason}" for verdict in verdicts if not verdict.allowed)


def _send(
    world: World,
    plan: Plan,
    live: Json | None,
    *,
    operation_id: str,
    dry_run: bool,
    onward: recreate.Ask = lambda: recreate.Onward.STOP,
) -> WriteResult:
    match plan:
        case Patch(target=target, operations=operations):
            return world.cluster.patch(
                target,
                operations,
                resource_version=version_of(live),
                operation_id=operation_id,
                dry_run=dry_run,
                live=live,
            )
        case Create(manifest=manifest):
            return world.cluster.create(manifest, operation_id=operation_id, dry_run=dry_run)
        case Delete(target=target):
            return world.cluster.delete(target, resource_version=version_of(live), dry_run=dry_run)
        case Recreate() if dry_run:
            return recreate.rehearse(world, plan, version_of(live))
        case Recreate():
            return recreate.recreate(world, plan, version_of(live), operation_id, onward)


def version_of(live: Json | None) -> str:
    """The object's resourceVersion, empty where there is none."""
    found = get(live or {}, ("metadata", "resourceVersion"))
    return found if isinstance(found, str) else ""


def _unlike_plan(plan: Plan, answered: Json | None) -> str | None:
    """Where the dry run's object differs from the plan, None where every touched field is as planned."""
    if isinstance(plan, Delete) or answered is None:
        return None
    return next((str(leaf) for leaf in plan.touched if not as_planned(leaf, answered)), None)


def carries(live: Json | None, operation_id: str) -> bool:
    """Whether an object carries our operation: the proof that a write without an answer happened."""
    return get(live or {}, ("metadata", "annotations", OPERATION_ANNOTATION)) == operation_id


def carries_back(live: Json | None, operation_id: str) -> bool:
    """Whether this is the old object, put back because the new one could not be created."""
    return carries(live, f"{operation_id}{recreate.BACK}")


_REHEARSAL = {
    WriteStatus.CONFLICT: Step.RETRY,
    WriteStatus.UNKNOWN: Step.RETRY,
    WriteStatus.GONE: Step.GONE,
    WriteStatus.EXISTS: Step.STALE,
    WriteStatus.REFUSED: Step.REFUSED,
}
_STEPS = {
    WriteStatus.DONE: Step.WRITTEN,
    WriteStatus.CONFLICT: Step.RETRY,
    WriteStatus.UNKNOWN: Step.UNKNOWN,
    WriteStatus.GONE: Step.GONE,
    WriteStatus.EXISTS: Step.STALE,
    WriteStatus.REFUSED: Step.REFUSED,
}
