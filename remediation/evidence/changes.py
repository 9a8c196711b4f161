"""What changed since the target was last healthy: for most faults the most telling evidence there is."""

from __future__ import annotations

from collections.abc import Iterator

from detectors.model import Case, ObjectRef
from remediation.evidence.draft import Draft
from remediation.lastgood import differences
from remediation.model import EvidenceKind, Json, RawEvidence, Touched
from remediation.words import describe, show_word

K = EvidenceKind.LAST_KNOWN_GOOD
_MOST = 6


def change_items(case: Case, raw: RawEvidence) -> Iterator[Draft]:
    """One item a changed field; one that says so where nothing changed or no healthy version is known."""
    name = f"{case.target.kind} {case.target.name}"
    if raw.live is None:
        return
    if raw.last_known_good is None:
        yield Draft(K, str(case.target), f"no healthy version of {name} was ever seen", 0.5)
    else:
        found = differences(raw.live, raw.last_known_good)
        if not found:
            yield Draft(K, str(case.target), f"nothing in {name} changed since it was healthy", 0.6)
        yield from _items(case.target, found)
    for ref in sorted(raw.related_good):
        live = _live_of(raw, ref)
        if live is not None:
            yield from _items(ref, differences(live, raw.related_good[ref]))


def _live_of(raw: RawEvidence, ref: ObjectRef) -> Json | None:
    return next((obj for other, obj in raw.related.items() if other.key == ref.key), None)


def _items(ref: ObjectRef, found: tuple[Touched, ...]) -> Iterator[Draft]:
    for index, change in enumerate(found[:_MOST]):
        text = f"changed in {ref.kind} {ref.name}: {describe(change.path)} was {show_word(change.after)} when healthy, is {show_word(change.before)} now"
        yield Draft(K, str(ref), text, max(0.9 - 0.05 * index, 0.3))
