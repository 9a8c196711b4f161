"""Growth: replicas, requests and limits grow by a factor at most, at once and over a day (GrowthLimits).

The bounds of an intent are often wide, because nobody knows the right value; this keeps a wrong zero, or ten
doublings in a row, from taking a node. Going back to the last known good is no growth, and neither is what an
intent's own manifest states. What cannot be read as an amount is refused, and so is taking a limit away.
"""

from __future__ import annotations

import json
from decimal import Decimal

from intents.fields import format_path, get
from remediation.guards.base import GuardContext, Ruling
from remediation.guards.editable import desired_manifest
from remediation.guards.known import as_known_good
from remediation.guards.sizes import UnknownSizeError, amount, before, floor, is_map_of_sizes, is_size
from remediation.model import ABSENT, Create, Json, Touched, Verdict
from remediation.quantity import as_number
from remediation.values import same_value

Wrong = tuple[str, str]


class Growth:
    """Refuses too much of more."""

    name = "growth"

    def judge(self, context: GuardContext) -> Verdict:
        ruling, limits = Ruling(self.name), context.limits.growth
        if context.is_rollback:
            return ruling.allow("Undo")
        if isinstance(context.plan, Create):
            return ruling.allow("Desired")
        inputs: Json = {"at_once": str(limits.at_once), "in_window": str(limits.in_window), "sizes": []}
        for leaf in context.plan.touched:
            if not is_size(leaf.path):
                continue
            inputs["sizes"].append(str(leaf))
            try:
                wrong = _check(leaf, context)
            except UnknownSizeError as error:
                wrong = "Unknown", f"{format_path(leaf.path)}: {error}"
            if wrong is not None:
                return ruling.refuse(*wrong, **inputs)
        return ruling.allow(**inputs)


def _check(leaf: Touched, context: GuardContext) -> Wrong | None:
    good, limits = context.last_known_good, context.limits.growth
    if as_known_good(leaf, good) or _desired(leaf, context):
        return None
    if is_map_of_sizes(leaf.path):
        return None if _nothing(leaf.before) and _nothing(leaf.after) else ("Unknown", str(leaf))
    if leaf.after == ABSENT or (_is_limit(leaf) and as_number(leaf.after) == 0):
        return "Unlimited", f"{leaf}: nothing would bound it any more"
    now, then = before(leaf), amount(leaf.after)
    if then <= now:
        return None
    small, known = floor(leaf.path, limits), as_number(get(good, leaf.path)) if good else None
    base = max(now, known) if known is not None and known.is_finite() else now
    if then > max(base * limits.at_once, small):
        return "TooMuchAtOnce", f"{leaf}: more than {limits.at_once} times what it was"
    start = _first_in_window(leaf, context)
    if then > max((base if start is None else start) * limits.in_window, small):
        hours = f"{limits.per / 3600:g} h"
        return "TooMuchInWindow", f"{leaf}: more than {limits.in_window} times what it was {hours} ago"
    return None


def _first_in_window(leaf: Touched, context: GuardContext) -> Decimal | None:
    """What the field was before our first change of it in the window; None where we made none."""
    path, key = format_path(leaf.path), context.plan.target.key
    since = context.now - context.limits.growth.per
    ours = [
        change
        for change in context.charged
        if change.key == key
        and change.result != "refused"
        and change.at > since
        and path in dict(change.knobs)
    ]
    if not ours:
        return None
    was = dict(min(ours, key=lambda change: change.at).was).get(path)
    if was is None:
        raise UnknownSizeError("what it was before our last change of it is not known")
    return before(Touched(leaf.path, ABSENT if was == ABSENT else json.loads(was), leaf.after))


def _desired(leaf: Touched, context: GuardContext) -> bool:
    if context.intent is None or leaf.after == ABSENT:
        return False
    stated = desired_manifest(context.intent, context.plan.target.kind, context.plan.target.name)
    return stated is not None and same_value(get(stated, leaf.path), leaf.after, leaf.path)


def _is_limit(leaf: Touched) -> bool:
    match leaf.path:
        case (*_, "limits", str()) | (*_, "sizeLimit"):
            return True
        case _:
            return False


def _nothing(value: object) -> bool:
    return value in (ABSENT, None, {}, [])
