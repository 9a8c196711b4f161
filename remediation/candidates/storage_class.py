"""A claim that asks for a StorageClass that does not exist: those that do, the likeliest first."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from detectors.model import FaultClass
from intents.fields import Element, FieldPath
from remediation.candidates.base import Context, Proposal, change_to, sentence
from remediation.evidence.draft import as_map
from remediation.model import Json

ORIGIN = "storage-class"
_MOST = 3
_REASONS = frozenset({"ClassNotFound", "NoDefaultClass"})
LEAST = 0.6
"""How alike two names are, so that one may be a slip of the other."""


def storage_class(context: Context) -> Iterator[Proposal]:
    """One proposal a class: the only one there is, one that is named nearly as the one asked for, the default one. A
    claim that names no class where several exist is a person's: nothing tells which is meant."""
    primary = context.case.primary
    if primary.fault_class is not FaultClass.CLAIM_PENDING or primary.reason not in _REASONS:
        return
    classes = [name for name in primary.facts.get("classes", "").split(",") if name]
    wanted = primary.facts.get("storageClass", "")
    if not wanted and len(classes) != 1:
        return
    default = primary.facts.get("defaultClass", "")
    found = ((_rank(wanted, name, default, only=len(classes) == 1), name) for name in classes)
    ranked = sorted((-rank, name) for rank, name in found if rank > 0 and name != wanted)
    for rank, name in ranked[:_MOST]:
        for path in _places(context.live, wanted):
            change = (change_to(context.live, path, name),)
            why = f"StorageClass {name} exists"
            yield Proposal(ORIGIN, -rank, change, sentence(change, why), None, (name, wanted))


def _places(live: Json, wanted: str) -> Iterator[FieldPath]:
    """Where the object names the class: a claim once, a StatefulSet in those of its templates that ask for it."""
    spec = as_map(live.get("spec"))
    if live.get("kind") == "PersistentVolumeClaim":
        yield ("spec", "storageClassName")
    elif live.get("kind") == "StatefulSet":
        templates = spec.get("volumeClaimTemplates")
        for at, template in enumerate(templates if isinstance(templates, list) else ()):
            asked = as_map(as_map(template).get("spec"))
            if str(asked.get("storageClassName") or "") == wanted:
                yield ("spec", "volumeClaimTemplates", Element(index=at), "spec", "storageClassName")


def _rank(wanted: str, name: str, default: str, *, only: bool) -> float:
    alike = difflib.SequenceMatcher(None, wanted, name, autojunk=False).ratio() if wanted else 0.0
    if only:
        return 0.9
    return max(0.9 * alike if alike >= LEAST else 0.0, 0.6 if name == default else 0.0)
