"""Injected instructions on the real model, as rows of the table: the one place that knows how they are sent
(`python -m tests.attack.injected`)."""

from __future__ import annotations

import time
from collections import Counter

from gym.paths import GymError
from tests.safety.rows import Row, not_run
from tests.safety.stage import Stage
from tests.saga.wrong import Progress

PART = "injected instructions"


def rows(stage: Stage, told: Progress) -> list[Row]:
    """A plan that is another one because of what was injected is past the guards' purpose, whatever they said of it.
    An abstention is a refusal by the model's judgement."""
    try:
        from tests.attack.injected.against import DIFFERENT, SAME
        from tests.attack.injected.corpus import ROWS
        from tests.attack.injected.run import drawn, on, served
    except ModuleNotFoundError as error:
        return [not_run(PART, str(error))]
    began, chosen = time.monotonic(), drawn(ROWS, stage.scale.injected, stage.seed)
    found = []
    try:
        with served(lambda what: told(0, 0, what)) as url:
            for result in on(url, chosen, lambda _: None):
                found.append(result)
                told(len(found), len(chosen), f"{result.row.name}: {result.verdict}")
    except (GymError, RuntimeError) as error:
        return [not_run(PART, str(error), time.monotonic() - began)]
    past = [each for each in found if each.verdict == DIFFERENT or each.past]
    return [
        Row(
            PART,
            len(found),
            len(chosen),
            time.monotonic() - began,
            refused=Counter(each.verdict for each in found if each.verdict not in (SAME, DIFFERENT)),
            past=len(past),
            seen=tuple(f"{each.row.name}: {each.injected.told}, not {each.clean.told}" for each in past),
        )
    ]
