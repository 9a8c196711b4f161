"""What generators share: the context of a case, and the way from changed fields to a Candidate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from detectors.model import Case, ObjectRef
from intents.fields import MISSING, Element, FieldPath, get
from intents.model import Intent
from remediation.model import ABSENT, Evidence, Json, RawEvidence, Touched
from remediation.words import describe, show_word


@dataclass(frozen=True, slots=True)
class Context:
    """One case, its evidence (redacted already) and its intent."""

    case: Case
    raw: RawEvidence
    evidence: Evidence
    intent: Intent

    @property
    def live(self) -> Json:
        """The target as read; empty where it is absent."""
        return self.raw.live or {}

    def related(self, kind: str) -> Iterator[tuple[ObjectRef, Json]]:
        """Gathered objects of a kind, by name."""
        for ref in sorted(self.raw.related):
            if ref.kind == kind:
                yield ref, self.raw.related[ref]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change as a generator found it. `rank` 0..1 makes the code's own order (1: the evidence names
    it); `because` ends the summary; `needles` find the evidence items that it rests on."""

    origin: str
    rank: float
    changes: tuple[Touched, ...]
    summary: str
    target: ObjectRef | None = None  # the case's target where left out
    needles: tuple[str, ...] = ()


class Generator(Protocol):
    """One way to find changes. Pure; yields nothing where it has nothing to say."""

    def __call__(self, context: Context) -> Iterator[Proposal]:
        """Proposals in any order."""


def change_to(live: Json, path: FieldPath, after: object) -> Touched:
    """The change that puts `after` at the path.

    Lists without a merge key are replaced whole: where the path goes through one by position, the change
    is the list with that one value in it.
    """
    for index, segment in enumerate(path):
        if isinstance(segment, Element) and segment.index is not None:
            before = get(live, path[:index])
            return Touched(path[:index], before, _with(before, path[index:], after))
    before = get(live, path)
    return Touched(path, ABSENT if before is MISSING else before, after)


def _with(node: Any, path: FieldPath, value: object) -> Any:
    """A copy of the node with the value at the path, which must exist in it."""
    if not path:
        return value
    segment, rest = path[0], path[1:]
    if isinstance(segment, Element):
        return [_with(item, rest, value) if at == segment.index else item for at, item in enumerate(node)]
    return {**node, segment: _with(node.get(segment), rest, value)}


def sentence(changes: tuple[Touched, ...], because: str, *, back: bool = False) -> str:
    """The summary, such as: Set the image of container app from x:2 back to x:1 (the last known good value)."""
    parts = [_clause(change, back=back) for change in changes[:3]]
    more = f" and {len(changes) - 3} more fields" if len(changes) > 3 else ""
    text = "; ".join(parts) + more
    return f"{text[0].upper()}{text[1:]} ({because})."


def _clause(change: Touched, *, back: bool) -> str:
    name = describe(change.path)
    if change.after == ABSENT:
        return f"remove the {name}, now {show_word(change.before)}"
    to = "back to" if back else "to"
    if change.before == ABSENT:
        return f"set the {name} {to} {show_word(change.after)}, it is not set now"
    return f"set the {name} from {show_word(change.before)} {to} {show_word(change.after)}"
