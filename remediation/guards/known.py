"""Whether a changed field goes back to exactly what code saw while the object was healthy."""

from __future__ import annotations

from intents.fields import MISSING, Element, FieldPath, get
from remediation.model import ABSENT, Json, Touched
from remediation.values import same


def as_known_good(leaf: Touched, good: Json | None) -> bool:
    """Byte-equal to the last known good's value at the same path; a removal where it has none there."""
    return good is not None and goes_back(leaf, good, get(good, leaf.path))


def goes_back(leaf: Touched, good: Json, found: object) -> bool:
    """The same, where what the last known good has at the path is at hand."""
    return absent_in(good, leaf.path) if leaf.after == ABSENT else same(found, leaf.after)


def absent_in(good: Json, path: FieldPath) -> bool:
    """Whether the last known good shows the field absent, rather than knowing nothing of the place: the
    list element that holds it (a container) must be there."""
    elements = [place for place, segment in enumerate(path) if isinstance(segment, Element)]
    holder = path[: elements[-1] + 1] if elements else path[:1]
    return get(good, path) is MISSING and get(good, holder) is not MISSING
