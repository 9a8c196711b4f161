"""Spend: what all our changes of a day request beyond what was requested before, for one intent and for the
cluster (GrowthLimits). Each change may be small; together they must not fill a node.

What a change adds is counted here, stands in this guard's recorded inputs, and is read from there when the next
one asks. A change whose amount is not known stops the ones that would add more.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from intents.fields import parse_path
from remediation.guards.base import Change, GuardContext, Ruling
from remediation.guards.sizes import COUNTED, UnknownSizeError, added, amount, is_size
from remediation.model import Json, Verdict

TAKEN_BACK = frozenset({"refused", "rolled-back"})
"""Results after which nothing more is requested."""


class Spend:
    """Refuses what would take too much with what was taken before. An undo only gives back."""

    name = "spend"

    def judge(self, context: GuardContext) -> Verdict:
        ruling, limits = Ruling(self.name), context.limits.growth
        if context.is_rollback:
            return ruling.allow("Undo")
        try:
            adds = {name: size for name, size in added(context.plan, context.live).items() if size > 0}
        except UnknownSizeError as error:
            return ruling.refuse("Unknown", str(error))
        inputs: Json = {"adds": {name: format(size, "f") for name, size in adds.items()}}
        if not adds:
            return ruling.allow(**inputs)
        if context.intent is None:
            return ruling.refuse("NoIntent", "no intent gives a share", **inputs)
        since = context.now - limits.per
        recent = [c for c in context.charged if c.at > since and c.result not in TAKEN_BACK]
        ours = [change for change in recent if change.intent == context.intent.name]
        caps = {
            "intent": (ours, {"cpu": limits.intent_cpu, "memory": limits.intent_memory}),
            "cluster": (recent, {"cpu": limits.cluster_cpu, "memory": limits.cluster_memory}),
        }
        for whose, (changes, cap) in caps.items():
            for name, size in adds.items():
                try:
                    spent = _spent(changes, name)
                except UnknownSizeError as error:
                    return ruling.refuse("Unknown", str(error), **inputs)
                if spent + size > cap[name]:
                    said = f"{name} of the {whose}: {spent:f} and now {size:f} more, of {cap[name]:f}"
                    return ruling.refuse("Spent", said, **inputs)
        return ruling.allow(**inputs)


def _spent(changes: Iterable[Change], name: str) -> Decimal:
    assert name in COUNTED
    return sum((_of(change, name) for change in changes), Decimal(0))


def _of(change: Change, name: str) -> Decimal:
    if change.adds is not None:
        return amount(change.adds[name]) if name in change.adds else Decimal(0)
    if any(is_size(parse_path(path)) for path, _ in change.knobs):
        raise UnknownSizeError(f"what {change.operation_id} added is not known")
    return Decimal(0)


def adds_of(verdict_inputs: object) -> dict[str, str] | None:
    """What the inputs of a recorded verdict of this guard say that the change adds; None where they do not."""
    found = verdict_inputs.get("adds") if isinstance(verdict_inputs, dict) else None
    return {str(name): str(size) for name, size in found.items()} if isinstance(found, dict) else None
