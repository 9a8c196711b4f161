"""What stood around a change when it was written, and what that says once the change seems to have helped.

Two questions that the changed object alone cannot answer, both decided on its namespace:
 * Harm: is something broken now that was whole when we wrote, and that nobody has changed since? Then the
   change is not a fix, whatever it did for its own target.
 * Attribution: did everything recover that was broken in the same way, and that nobody touched? Then
   something else mended it (a registry came back), and the change proves nothing about itself.

Pure: both moments are values. The first is kept in the row that announces the write, so a restart between
write and proof forgets nothing. What was settling at the write (rolling out, say) can neither be harmed nor
serve as a control.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from detectors.model import CaseKey
from remediation.verify import Progress, Verification

Key = tuple[str, str, str]
"""Kind, namespace and name of an object."""

NAMED = 5
"""Neighbours that a reason names; the rest are counted."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """One namespace at one moment. `generations` holds every observed workload and Service of it, with 0 where
    the kind has no generation; `unsettled` what could not be told either way, `unjudged` the intents of which a
    part could not be judged."""

    broken: Mapping[CaseKey, frozenset[str]] = field(
        default_factory=dict
    )  # fault classes by intent and target
    unsettled: frozenset[CaseKey] = frozenset()
    unjudged: frozenset[str] = frozenset()
    generations: Mapping[Key, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """For the ledger."""
        return {
            "broken": [[*key, sorted(classes)] for key, classes in sorted(self.broken.items())],
            "unsettled": [list(key) for key in sorted(self.unsettled)],
            "unjudged": sorted(self.unjudged),
            "generations": [[*key, number] for key, number in sorted(self.generations.items())],
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Neighbours:
        """What `to_json` made."""
        return cls(
            {CaseKey(*row[:4]): frozenset(row[4]) for row in stored["broken"]},
            frozenset(CaseKey(*row) for row in stored["unsettled"]),
            frozenset(stored["unjudged"]),
            {(row[0], row[1], row[2]): int(row[3]) for row in stored["generations"]},
        )


def harmed(
    before: Neighbours, now: Neighbours, ours: CaseKey, changed: Collection[Key]
) -> tuple[CaseKey, ...]:
    """What is broken now, was whole at the write, and was changed by nobody but us (`changed`) since. A fault
    of the case itself (`ours`) is verification's; another intent's fault on the same object is not."""
    return tuple(
        key
        for key in sorted(now.broken)
        if key != ours
        and key not in before.broken
        and key not in before.unsettled
        and (key[1:] in changed or _untouched(before, now, key[1:]))
    )


def controls(
    before: Neighbours, now: Neighbours, ours: CaseKey, changed: Collection[Key], fault_class: str
) -> tuple[CaseKey, ...]:
    """What was broken in the same way on the same kind of object at the write, still exists, and was changed by
    nobody since."""
    return tuple(
        key
        for key, classes in sorted(before.broken.items())
        if key.kind == ours.kind
        and key[1:] not in {ours[1:], *changed}
        and fault_class in classes
        and key[1:] in now.generations
        and _untouched(before, now, key[1:])
    )


def attribute(
    held: Verification,
    before: Neighbours,
    now: Neighbours,
    ours: CaseKey,
    changed: Collection[Key],
    fault_class: str,
    *,
    patient: bool,
) -> Verification:
    """Judge a proof by what stands around it; every other verification is answered as it came. `patient`: there
    is time left for a neighbour that only stumbled."""
    if held.state is not Progress.HELD:
        return held
    if new := harmed(before, now, ours, changed):
        said = f"newly broken since the change: {_names(new, now)}"
        return Verification(Progress.WAITING if patient else Progress.SPREAD, said)
    alike = controls(before, now, ours, changed, fault_class)
    if alike and all(_whole(now, key) for key in alike):
        names = ", ".join(f"{key.kind}/{key.name}" for key in alike[:NAMED])
        said = f"{held.reason}, but {names} had {fault_class} too and recovered without a change"
        return Verification(Progress.UNPROVEN, said)
    return held


def _whole(now: Neighbours, key: CaseKey) -> bool:
    return key not in now.broken and key not in now.unsettled and key.intent not in now.unjudged


def _untouched(before: Neighbours, now: Neighbours, key: Key) -> bool:
    """Whether an object is of the generation that it was: what came, went or was edited since speaks for itself.
    Kinds that are not observed cannot be told, so they count as untouched."""
    return before.generations.get(key) == now.generations.get(key)


def _names(keys: Collection[CaseKey], now: Neighbours) -> str:
    shown = [f"{key.kind}/{key.name} ({', '.join(sorted(now.broken[key]))})" for key in list(keys)[:NAMED]]
    more = len(keys) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
