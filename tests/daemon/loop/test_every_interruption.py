"""kill -9 at every ledger write and around every cluster write: at most one effect, no lost record, no stuck case.

A dry run to the end counts the points; then each point is hit once, before and after it, and a new process
on the same disk and cluster carries on.
"""

import pytest

from remediation.saga import State
from store.ledger import Ledger
from store.queries import find_cases
from tests.fakes.cluster import Crash, Mishap
from tests.fakes.rig import BAD, GOOD, Rig

RECORDS_OF_A_FIX = 7  # opened, started, diagnosed+planned, guarded+started, applied, held, known good
RECORDS_OF_AN_UNDO = 9


class MortalLedger(Ledger):
    """Dies before or after its n-th transaction since it was armed."""

    die_at: int | None = None
    after = False
    seen = 0

    def record(self, entries, *, at):
        self._die(after=False)
        super().record(entries, at=at)
        self._die(after=True)

    def open_case(self, key, payload, *, at):
        self._die(after=False)
        case = super().open_case(key, payload, at=at)
        self._die(after=True)
        return case

    def _die(self, *, after):
        if not after:
            self.seen += 1
        if self.seen == self.die_at and after is self.after:
            self.die_at = None
            raise Crash


class MortalRig(Rig):
    ledger = MortalLedger


def live_through(rig, seconds=150):
    """One process after another until the case is closed; answers how many died."""
    deaths = 0
    for _ in range(seconds):
        try:
            rig.turn()
        except Crash:
            deaths += 1
            rig.restart()
        rows = find_cases(rig.store)
        if rows and rows[0].state is State.CLOSED and not rig.store.die_at:
            return deaths
    raise AssertionError([(row.case_id, row.state) for row in find_cases(rig.store)])


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("point", range(1, RECORDS_OF_A_FIX + 1))
def test_a_fix_killed_at_any_ledger_write_happens_once(tmp_path, point, after):
    rig = MortalRig(tmp_path)
    rig.turn(8)
    rig.set_image(BAD)
    rig.store.seen, rig.store.die_at, rig.store.after = 0, point, after
    live_through(rig)
    rows = find_cases(rig.store)
    assert [row.outcome for row in rows] == ["fixed"]
    assert rig.image == GOOD
    assert len(rig.cluster.written) == 1
    assert rig.store.verify().intact


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("point", range(1, RECORDS_OF_AN_UNDO + 1))
def test_an_undo_killed_at_any_ledger_write_happens_once(tmp_path, point, after):
    rig = MortalRig(tmp_path)
    rig.turn(8)
    rig.works.clear()
    rig.set_image(BAD)
    rig.store.seen, rig.store.die_at, rig.store.after = 0, point, after
    live_through(rig)
    first = find_cases(rig.store)[-1]
    assert first.outcome == "rolled-back"
    assert rig.image == BAD
    assert len(rig.cluster.written) == 2
    assert rig.store.verify().intact


@pytest.mark.parametrize("mishap", [Mishap.CRASH_BEFORE, Mishap.CRASH_AFTER])
@pytest.mark.parametrize("which", [1, 3], ids=["the fix", "the undo"])
def test_killed_around_a_cluster_write_it_happens_once(tmp_path, mishap, which):
    rig = MortalRig(tmp_path)
    rig.turn(8)
    if which == 3:
        rig.works.clear()
    rig.set_image(BAD)
    rig.cluster.mishaps.extend([None] * which + [mishap])  # dry run, fix, dry run, undo
    assert live_through(rig) == 1
    first = find_cases(rig.store)[-1]
    assert first.outcome == ("fixed" if which == 1 else "rolled-back")
    assert len(rig.cluster.written) == (1 if which == 1 else 2)


def test_the_points_above_are_all_there_are(tmp_path):
    fix, undo = MortalRig(tmp_path / "fix"), MortalRig(tmp_path / "undo")
    for rig in (fix, undo):
        rig.turn(8)
        rig.set_image(BAD)
        if rig is undo:
            rig.works.clear()
            rig.set_image(BAD)
        rig.store.seen = 0
        rig.until(State.CLOSED)
    assert fix.store.seen <= RECORDS_OF_A_FIX
    assert undo.store.seen <= RECORDS_OF_AN_UNDO
