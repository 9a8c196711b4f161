"""A recreation carried out: two requests, one step of the saga. Only the choke point (`daemon.write`) calls this,
after the guards and after the ledger row that announces it.

 1. Rehearse: create the new object under another name and delete the old one, both as dry runs. The server refuses
    a second object of the same name before it validates it, so another name is the only way to a true answer
    before anything is lost. It cannot see what hangs on the name itself (a webhook that looks at it), and a quota
    with no room for both refuses what would fit: a refusal then goes to a person, with the old object still there.
 2. Delete this incarnation at this version, and wait a little until it is gone.
 3. Create the new object with our operation id. Where that is refused, or no longer wanted, the old one is put
    back at once: an object that is missing is worse than the fault.

Killed anywhere, `daemon.settle_recreation` reads: our mark says that it is done, the mark with BACK that the old one is back, the
old uid that nothing happened, no object that step 3 is still to do, another uid that it is somebody else's.
Under the kill switch nothing is written, also between 2 and 3; `status` prints what is missing then.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from typing import Any

from daemon.ports import WriteResult, WriteStatus
from daemon.state import World
from detectors.model import Gap, ObjectRef, Turn
from intents.fields import get
from remediation.model import OPERATION_ANNOTATION, Json, Recreate

BACK = ".back"
"""Ends the mark of an object that was put back as it was."""

PUT_BACK = "it was put back as it was"
"""Ends the message of a recreation that was refused after the deletion."""

ORPHANED = frozenset({"StatefulSet"})
"""Kinds whose dependants stay and are adopted by the new object."""

GONE_WITHIN = 5.0
"""Seconds that a turn waits for the deletion; a pod that takes longer to stop is seen again by the next turns."""

LOOK_EVERY = 0.1


class Onward(StrEnum):
    """What to do where the old object is gone."""

    FORWARD = "forward"
    BACK = "back"  # a guard no longer allows the new one
    STOP = "stop"  # the kill switch


Ask = Callable[[], Onward]


def rehearse(world: World, plan: Recreate, version: str) -> WriteResult:
    """Both requests as dry runs; the answer to the creation is what the server would make of the new object."""
    trial = _named(plan.manifest, f"{plan.target.name[:40]}-{uuid.uuid4().hex[:8]}")
    created = world.cluster.create(trial, operation_id="dry-run", dry_run=True, anew=True)
    if created.status is not WriteStatus.DONE:
        return replace(created, message=f"creating it anew: {created.message}")
    deleted = _delete(world, plan, version, dry_run=True)
    return created if deleted.status is WriteStatus.DONE else deleted


def recreate(world: World, plan: Recreate, version: str, operation_id: str, ask: Ask) -> WriteResult:
    """Steps 2 and 3. UNKNOWN means that a later turn has to look; REFUSED that the old object is there."""
    deleted = _delete(world, plan, version, dry_run=False)
    if deleted.status is not WriteStatus.DONE:
        return deleted
    if not _gone(world, plan.target):
        return _unknown("it is being deleted")
    return finish(world, plan, operation_id, ask)


def finish(world: World, plan: Recreate, operation_id: str, ask: Ask) -> WriteResult:
    """Step 3, where the old object is gone. Safe to repeat: of two creations under one name one takes effect."""
    match ask():
        case Onward.STOP:
            return _unknown("deleted and not yet created again: the kill switch is on")
        case Onward.FORWARD:
            made = world.cluster.create(plan.manifest, operation_id=operation_id, dry_run=False, anew=True)
            if made.status is not WriteStatus.REFUSED:
                return _settled(world, plan, operation_id, made)
            why = f"the API server refused the new object: {made.message}"
        case Onward.BACK:
            why = "no longer allowed"
    back = world.cluster.create(plan.before, operation_id=f"{operation_id}{BACK}", dry_run=False, anew=True)
    if back.status is WriteStatus.DONE:
        return WriteResult(WriteStatus.REFUSED, f"{why}; {PUT_BACK}", turn=Turn.OPERATOR)
    if back.status in (WriteStatus.EXISTS, WriteStatus.GONE):
        return _settled(world, plan, operation_id, back)
    return _unknown(f"{why}; and putting it back failed: {back.message}")


def _settled(world: World, plan: Recreate, operation_id: str, answer: WriteResult) -> WriteResult:
    """What a creation's answer means; an object that is there already may be an earlier copy of this request."""
    if answer.status is WriteStatus.DONE:
        return answer
    if answer.status is WriteStatus.GONE:
        return replace(answer, message=f"its namespace is gone: {answer.message}")
    if answer.status is not WriteStatus.EXISTS:
        return _unknown(f"not created yet: {answer.message}")
    live = world.cluster.read(plan.target)
    if live is None or isinstance(live, Gap):
        return _unknown(answer.message)
    mark = get(live, ("metadata", "annotations", OPERATION_ANNOTATION))
    if mark == operation_id:
        return WriteResult(WriteStatus.DONE, "an earlier copy of the request created it", live)
    if mark == f"{operation_id}{BACK}":
        return WriteResult(WriteStatus.REFUSED, PUT_BACK, turn=Turn.OPERATOR)
    return WriteResult(WriteStatus.GONE, f"somebody else created {plan.target} meanwhile", turn=Turn.OPERATOR)


def _delete(world: World, plan: Recreate, version: str, *, dry_run: bool) -> WriteResult:
    orphan = plan.target.kind in ORPHANED
    return world.cluster.delete(plan.target, resource_version=version, dry_run=dry_run, orphan=orphan)


def _gone(world: World, target: ObjectRef) -> bool:
    """Wait until this incarnation is gone; false where it is still there, or that cannot be told."""
    end = world.clock.monotonic() + GONE_WITHIN
    while True:
        live = world.cluster.read(target)
        if live is None:
            return True
        if world.clock.monotonic() >= end:
            return False
        world.clock.wait(threading.Event(), LOOK_EVERY)


def _named(manifest: Json, name: str) -> Json:
    metadata: dict[str, Any] = {**manifest["metadata"], "name": name}
    return {**manifest, "metadata": metadata}


def _unknown(why: str) -> WriteResult:
    return WriteResult(WriteStatus.UNKNOWN, why, turn=Turn.OURS)
