"""One variant while it is made: healthy objects, what is set wrong in them, what is seen, what must hold after.

What a scenario breaks it breaks in a healthy object, so the right value is known, and the assertion, the field
that may change and the reference fix follow from one line.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from gym.cases.paths import parse, values_at
from gym.cases.state import Key, key_of
from gym.catalogue.draw import Draw
from gym.catalogue.objects import ABSENT, Json, earlier_revision, peers, put

Set = tuple[Json, str, Any]
"""An object, a path in it, and the value to put there (ABSENT: none)."""


class Sketch:
    """Fields are read by `base.files` when the scenario has drawn it."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        self.good: dict[Key, Json] = {}
        self.bad: dict[Key, Json] = {}
        self.inventory: list[Json] = []
        self.nodes: list[Json] = []
        self.existing: dict[str, Any] = {}
        self.assertions: list[Json] = []
        self.allowed: list[str] = []
        self.alternatives: list[list[Json]] = []
        self.mistakes: list[list[Json]] = []
        self.symptoms: list[Json] = []
        self.findings: list[str] = []
        self.about: list[Json] = []

    # ------------------------------------------------------------ what is there

    def applies(self, *objects: Json) -> None:
        """Objects of broken.yaml as they are."""
        for obj in objects:
            if key_of(obj) not in self.good:
                self.good[key_of(obj)] = copy.deepcopy(obj)
                self.bad[key_of(obj)] = copy.deepcopy(obj)
                if obj["kind"] == "StatefulSet":
                    self.stands(peers(obj))

    def stands(self, *objects: Json) -> None:
        """Objects beside them."""
        for obj in objects:
            if all(key_of(obj) != key_of(other) for other in self.inventory):
                self.inventory.append(copy.deepcopy(obj))
                if obj["kind"] == "StatefulSet":
                    self.stands(peers(obj))

    def had(self, deployment: Json) -> None:
        """The Deployment was like this in its revision before."""
        self.stands(earlier_revision(self.draw, deployment))

    # ------------------------------------------------------------ what is wrong and what would be right

    def breaks(
        self, good: Json, path: str, value: Any, *checks: Json, allow: str | Sequence[str] | None = None
    ) -> None:
        """Set a field of a healthy object wrong. Right is its value there, unless other checks say more; what
        may change is that field, unless `allow` opens more."""
        self.applies(good)
        right = values_at(self.good[key_of(good)], parse(path))
        put(self.bad[key_of(good)], path, value)
        self.assertions += checks or (
            [check("eq", good, path, value=right[0])] if right else [check("absent", good, path)]
        )
        self.allows(good, *([allow] if isinstance(allow, str) else allow or [path]))

    def demands(self, *checks: Json) -> None:
        """More that must hold."""
        self.assertions += checks

    def allows(self, obj: Json, *paths: str) -> None:
        """More that may change."""
        self.allowed += [f"{obj['kind']}/{obj['metadata']['name']}:{path}" for path in paths]

    def also_right(self, *changes: Set) -> None:
        """Another fix: the healthy objects with these differences."""
        self.alternatives.append(self._changed(self.good, changes))

    def mistake(self, *changes: Set) -> None:
        """A change that must not score as right: the broken objects with these differences."""
        self.mistakes.append(self._changed(self.bad, changes))

    def reference(self) -> list[Json]:
        """The objects of the fix that differ."""
        return [self.good[key] for key in self.good if self.good[key] != self.bad[key]]

    def _changed(self, base: dict[Key, Json], changes: Sequence[Set]) -> list[Json]:
        """The base with the changes, as far as it then differs from the broken objects; an object that is not
        of the base is taken from the inventory."""
        known = {**{key_of(obj): obj for obj in self.inventory}, **self.bad}
        state = copy.deepcopy({**{key_of(obj): obj for obj in self.inventory}, **base})
        for obj, path, value in changes:
            put(state[key_of(obj)], path, value)
        return [obj for key, obj in state.items() if obj != known[key]]

    # ------------------------------------------------------------ what is seen and what should be said

    def shows(self, obj: Json, **symptom: Any) -> None:
        """What the pods of this workload show."""
        self.symptoms.append({"target": target(obj), **symptom})

    def finds(self, obj: Json, *sentences: str) -> None:
        """What a right diagnosis says, and what about; what identifies the fault stands in backticks."""
        self.about.append(target(obj))
        self.findings += sentences


def target(obj: Json) -> Json:
    """The object as assertions name it."""
    return {"kind": obj["kind"], "name": obj["metadata"]["name"]}


def check(op: str, obj: Json, path: str | None = None, **more: Any) -> Json:
    """One assertion about an object."""
    found: Json = {"op": op, "target": target(obj)}
    return {**found, **({"path": path} if path is not None else {}), **more}


def any_of(*checks: Json) -> Json:
    """One of these."""
    return {"anyOf": list(checks)}


__all__ = ["ABSENT", "Set", "Sketch", "any_of", "check", "target"]
