"""Scope: a plan changes the case's own object, or one that code found related to it, in the intent's one
namespace and nowhere else."""

from __future__ import annotations

from detectors.model import ObjectRef
from intents.fields import MISSING, get
from intents.model import WORKLOAD_KINDS, EndpointsPresent, Intent, ManifestDesired
from intents.model import Scope as Chosen
from remediation.guards.base import GuardContext, Ruling
from remediation.model import Recreate, Verdict


class Scope:
    """Refuses objects that the intent is not about."""

    name = "scope"

    def judge(self, context: GuardContext) -> Verdict:
        ruling, target = Ruling(self.name), context.plan.target
        if context.undoes is not None:
            inside = context.undoes.target.key == target.key
            return (
                ruling.allow()
                if inside
                else ruling.refuse("OtherObject", f"the undo of {context.undoes.target}")
            )
        intent = context.intent
        if intent is None:
            return ruling.refuse("NoIntent", "no intent asks for this any more")
        scope = intent.spec.scope
        inputs = {
            "target": "/".join(target.key),
            "case": "/".join(context.target.key),
            "namespace": scope.namespace,
        }
        if target.namespace != scope.namespace or context.target.namespace != scope.namespace:
            return ruling.refuse("OtherNamespace", f"the intent is about {scope.namespace}", **inputs)
        if (target.kind, target.name) in _named(intent):
            return ruling.allow("Named", **inputs)
        if target.key != context.target.key:
            return self._related(context, intent, ruling, inputs)
        if scope.kind is not None and target.kind != scope.kind:
            return ruling.refuse("OtherKind", f"the intent is about {scope.kind}", **inputs)
        return _outside(context, scope, ruling, inputs) or ruling.allow(**inputs)

    @staticmethod
    def _related(context: GuardContext, intent: Intent, ruling: Ruling, inputs: dict[str, str]) -> Verdict:
        target: ObjectRef = context.plan.target
        if target.key not in context.related:
            return ruling.refuse(
                "NotRelated", f"{target} was not found to belong to {context.target}", **inputs
            )
        if all(entry.kind != target.kind for entry in intent.spec.editable):
            return ruling.refuse("OtherKind", f"the intent opens no field of a {target.kind}", **inputs)
        scope = intent.spec.scope
        chosen = target.kind == scope.kind or (scope.kind is None and target.kind in WORKLOAD_KINDS)
        outside = _outside(context, scope, ruling, inputs) if chosen else None
        return outside or ruling.allow("Related", **inputs)


def _outside(context: GuardContext, scope: Chosen, ruling: Ruling, inputs: dict[str, str]) -> Verdict | None:
    """The refusal of an object of the scope's kind that has another name or other labels than it says."""
    if scope.name is not None and context.plan.target.name != scope.name:
        return ruling.refuse("OtherName", f"the intent is about {scope.name}", **inputs)
    missing = _missing_labels(context, scope.match_labels)
    if missing:
        return ruling.refuse("OtherLabels", f"the object lacks {', '.join(missing)}", **inputs)
    return None


def _named(intent: Intent) -> set[tuple[str, str]]:
    """Objects that an expectation names itself."""
    named = set()
    for expectation in intent.spec.expectations:
        if isinstance(expectation, EndpointsPresent):
            named.add(("Service", expectation.service))
        elif isinstance(expectation, ManifestDesired):
            manifest = expectation.manifest
            if (
                manifest["metadata"].get("namespace", intent.spec.scope.namespace)
                == intent.spec.scope.namespace
            ):
                named.add((str(manifest["kind"]), str(manifest["metadata"]["name"])))
    return named


def _missing_labels(context: GuardContext, wanted: dict[str, str]) -> list[str]:
    item = context.plan.manifest if isinstance(context.plan, Recreate) else context.live
    labels = get(item, ("metadata", "labels"))
    found = labels if labels is not MISSING and isinstance(labels, dict) else {}
    return [f"{key}={value}" for key, value in wanted.items() if found.get(key) != value]
