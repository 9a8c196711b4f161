"""kill -9 of a real process on a real API server with a real ledger: a seeded part of `python -m tests.saga kills`."""

import random
import shutil
import tempfile
from pathlib import Path

import pytest

from tests.saga.kills import AROUND_THE_WRITE, Trial, run, trials_around

SEED = 20261121
SOMEWHERE = ("opened/commit", "diagnosed+planned#3", "patch dry-run after", "held#2", "daemon-started/commit")
ON_THE_WAY_BACK = ("rollback-started/after", "rolled-back#3")


@pytest.fixture
def folder():
    """Short: a socket lies in it."""
    made = Path(tempfile.mkdtemp(prefix="saga"))
    yield made
    shutil.rmtree(made)


@pytest.mark.cluster
def test_killed_around_the_write_and_elsewhere_every_fault_is_mended_once(practice, folder):
    chance = random.Random(SEED)
    trials = [
        *chance.sample(trials_around(4, chance), 3),
        Trial(chance.choice(SOMEWHERE)),
        Trial(chance.choice(ON_THE_WAY_BACK), undo=True),
    ]
    tally = run(practice, folder, trials, lanes=1)
    assert tally.wrong == []
    assert tally.kills == len(trials)
    assert set(tally.points) >= {*AROUND_THE_WRITE, *SOMEWHERE, *ON_THE_WAY_BACK}
