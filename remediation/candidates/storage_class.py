"""A claim that asks for a StorageClass that does not exist: those that do, the likeliest first."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from detectors.model import FaultClass
from remediation.candidates.base import Context, Proposal, change_to, sentence
from remediation.evidence.draft import as_map

ORIGIN = "storage-class"
_MOST = 3
_REASONS = frozenset({"ClassNotFound", "NoDefaultClass"})


def storage_class(context: Context) -> Iterator[Proposal]:
    """One proposal a class. A name that is nearly the one asked for, or the only class there is, ranks above the
    default class, and that above the others."""
    primary = context.case.primary
    if (
        primary.fault_class is not FaultClass.CLAIM_PENDING
        or context.live.get("kind") != "PersistentVolumeClaim"
        or primary.reason not in _REASONS
    ):
        return
    wanted = str(as_map(context.live.get("spec")).get("storageClassName") or "")
    classes = [name for name in primary.facts.get("classes", "").split(",") if name and name != wanted]
    ranked = sorted(
        (
            (_rank(wanted, name, first=at == 0, only=len(classes) == 1), name)
            for at, name in enumerate(classes)
        ),
        key=lambda entry: (-entry[0], entry[1]),
    )
    for rank, name in ranked[:_MOST]:
        change = (change_to(context.live, ("spec", "storageClassName"), name),)
        yield Proposal(
            ORIGIN, rank, change, sentence(change, f"StorageClass {name} exists"), None, (name, wanted)
        )


def _rank(wanted: str, name: str, *, first: bool, only: bool) -> float:
    alike = difflib.SequenceMatcher(None, wanted, name, autojunk=False).ratio()
    return 0.9 if only else max(0.6 if first else 0.4, 0.9 * alike)
