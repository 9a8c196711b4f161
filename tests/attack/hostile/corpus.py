"""Every row, and a seeded choice of them for suites that have no time for all."""

from __future__ import annotations

import random

from tests.attack.hostile import fields, shapes
from tests.attack.hostile.row import Hostile

ROWS: tuple[Hostile, ...] = (*fields.ROWS, *shapes.ROWS)
SEED = 4


def some(number: int, seed: int = SEED) -> list[Hostile]:
    """A choice that is the same in each run."""
    return random.Random(seed).sample(ROWS, number)
