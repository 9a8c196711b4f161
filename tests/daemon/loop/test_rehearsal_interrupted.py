"""kill -9 at every ledger write and around every cluster write of a rehearsal: never two canaries, none left behind,
and the change is made once or not at all."""

import pytest

from remediation.saga import State
from store.queries import find_cases
from tests.daemon.loop.test_every_interruption import MortalLedger, live_through
from tests.fakes.cluster import Mishap
from tests.fakes.rehearsal_rig import RehearsalRig
from tests.fakes.rig import BAD, GOOD

RECORDS_PASSED = 11  # a fix has 7; here also started, created, verdict, ended
RECORDS_FAILED = 8  # opened, thought, planned, started, created, verdict, ended, told
LONG = 500  # seconds: a lost creation is waited for (LANDS_WITHIN)


class MortalRig(RehearsalRig):
    ledger = MortalLedger


def broken(folder, *, comes_up):
    rig = MortalRig(folder)
    rig.turn(8)
    rig.comes_up = comes_up
    rig.set_image(BAD)
    return rig


def ended(rig, *, comes_up):
    """Each canary was removed before the next thing was written, and the change itself happened once at most."""
    first = find_cases(rig.store)[-1]
    assert first.outcome == ("fixed" if comes_up else "escalated")
    assert rig.image == (GOOD if comes_up else BAD)
    assert rig.canaries() == []
    writes = rig.writes()
    changes = ["patch Deployment"] if comes_up else []
    canaries = writes[: len(writes) - len(changes)]
    assert canaries == ["create Pod", "delete Pod"] * (len(canaries) // 2)
    assert writes == canaries + changes
    assert rig.store.verify().intact
    return len(canaries) // 2


POINTS = [(point, True) for point in range(1, RECORDS_PASSED + 1)]
POINTS += [(point, False) for point in range(1, RECORDS_FAILED + 1)]


@pytest.mark.parametrize(("point", "comes_up"), POINTS)
@pytest.mark.parametrize("after", [False, True])
def test_killed_at_any_ledger_write_no_canary_is_left_and_the_change_is_made_at_most_once(
    tmp_path, point, after, comes_up
):
    rig = broken(tmp_path, comes_up=comes_up)
    rig.store.seen, rig.store.die_at, rig.store.after = 0, point, after
    assert live_through(rig, LONG) == 1
    assert 1 <= ended(rig, comes_up=comes_up) <= 2


REQUESTS = {"creating": 2, "deleting": 3}
"""Requests that change something, dry runs counted, before the one that is hit."""


@pytest.mark.parametrize("comes_up", [True, False])
@pytest.mark.parametrize("which", REQUESTS)
@pytest.mark.parametrize(
    "mishap",
    [Mishap.CRASH_BEFORE, Mishap.CRASH_AFTER, Mishap.LOST_BEFORE, Mishap.LOST_AFTER, Mishap.CONFLICT],
)
def test_around_the_creation_and_the_deletion_no_canary_is_left(tmp_path, mishap, which, comes_up):
    rig = broken(tmp_path, comes_up=comes_up)
    rig.cluster.mishaps.extend([None] * REQUESTS[which] + [mishap])
    dies = mishap in (Mishap.CRASH_BEFORE, Mishap.CRASH_AFTER)
    assert live_through(rig, LONG) == int(dies)
    assert ended(rig, comes_up=comes_up) == 1


def test_a_creation_that_lands_late_is_found_and_removed(tmp_path):
    """The request is on its way while the daemon dies; the server carries it out a minute later."""
    rig = broken(tmp_path, comes_up=True)
    create, late = rig.cluster.create, []

    def slow(manifest, *, operation_id, dry_run):
        if dry_run or late:
            return create(manifest, operation_id=operation_id, dry_run=dry_run)
        rig.cluster.mishaps.append(Mishap.LOST_BEFORE)
        answer = create(manifest, operation_id=operation_id, dry_run=False)
        late.append(lambda: create(manifest, operation_id=operation_id, dry_run=False))
        return answer

    rig.cluster.create = slow
    rig.until(State.REHEARSING)
    rig.turn(60)
    rig.restart()
    assert rig.canaries() == []
    late[0]()
    rig.until(State.CLOSED)
    assert ended(rig, comes_up=True) == 1


def test_while_a_deleted_canary_takes_its_time_nothing_else_is_written(tmp_path):
    rig = broken(tmp_path, comes_up=True)
    delete = rig.cluster.delete

    def gracefully(ref, *, resource_version, dry_run):
        if ref.kind == "Pod" and not ending:
            pod = rig.cluster.object(*ref.key)
            pod["metadata"]["deletionTimestamp"] = "2026-01-05T10:01:00Z"
            ending.append(rig.cluster.put(pod))
            raise_version = rig.cluster.object(*ref.key)["metadata"]["resourceVersion"]
            assert raise_version != resource_version
        return delete(ref, resource_version=resource_version, dry_run=dry_run)

    ending = []
    rig.cluster.delete = gracefully
    rig.until(State.REHEARSING)
    for _ in range(60):
        rig.turn()
        if ending:
            break
    rig.turn(20)
    assert find_cases(rig.store)[0].state is State.REHEARSING
    assert rig.image == BAD
    rig.cluster.remove("Pod", "shop", rig.canaries()[0]["metadata"]["name"])
    rig.until(State.CLOSED)
    assert (rig.image, rig.canaries()) == (GOOD, [])


@pytest.mark.parametrize("comes_up", [True, False])
def test_the_points_above_are_all_there_are(tmp_path, comes_up):
    rig = broken(tmp_path, comes_up=comes_up)
    rig.store.seen = 0
    rig.until(State.CLOSED)
    assert rig.store.seen <= (RECORDS_PASSED if comes_up else RECORDS_FAILED)
