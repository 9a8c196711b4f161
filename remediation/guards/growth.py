"""Growth: replicas, requests and limits grow by a factor at most, at once and over a day (GrowthLimits).

The bounds of an intent are often wide, because nobody knows the right value; this keeps a wrong zero, or ten
doublings in a row, from taking a node. Going back to the last known good is no growth, and neither is what an
intent's own manifest states. What cannot be read as an amount is refused, and so is taking a limit away.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal

from intents.fields import MISSING, format_path, get
from remediation.guards.base import GuardContext, Ruling
from remediation.guards.editable import desired_manifest
from remediation.guards.known import goes_back
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
        sizes = [leaf for leaf in context.plan.touched if is_size(leaf.path)]
        starts = _starts(context) if sizes else {}
        stated = _stated(context)
        for leaf in sizes:
            inputs["sizes"].append(str(leaf))
            try:
                wrong = _check(leaf, context, starts, stated)
            except UnknownSizeError as error:
                wrong = "Unknown", f"{format_path(leaf.path)}: {error}"
            if wrong is not None:
                return ruling.refuse(*wrong, **inputs)
        return ruling.allow(**inputs)


def _check(
    leaf: Touched, context: GuardContext, starts: Mapping[str, str | None], stated: Json | None
) -> Wrong | None:
    good, limits = context.last_known_good, context.limits.growth
    found = get(good, leaf.path)
    if good is not None and goes_back(leaf, good, found):
        return None
    wish = MISSING if stated is None else get(stated, leaf.path)
    if leaf.after != ABSENT and same_value(wish, leaf.after, leaf.path):
        return None
    if is_map_of_sizes(leaf.path):
        return None if _nothing(leaf.before) and _nothing(leaf.after) else ("Unknown", str(leaf))
    if leaf.after == ABSENT or (_is_limit(leaf) and as_number(leaf.after) == 0):
        return "Unlimited", f"{leaf}: nothing would bound it any more"
    now, then = before(leaf), amount(leaf.after)
    if then <= now:
        return None
    small, known = floor(leaf.path, limits), as_number(found)
    base = max(now, known) if known is not None and known.is_finite() else now
    if then > max(base * limits.at_once, small):
        return "TooMuchAtOnce", f"{leaf}: more than {limits.at_once} times what it was"
    start = _start(leaf, starts)
    if then > max((base if start is None else start) * limits.in_window, small):
        hours = f"{limits.per / 3600:g} h"
        return "TooMuchInWindow", f"{leaf}: more than {limits.in_window} times what it was {hours} ago"
    return None


def _starts(context: GuardContext) -> dict[str, str | None]:
    """What each field was, as canonical JSON, before our first change of it in the window; None where that is
    not known."""
    since = context.now - context.limits.growth.per
    ours = [c for c in context.charged_here if c.at > since and c.result != "refused"]
    found: dict[str, str | None] = {}
    for change in sorted(ours, key=lambda change: change.at, reverse=True):  # the oldest has the last word
        was = dict(change.was)
        found |= {path: was.get(path) for path, _ in change.knobs}
    return found


def _start(leaf: Touched, starts: Mapping[str, str | None]) -> Decimal | None:
    """The field's amount at the window's start; None where we did not change it since."""
    path = format_path(leaf.path)
    if path not in starts:
        return None
    was = starts[path]
    if was is None:
        raise UnknownSizeError("what it was before our last change of it is not known")
    return before(Touched(leaf.path, ABSENT if was == ABSENT else json.loads(was), leaf.after))


def _stated(context: GuardContext) -> Json | None:
    """The intent's own manifest of the target."""
    target = context.plan.target
    return None if context.intent is None else desired_manifest(context.intent, target.kind, target.name)


def _is_limit(leaf: Touched) -> bool:
    match leaf.path:
        case (*_, "limits", str()) | (*_, "sizeLimit"):
            return True
        case _:
            return False


def _nothing(value: object) -> bool:
    return value in (ABSENT, None, {}, [])
