"""Editable: every field that changes is one that the intent opens, and its new value is inside the bounds.

Decided here, because the intent's language leaves it open:
 * Removing a field is allowed only where the last known good has none: bounds speak of values, and a missing
   limit is no value within them.
 * A limit of zero is how Kubernetes spells "no limit": it is a removal, not a small value.
 * Bounds on a list or a map mean nothing, so such a value passes only an entry without bounds.
 * A field of an intent's desired manifest may be put to exactly the value that the manifest states; nothing
   else needs to open it. Creating follows the same rule for the whole object.
 * An undo may only put back what its fix changed, whatever the bounds say of the old value.
"""

from __future__ import annotations

import json
from decimal import Decimal
from functools import lru_cache
from typing import Any

from intents.fields import FieldPath, covers, format_path, get, parse_path
from intents.model import Editable as Entry
from intents.model import Intent, ManifestDesired
from intents.patterns import full_match
from intents.units import parse_quantity
from remediation.guards.base import GuardContext, Ruling
from remediation.guards.known import as_known_good
from remediation.merge_keys import is_quantity
from remediation.model import ABSENT, Create, Delete, Json, Touched, Verdict
from remediation.quantity import as_number, canonical_quantity
from remediation.undo import undo_covers
from remediation.values import same, same_value


class Editable:
    """Refuses a change of a field that nobody opened, or beyond its bounds."""

    name = "editable"

    def judge(self, context: GuardContext) -> Verdict:
        ruling, plan = Ruling(self.name), context.plan
        inputs: Json = {"touched": [format_path(leaf.path) for leaf in plan.touched]}
        if context.undoes is not None:
            return _undo(context, ruling, inputs)
        if context.intent is None:
            return ruling.refuse("NoIntent", "no intent opens any field", **inputs)
        if isinstance(plan, Delete):
            return ruling.refuse("NotOpened", "no intent opens a deletion", **inputs)
        desired = desired_manifest(context.intent, plan.target.kind, plan.target.name)
        if isinstance(plan, Create):
            stated = desired is not None and _states(desired, plan.manifest)
            return (
                ruling.allow("Desired")
                if stated
                else ruling.refuse("NotDesired", "no intent states this manifest")
            )
        if not plan.touched:
            return ruling.refuse("Empty", "the plan changes nothing", **inputs)
        entries = [
            (parse_path(entry.path), entry)
            for entry in context.intent.spec.editable
            if entry.kind == plan.target.kind
        ]
        for leaf in plan.touched:
            if (
                desired is not None
                and leaf.after != ABSENT
                and same_value(get(desired, leaf.path), leaf.after, leaf.path)
            ):
                continue
            wrong = _check(leaf, entries, context.last_known_good)
            if wrong is not None:
                return ruling.refuse(*wrong, **inputs)
        return ruling.allow(**inputs)


def _undo(context: GuardContext, ruling: Ruling, inputs: dict[str, Any]) -> Verdict:
    fix, plan = context.undoes, context.plan
    assert fix is not None
    if isinstance(plan, Delete):
        if isinstance(fix, Create) and fix.target.key == plan.target.key:
            return ruling.allow("Undo", **inputs)
        return ruling.refuse("NotOurs", "only what we created is deleted", **inputs)
    before = {leaf.path: leaf.before for leaf in fix.touched}
    for leaf in plan.touched:
        back = same(leaf.after, before[leaf.path]) if leaf.path in before else leaf.after == ABSENT
        if not (undo_covers(fix, leaf.path) and back):
            return ruling.refuse("NotOurs", f"the fix did not change {leaf}", **inputs)
    return ruling.allow("Undo", **inputs)


def desired_manifest(intent: Intent, kind: str, name: str) -> Json | None:
    for expectation in intent.spec.expectations:
        if isinstance(expectation, ManifestDesired):
            manifest = expectation.manifest
            if manifest["kind"] == kind and manifest["metadata"]["name"] == name:
                return manifest
    return None


def _states(desired: Json, manifest: Json) -> bool:
    """Whether this is the intent's manifest, with the namespace written in where it was left out."""
    meta = {"namespace": manifest.get("metadata", {}).get("namespace"), **desired["metadata"]}
    return same({**desired, "metadata": meta}, manifest)


Wrong = tuple[str, str]


def _check(leaf: Touched, entries: list[tuple[FieldPath, Entry]], good: Json | None) -> Wrong | None:
    opened = [entry for path, entry in entries if covers(path, leaf.path)]
    if not opened:
        return "NotOpened", f"no entry of the intent opens {format_path(leaf.path)}"
    if leaf.after == ABSENT:
        return (
            None
            if as_known_good(leaf, good)
            else ("Removal", f"{leaf}: the last known good does not show it absent")
        )
    if is_quantity(leaf.path) and (wrong := _uncanonical(leaf)) is not None:
        return wrong
    if _unlimited(leaf) and not as_known_good(leaf, good):
        return "Unlimited", f"{leaf}: zero takes the limit away"
    reasons = [_outside(leaf.after, entry) for entry in opened]
    if None in reasons:
        return None
    return "OutOfBounds", f"{leaf}: {'; '.join(reason for reason in reasons if reason)}"


def _unlimited(leaf: Touched) -> bool:
    match leaf.path:
        case (*_, "limits", str()) | (*_, "sizeLimit"):
            return as_number(leaf.after) == 0
        case _:
            return False


def _uncanonical(leaf: Touched) -> Wrong | None:
    """The server would store another spelling than the one reviewed, or refuse."""
    try:
        spelling = canonical_quantity(leaf.after)
    except (ValueError, TypeError):
        return "NotAQuantity", str(leaf)
    if spelling != leaf.after or spelling.startswith("-"):
        return "NotAQuantity", f"{leaf}: the server would store {spelling}"
    return None


def _outside(value: Any, entry: Entry) -> str | None:
    """Why the value is not within the entry's bounds, or None. A value that bounds cannot be applied to is
    outside."""
    low, high = _bound(entry.min), _bound(entry.max)
    bounded = low is not None or high is not None or entry.pattern is not None or entry.values is not None
    if isinstance(value, dict | list):
        return "bounds cannot be applied to it" if bounded else None
    if value is None or isinstance(value, float):
        return "it is no value that Kubernetes stores"
    if low is not None or high is not None:
        number = as_number(value)
        if number is None or not number.is_finite():
            return "it is no number"
        if (low is not None and number < low) or (high is not None and number > high):
            return f"not within {entry.min or '-'} and {entry.max or '-'}"
    text = value if isinstance(value, str) else json.dumps(value)
    if entry.pattern is not None and not full_match(entry.pattern)(text):
        return f"does not match {entry.pattern}"
    if entry.values is not None and text not in entry.values:
        return f"is not one of {', '.join(entry.values)}"
    return None


@lru_cache(maxsize=256)  # a few bounds, asked for each field
def _bound(text: str | None) -> Decimal | None:
    return None if text is None else parse_quantity(text)
