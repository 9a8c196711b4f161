"""One cause, one case at a time: which of the cases that share a cause is worked on, and which wait for it.

Two shapes. A node or a claim is broken itself: its own case stands for all, and theirs wait as long as it is broken.
An image or a ConfigMap is not judged: the case already open is worked on, else the most harmful, and the others wait
until it ended, proven or handed to a person; then the next one's turn comes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from detectors.model import Case, CaseKey, CaseReason, Cause, ObjectRef, Settling

NOBODY_LEADS: Mapping[Cause, CaseKey] = MappingProxyType({})
MAY_WAIT = frozenset({CaseReason.MENDABLE, CaseReason.NO_TARGET})


def on_objects(cases: Iterable[Case], settling: Iterable[Settling]) -> Mapping[CaseKey, CaseKey | None]:
    """The cases that a broken node or claim explains, each with that object's own case: None while the object only
    settles (a node that fell silent seconds ago), which is waited for too. An object of which nothing is said explains
    nothing here: nobody would be told."""
    own: dict[tuple[str, str, str], CaseKey | None] = {settles.target.key: None for settles in settling}
    for case in sorted(cases, key=lambda case: case.key, reverse=True):
        own[case.target.key] = case.key
    return {
        case.key: own[key]
        for case in cases
        if case.cause is not None and (key := tuple(case.cause)) in own and key != case.target.key
    }


def one_at_a_time(
    cases: Sequence[Case],
    by_object: Mapping[CaseKey, CaseKey | None],
    leading: Mapping[Cause, CaseKey] = NOBODY_LEADS,
    ended: Collection[CaseKey] = (),
) -> tuple[Case, ...]:
    """The cases in their order, those that have to wait as SAME_CAUSE, and each first one with who waits for it.
    `ended` are cases that are over though the fault is not: they are first only where nobody else is left. Two intents
    about one object do not wait for each other: each has its own rules, and writes are one at a time anyway."""
    held = {case.key for case in cases if case.reason is CaseReason.PAUSED_BY_OWNER}
    now = {case.key: case.cause for case in cases}
    first = {cause: key for cause, key in leading.items() if key not in held and now.get(key, cause) == cause}
    sharing = [case for case in cases if case.cause is not None and case.reason in MAY_WAIT]
    waits: dict[CaseKey, CaseKey | None] = {}
    for case in sorted(sharing, key=lambda case: case.key in ended):
        assert case.cause is not None
        if case.key in by_object:
            waits[case.key] = by_object[case.key]
        elif (leader := first.setdefault(case.cause, case.key))[1:] != case.key[1:]:
            waits[case.key] = leader
    others: dict[CaseKey, list[ObjectRef]] = {}
    for case in cases:
        if (key := waits.get(case.key)) is not None:
            others.setdefault(key, []).append(case.target)
    return tuple(_placed(case, waits, others) for case in cases)


def _placed(
    case: Case, waits: Mapping[CaseKey, CaseKey | None], others: Mapping[CaseKey, Sequence[ObjectRef]]
) -> Case:
    if case.key in waits:
        return replace(case, reason=CaseReason.SAME_CAUSE, first=waits[case.key])
    if case.key in others:
        return replace(case, others=tuple(dict.fromkeys(others[case.key])))
    return case
