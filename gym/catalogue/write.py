"""Variants as a folder of cases: `FAMILY/SCENARIO-SEED/` each, and the index.jsonl that lists them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from gym.cases.folder import INDEX
from gym.catalogue import CATALOGUE, FAMILIES
from gym.catalogue.base import Scenario
from gym.paths import GymError
from intents.explain import did_you_mean


def chosen(families: Sequence[str]) -> tuple[Scenario, ...]:
    """The scenarios of these families, all where none is named. Raises GymError for one that is not known."""
    for name in families:
        if name not in FAMILIES:
            raise GymError(f"there is no family {name!r}", did_you_mean(name, FAMILIES))
    return tuple(scenario for scenario in CATALOGUE if not families or scenario.family in families)


def write(scenarios: Iterable[Scenario], out: Path, *, seed: int, variants: int) -> int:
    """Write variants `seed`, `seed` + 1, ... of each scenario, and count the cases. Raises GymError where the
    folder holds anything already: a case of an earlier catalogue would be scored along."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise GymError(f"{out} is not empty", "Name a new folder, or delete it")
    rows = []
    for scenario in scenarios:
        for number in range(seed, seed + variants):
            folder = out / scenario.family / f"{scenario.name}-{number}"
            folder.mkdir(parents=True)
            for name, text in scenario.variant(number).items():
                (folder / name).write_text(text, encoding="utf-8")
            rows.append(scenario.index_row(number))
    out.mkdir(parents=True, exist_ok=True)
    lines = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
    (out / INDEX).write_text(lines, encoding="utf-8")
    return len(rows)
