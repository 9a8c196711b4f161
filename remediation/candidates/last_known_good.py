"""Put fields back to what they were when the target, or an object that it uses, was last healthy."""

from __future__ import annotations

from collections.abc import Iterator

from remediation.candidates.base import Context, Proposal
from remediation.candidates.groups import put_back

ORIGIN = "last-known-good"
_WHY = "the last known good value"


def last_known_good(context: Context) -> Iterator[Proposal]:
    """Groups of fields of the target, then of related objects, that changed since they were good."""
    raw, target = context.raw, context.case.target
    pairs = [(target, raw.live, raw.last_known_good)]
    for ref in sorted(raw.related_good):
        live = next((obj for other, obj in raw.related.items() if other.key == ref.key), None)
        if ref.key != target.key:
            pairs.append((ref, live, raw.related_good[ref]))
    for ref, live, good in pairs:
        if live is not None and good is not None:
            yield from put_back(context, ref, live, good, origin=ORIGIN, because=_WHY, best=0.95)
