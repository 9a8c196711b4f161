"""Opt-in: owners say on the object, or on its namespace, whether intentd may change it.

`intentd.io/ignore` on the object always keeps us off, undoing included, as label or annotation and whatever it
says but "false": whoever wrote it wanted quiet. On a workload it also keeps us off the ConfigMaps that its pods read and
the Services that select them: changing these changes what it runs with, or whom it answers. Where the operator demands it, something changes only where the
object or its namespace carries the label `intentd.io/managed=true`; an undo only removes what was let in.
"""

from __future__ import annotations

from collections.abc import Mapping

from detectors.model import Gap, Turn
from intents.fields import get
from remediation.guards.base import GuardContext, Ruling
from remediation.guards.surroundings import unread
from remediation.model import Create, Json, Recreate, Verdict
from remediation.users import USED

IGNORE, MANAGED = "intentd.io/ignore", "intentd.io/managed"
NOT_SAID = (None, "false")


class OptIn:
    """Refuses objects whose owner opted out, or never in."""

    name = "opt-in"

    def judge(self, context: GuardContext) -> Verdict:
        ruling, around = Ruling(self.name), context.surroundings.namespace_labels
        here = context.plan.manifest if isinstance(context.plan, Create | Recreate) else context.live
        inputs: Json = {"demanded": context.limits.opt_in}
        for where in ("labels", "annotations"):
            said = _marks(here, where).get(IGNORE)
            if said not in NOT_SAID:
                return ruling.refuse("Ignored", f"the object carries {IGNORE}={said}", **inputs)
        if context.plan.target.kind in USED and (refusal := _by_users(context, ruling, inputs)) is not None:
            return refusal
        if not context.limits.opt_in or context.is_rollback:
            return ruling.allow(**inputs)
        if _marks(here, "labels").get(MANAGED) == "true":
            return ruling.allow("ByObject", **inputs)
        if isinstance(around, Gap):
            reason = "NamespaceUnknown" if around.turn is Turn.OURS else "NamespaceForbidden"
            return ruling.refuse(reason, f"the namespace could not be read: {around.message}", **inputs)
        if around is None:
            return ruling.refuse("NamespaceUnknown", "the namespace was not read", **inputs)
        if around.get(MANAGED) == "true":
            return ruling.allow("ByNamespace", **inputs)
        return ruling.refuse(
            "NotManaged", f"neither the object nor its namespace carries {MANAGED}=true", **inputs
        )


def _by_users(context: GuardContext, ruling: Ruling, inputs: Json) -> Verdict | None:
    """The refusal for the sake of a workload that uses the target."""
    users = context.surroundings.users
    if users is None or isinstance(users, Gap):
        reason, detail = unread(users)
        return ruling.refuse(reason, detail, **inputs)
    for user in users:
        if any(_marks(user, where).get(IGNORE) not in NOT_SAID for where in ("labels", "annotations")):
            named = f"{user.get('kind')}/{get(user, ('metadata', 'name'))}"
            return ruling.refuse("WorkloadIgnored", f"{named} uses it and carries {IGNORE}", **inputs)
    return None


def _marks(item: Json | None, where: str) -> Mapping[str, object]:
    found = get(item, ("metadata", where))
    return found if isinstance(found, Mapping) else {}
