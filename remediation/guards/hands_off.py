"""Hands off: what somebody else steers is not ours to write (ARCHITECTURE invariant 7).

Argo CD, Flux and other controllers would put their own value back: their source has to change, so we refuse.
A Helm object drifts from its release when we change it: only with a person's approval. An autoscaler's field
is left alone. A field that a person changed moments ago is theirs: only with approval, unless the fix puts
back the very value that was last known good.
"""

from __future__ import annotations

from collections.abc import Sequence

from intents.fields import MISSING, covers_prefix, format_path, get
from remediation.guards.base import GuardContext, Ruling
from remediation.guards.known import as_known_good
from remediation.managed_fields import CONTROLLERS, Owner, managers, owners
from remediation.model import Json, Touched, Verdict

_GITOPS_MARKS = ("argocd.argoproj.io/", "kustomize.toolkit.fluxcd.io/", "helm.toolkit.fluxcd.io/")
_GITOPS_MANAGERS = frozenset(
    {"argocd-controller", "argocd-application-controller", "kustomize-controller", "helm-controller"}
)
_HELM_MARK = "meta.helm.sh/release-name"


class HandsOff:
    """Refuses to fight over an object or a field."""

    name = "hands-off"

    def judge(self, context: GuardContext) -> Verdict:
        ruling = Ruling(self.name)
        live = context.live
        if live is None or context.is_rollback:
            return ruling.allow("Ours")
        if (owner := _steered_by(live)) is not None:
            return ruling.refuse("SteeredElsewhere", f"{owner} would undo it: change it there")
        for leaf in context.plan.touched:
            for pattern, owner in context.reserved.items():
                if covers_prefix(pattern, leaf.path) or covers_prefix(leaf.path, pattern):
                    return ruling.refuse("Reserved", f"{format_path(leaf.path)} belongs to {owner}")
        if _helm(live) and not context.approved:
            return ruling.refuse(
                "Helm", "the next Helm upgrade would undo it: approve it and change the chart"
            )
        people = _people(context, live)
        touched = context.plan.touched if people else ()
        person = next((found for leaf in touched if (found := _person(leaf, people, context))), None)
        if person is not None and not context.approved:
            return ruling.refuse("PersonAtWork", f"{person}: a person has to approve changing it again")
        return ruling.allow(person=person)


def _marks(live: Json) -> set[str]:
    found = set()
    for where in ("labels", "annotations"):
        marks = get(live, ("metadata", where))
        found |= set(marks) if marks is not MISSING and isinstance(marks, dict) else set()
    return found


def _steered_by(live: Json) -> str | None:
    for mark in sorted(_marks(live)):
        if mark.startswith(_GITOPS_MARKS):
            return mark
    gitops = managers(live) & _GITOPS_MANAGERS
    if gitops:
        return min(gitops)
    references = get(live, ("metadata", "ownerReferences"))
    for reference in references if isinstance(references, list) else ():
        if isinstance(reference, dict) and reference.get("controller") is True:
            return f"{reference.get('kind')}/{reference.get('name')}"
    return None


def _helm(live: Json) -> bool:
    return (
        _HELM_MARK in _marks(live)
        or get(live, ("metadata", "labels", "app.kubernetes.io/managed-by")) == "Helm"
    )


def _people(context: GuardContext, live: Json) -> list[Owner]:
    """Who changed anything within the window. A time that cannot be read, or lies ahead, counts as just now;
    what an object was created with is no change."""
    window = context.limits.person_window
    return [
        owner
        for owner in (owners(live) if window > 0 else ())
        if (owner.at is None or context.now - owner.at < window)
        and not owner.created
        and owner.manager not in CONTROLLERS
    ]


def _person(leaf: Touched, people: Sequence[Owner], context: GuardContext) -> str | None:
    """Which of them changed the field, None where nobody did or the fix puts it back."""
    owner = next((one for one in people if one.claims(leaf.path)), None)
    if owner is None or as_known_good(leaf, context.last_known_good):
        return None
    window = context.limits.person_window
    return f"{owner.manager} changed {format_path(leaf.path)} less than {window:.0f} s ago"
