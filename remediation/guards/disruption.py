"""Disruption: a change must not take away pods that serve where a PodDisruptionBudget, or the number that must
stay, forbids it.

The Kubernetes controllers do not ask PodDisruptionBudgets when they roll out, so we do: a rollout that may take
n available pods away at once needs n disruptions from every budget that selects them. At least one pod stays,
and as many as the intent itself wants available; a person's approval lifts that, not the budget. A workload
with nothing available has nothing to lose. An undo is let through: it was weighed with its fix, and the way
back takes the same pods as leaving it half done.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from detectors.model import Gap, Turn
from intents.fields import FieldPath, get
from intents.model import ReplicasAtLeast
from remediation.guards.base import GuardContext, Ruling
from remediation.guards.rollout import UnknownRolloutError, loss, replaces_pods
from remediation.model import Json, Verdict


class Disruption:
    """Refuses to take away pods that serve."""

    name = "disruption"

    def judge(self, context: GuardContext) -> Verdict:
        ruling, plan, live = Ruling(self.name), context.plan, context.live
        if context.is_rollback:
            return ruling.allow("Undo")
        if live is None or not replaces_pods(plan):
            return ruling.allow("NoRestart")
        try:
            available, lost = loss(plan, live)
        except UnknownRolloutError as error:
            return ruling.refuse("StatusUnknown", str(error))
        inputs: Json = {"available": available, "lost": lost}
        if lost == 0:
            return ruling.allow("TakesNone", **inputs)
        found = context.surroundings.disruption_budgets
        if isinstance(found, Gap):
            reason = "BudgetsUnknown" if found.turn is Turn.OURS else "BudgetsForbidden"
            return ruling.refuse(reason, f"PodDisruptionBudgets: {found.message}", **inputs)
        if found is None:
            return ruling.refuse("BudgetsUnknown", "PodDisruptionBudgets were not read", **inputs)
        for budget in _selecting(found, live):
            name, left = get(budget, ("metadata", "name")), _allowed(budget)
            if left < lost:
                said = f"PodDisruptionBudget {name} allows {left}, the rollout may take {lost} at once"
                return ruling.refuse("DisruptionBudget", said, budget=name, allowed_now=left, **inputs)
        stay = _must_stay(context)
        inputs["must_stay"] = stay
        if available - lost < stay and not context.approved:
            said = f"{lost} of {available} available pods may go at once, {stay} must stay: a person has to approve"
            return ruling.refuse("TakesServingPods", said, **inputs)
        return ruling.allow(**inputs)


def _must_stay(context: GuardContext) -> int:
    expectations = context.intent.spec.expectations if context.intent else ()
    return max([1, *(wish.count for wish in expectations if isinstance(wish, ReplicasAtLeast))])


def _selecting(budgets: Sequence[Json], live: Json) -> list[Json]:
    inside: FieldPath = () if live.get("kind") == "Pod" else ("spec", "template")
    labels = get(live, (*inside, "metadata", "labels"))
    of_pods = labels if isinstance(labels, dict) else {}
    return [budget for budget in budgets if _selects(get(budget, ("spec", "selector")), of_pods)]


def _allowed(budget: Json) -> int:
    """The server's own number; none where its controller has not looked at this version yet."""
    left, seen = get(budget, ("status", "disruptionsAllowed")), get(budget, ("status", "observedGeneration"))
    current = seen == get(budget, ("metadata", "generation"))
    return left if current and isinstance(left, int) and not isinstance(left, bool) else 0


def _selects(selector: Any, labels: Json) -> bool:
    """A LabelSelector as policy/v1 means it: an empty one selects every pod, none at all selects none. An
    operator that is not known counts as selecting, and so does a label that no template has, where others fit: a
    program may set it on its pods while it runs (`role: primary`)."""
    if not isinstance(selector, dict):
        return False
    wanted = selector.get("matchLabels") or {}
    shown = {key: value for key, value in wanted.items() if key in labels}
    fits = bool(shown or not wanted) and all(labels[key] == value for key, value in shown.items())
    return fits and all(_fits(rule, labels) for rule in selector.get("matchExpressions") or ())


def _fits(rule: Any, labels: Json) -> bool:
    key, values = rule.get("key"), rule.get("values") or ()
    match rule.get("operator"):
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case _:
            return True
