"""What an incident is, and how a change's rightness is known: by what it sets, never by who proposed it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from detectors.model import Case, ObjectRef
from intents.fields import MISSING, get, parse_path
from intents.model import Intent
from remediation.candidates.base import sentence
from remediation.lastgood import manifest_of
from remediation.manifest import merge
from remediation.model import ABSENT, Candidate, Json, NoPlan, RawEvidence, Touched
from tuning.incidents.world import POD_SPEC, World

Test = Callable[[Any], bool]
Near = tuple[str, Any, str]
"""A change that looks right and is not: path, value, what is said for it."""


@dataclass(frozen=True)
class Unread:
    """What may be said by a reader whom the question shows none of the texts in `needs`: otherwise a number
    would be taught that the reader cannot know, and it would learn to make numbers up."""

    needs: tuple[str, ...]
    causes: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class Made:
    """What a family hands back beside the world that it changed.

    `causes` are true sentences for one cause; `telling` are texts whose evidence items name it. `fix` maps
    a field to the test of the value that mends it: a change heals where it passes every test. Empty: no
    change of this object mends it. `near` are changes that look right and are not (path, value, because).
    `repair` where no candidate is expected and the model must write: the field's path. `unread` where
    causes and why rest on a line that the question may leave out.
    """

    case: Case
    causes: tuple[str, ...]
    telling: tuple[str, ...]
    fix: Mapping[str, Test] = field(default_factory=dict)
    near: tuple[Near, ...] = ()
    repair: str = ""
    why: str = ""
    unread: Unread | None = None


Family = Callable[[World], Made]


@dataclass(frozen=True)
class Incident:
    """One finished incident with its truth."""

    id: str
    family: str
    case: Case
    raw: RawEvidence
    intent: Intent
    made: Made

    @property
    def mendable(self) -> bool:
        """Whether some change of the target mends it."""
        return bool(self.made.fix)

    def heals(self, manifest: Json) -> bool:
        """Whether this change mends the incident."""
        if not self.made.fix or self.raw.live is None:
            return False
        merged = merge(self.raw.live, manifest, self.case.target)
        if isinstance(merged, NoPlan):
            return False
        return all(test(get(merged, parse_path(path))) for path, test in self.made.fix.items())

    def near_misses(self) -> tuple[Candidate, ...]:
        """The changes that look right and are not; those that equal the live value are left out."""
        live = self.raw.live or {}
        found = []
        for number, (where, value, because) in enumerate(self.made.near):
            path = parse_path(where)
            now = get(live, path)
            change = Touched(path, ABSENT if now is MISSING else now, value)
            if change.before == value or value is None:
                continue
            manifest = manifest_of((change,), live)
            summary = sentence((change,), because, back=because == KNOWN_GOOD)
            found.append(Candidate(f"n{number}", "near-miss", self.case.target, summary, manifest))
        return tuple(found)


KNOWN_GOOD = "the last known good value"
EARLIER = "the value in revision 1, an earlier one"


def at(container: str, field_path: str) -> str:
    """A field of a container, from the object's root."""
    return f"{POD_SPEC}.containers[name={container}].{field_path}"


def equals(value: Any) -> Test:
    """The one right value."""
    return lambda got: bool(got == value)


def target_of(world: World) -> ObjectRef:
    """The Deployment as a reference."""
    return ObjectRef("Deployment", world.namespace, world.name, "uid-1")
