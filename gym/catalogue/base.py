"""What a scenario of the catalogue is, and the files of one variant of it.

A scenario is a pure function from seeded choices to a case in the format of docs/cases.md. The same seed gives
the same bytes. What a variant is called appears in no manifest, so that nothing in a cluster tells the answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import yaml

from gym.cases.model import CONTROL, Determinable, Tier
from gym.catalogue.draw import Draw
from gym.catalogue.sketch import Sketch

TWO_FAULTS, MISLEADING, PUBLISHED = "two-faults", "misleading", "published"
TAGS = frozenset({TWO_FAULTS, MISLEADING, PUBLISHED})
"""Two faults at once, both to be mended; what is seen first is not the cause; an incident that another healer
(kubemend) publishes as one that it mends."""

LACKS_RIGHT_ONE_IN = 4
"""Of the fixable variants, one in so many has the right change kept out of its candidates."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One way in which things go wrong, or only seem to.

    `fault_classes` are names of detectors' fault classes, as text: a scenario may be ahead of them. They are
    empty exactly for a control. `determinable` says whether the right change follows from what can be seen.
    `title` says what is wrong and `cure` what is right then, in words for people.
    """

    name: str
    family: str
    title: str
    cure: str
    tier: Tier
    determinable: Determinable
    fault_classes: tuple[str, ...]
    draw: Callable[[Draw, Sketch], None]
    tags: frozenset[str] = frozenset()

    @property
    def control(self) -> bool:
        """Whether nothing is wrong."""
        return not self.fault_classes

    def id(self, seed: int) -> str:
        """The case's id; its last part is the folder's name."""
        return f"catalogue/{self.name}-{seed}"

    def sketch(self, seed: int) -> Sketch:
        """What the seed makes of this scenario, as plain data."""
        draw = Draw(self.name, seed)
        sketch = Sketch(draw)
        self.draw(draw, sketch)
        return sketch

    def variant(self, seed: int) -> Mapping[str, str]:
        """The files of this scenario's case with this seed, by name."""
        sketch = self.sketch(seed)
        files = {
            "case.json": json.dumps(self._case(sketch, seed), indent=1, ensure_ascii=False) + "\n",
            "broken.yaml": _documents([*sketch.bad.values()]),
        }
        if sketch.inventory:
            files["inventory.yaml"] = _documents(sketch.inventory)
        if not self.control and self.determinable is not Determinable.NO:
            files["fixed.reference.yaml"] = _documents(sketch.reference())
            for number, objects in enumerate(sketch.alternatives, start=1):
                files[f"fixed.alternative{number}.yaml"] = _documents(objects)
            for number, objects in enumerate(sketch.mistakes, start=1):
                files[f"mistake{number}.yaml"] = _documents(objects)
        return files

    def _case(self, sketch: Sketch, seed: int) -> dict[str, Any]:
        return {
            "id": self.id(seed),
            "scenario": self.name,
            "family": self.family,
            "tags": sorted(self.tags),
            "fault_type": CONTROL if self.control else self.title,
            "fault_classes": list(self.fault_classes),
            "environment_tier": self.tier.value,
            "fix_determinable": self.determinable.value,
            "diagnosis_only": self.determinable is Determinable.NO,
            "candidates_lack_right": self.candidates_lack_right(seed),
            "cluster_context": {"nodes": sketch.nodes, "existing": sketch.existing},
            "simulated_symptom": sketch.symptoms or None,
            "expected_finding_source": sketch.findings,
            "expected_fix_source": self.cure,
            "violating": sketch.about,
            "assertions": sketch.assertions,
            "allowed_changes": sketch.allowed,
            "source": "catalogue",
        }

    def candidates_lack_right(self, seed: int) -> bool:
        """Whether this variant is one of those whose candidates lack the right change."""
        fixable = not self.control and self.determinable is not Determinable.NO
        return fixable and (crc32(self.name.encode()) + seed) % LACKS_RIGHT_ONE_IN == 0

    def index_row(self, seed: int) -> dict[str, Any]:
        """The case's line in index.jsonl."""
        return {
            "id": self.id(seed),
            "source": "catalogue",
            "fault_type": CONTROL if self.control else self.title,
            "environment_tier": self.tier.value,
            "fix_determinable": self.determinable.value,
            "diagnosis_only": self.determinable is Determinable.NO,
        }


def _documents(objects: list[dict[str, Any]]) -> str:
    """Objects as a YAML file, without aliases."""
    plain = json.loads(json.dumps(objects))
    return yaml.safe_dump_all(plain, sort_keys=False, allow_unicode=True, width=110)


# ---------------------------------------------------------------- the three sorts of scenarios

Drawn = Callable[[Draw, Sketch], None]


def fixable(
    name: str, family: str, classes: str, tier: Tier, title: str, cure: str, *tags: str, partial: bool = False
) -> Callable[[Drawn], Scenario]:
    """A fault whose right change follows from what can be seen; with `partial` there are several."""
    determinable = Determinable.PARTIAL if partial else Determinable.YES
    return _scenario(name, family, classes, tier, title, cure, tags, determinable)


def hopeless(
    name: str, family: str, classes: str, tier: Tier, title: str, cure: str, *tags: str
) -> Callable[[Drawn], Scenario]:
    """A fault that no change which follows from what can be seen would end: a person has to be called."""
    return _scenario(name, family, classes, tier, title, cure, tags, Determinable.NO)


def control(name: str, family: str, tier: Tier, title: str, cure: str) -> Callable[[Drawn], Scenario]:
    """Looks suspicious, and nothing is wrong: right is to leave it alone."""
    return _scenario(name, family, "", tier, title, cure, (), Determinable.YES)


def _scenario(
    name: str,
    family: str,
    classes: str,
    tier: Tier,
    title: str,
    cure: str,
    tags: tuple[str, ...],
    determinable: Determinable,
) -> Callable[[Drawn], Scenario]:
    def made(draw: Drawn) -> Scenario:
        return Scenario(
            name, family, title, cure, tier, determinable, tuple(classes.split()), draw, frozenset(tags)
        )

    return made
