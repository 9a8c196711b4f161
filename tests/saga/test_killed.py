"""kill -9 of a real process on a real API server with a real ledger: a seeded part of `python -m tests.saga kills`,
and of its migrations."""

import random
import shutil
import tempfile
from pathlib import Path

import pytest

from tests.saga import migrating
from tests.saga.kills import AROUND_THE_UNDO, AROUND_THE_WRITE, SPREAD, Death, Trial, run_these
from tests.saga.scenarios import FIX, SCENARIOS, UNDO

SEED = 20261121
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
SOMEWHERE = ("opened/commit", "diagnosed+planned#3", "patch dry-run after", "held#2")


@pytest.fixture
def folder():
    """Short: a socket lies in it."""
    made = Path(tempfile.mkdtemp(prefix="saga"))
    yield made
    shutil.rmtree(made)


@pytest.mark.cluster
def test_killed_around_the_write_and_while_it_takes_orders_every_fault_is_mended_once(practice, folder):
    chance = random.Random(SEED)
    write, undo = chance.choice(AROUND_THE_WRITE), chance.choice(AROUND_THE_UNDO)
    trials = [
        Trial(FIX, (Death(chance.choice(SOMEWHERE)), Death("catalog-changed#1"), Death("applied#2"))),
        Trial(UNDO, (Death(write, chance.uniform(0, SPREAD)), Death(undo, chance.uniform(0, SPREAD)))),
        Trial(
            BY_NAME["repeated write"],
            (Death("guarded+apply-started/after"), Death("patch of earlier apply-started before")),
        ),
        Trial(BY_NAME["approve"], (Death("approved/after"),)),
        Trial(BY_NAME["kill switch"], (Death("kill-switch/commit"), Death("kill-switch-lifted#1"))),
        Trial(
            BY_NAME["recreation"],
            (Death("delete of apply-started after"), Death("create of earlier apply-started before")),
        ),
    ]
    tally, outcomes = run_these(practice, folder, trials)
    assert tally.wrong == []
    assert [outcome.died for outcome in outcomes] == [
        tuple(death.point for death in trial.deaths) for trial in trials
    ]


def test_killed_within_a_migration_the_ledger_opens_again_and_holds_every_row(tmp_path):
    found = migrating.run(tmp_path / "m", 1)
    assert found.wrong == []
    assert found.kills == found.points >= 30
