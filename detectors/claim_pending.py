"""What a PersistentVolumeClaim waits for, and whether that can ever come.

A claim that waits for its first consumer waits by design: its scheduling is the pod's story, not the claim's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from detectors.base import Detector, Finding, View
from detectors.facts_cluster import Claim, StorageClass
from detectors.model import FaultClass, Severity
from detectors.timestamps import age
from detectors.world import ref
from intents.model import ObjectsHealthy

NAME = "claimPending"
KIND = "PersistentVolumeClaim"
SELECTED_NODE = "volume.kubernetes.io/selected-node"
"""What the scheduler writes on a claim once it has chosen a node for the first pod that uses it."""
STATIC = "kubernetes.io/no-provisioner"
NAMED = 12
"""Most names of classes that a fact tells."""


def _judge(view: View) -> Iterator[Finding]:
    classes = {
        name: found
        for (_, name), found in view.world.observation.all_of("StorageClass", StorageClass).items()
    }
    for claim in view.objects(KIND, Claim):
        if claim.status.phase not in ("", "Pending") or claim.metadata.deletion_timestamp is not None:
            continue
        why = _why(claim, classes)
        if why is None:
            continue
        waited = age(claim.metadata.creation_timestamp, view.at) or 0.0
        target = ref(KIND, claim.metadata)
        patience = view.patience.setup if why[0] == "NotProvisioned" else view.patience.missing
        if waited <= patience:
            yield view.settling(target, f"claim {target.name} is pending")
            continue
        reason, message = why
        yield view.violation(
            NAME,
            FaultClass.CLAIM_PENDING,
            target,
            severity=Severity.WARNING,
            reason=reason,
            message=f"claim {target.name} has no volume: {message}",
            facts={
                "storageClass": claim.spec.storage_class_name or "",
                "classes": ",".join(_ordered(classes.values())),
                "volume": claim.spec.volume_name,
            },
        )


def _why(claim: Claim, classes: dict[str, StorageClass]) -> tuple[str, str] | None:
    """Reason and message; None where it only waits for its first consumer."""
    wanted = claim.spec.storage_class_name
    if claim.spec.volume_name:
        return "VolumeNotBound", f"it asks for volume {claim.spec.volume_name}, which is not bound to it"
    if wanted is None:
        defaults = [name for name, found in classes.items() if found.is_default]
        if not defaults:
            return "NoDefaultClass", "it names no StorageClass, and none is the default one"
        return (
            "NotProvisioned",
            f"it names no StorageClass, and the default one ({min(defaults)}) was not given to it",
        )
    if not wanted:
        return "NoVolume", "it wants a volume without a StorageClass, and none that fits is free"
    found = classes.get(wanted)
    if found is None:
        others = ", ".join(_ordered(classes.values()))
        there = f"there is {others}" if others else "there is none at all"
        return (
            "ClassNotFound",
            f'StorageClass "{wanted}" does not exist ({there}), and no free volume names it',
        )
    if found.volume_binding_mode == "WaitForFirstConsumer" and not claim.metadata.annotations.get(
        SELECTED_NODE
    ):
        return None
    if found.provisioner == STATIC:
        return "NoVolume", f"StorageClass {wanted} makes no volumes, and none that fits is free"
    return "NotProvisioned", f"the provisioner {found.provisioner} of StorageClass {wanted} has not made one"


def _ordered(classes: Iterable[StorageClass]) -> Sequence[str]:
    """The default one first, then by name."""
    best = sorted(classes, key=lambda found: (not found.is_default, found.metadata.name))
    return [found.metadata.name for found in best[:NAMED]]


DETECTOR = Detector(
    NAME, frozenset({FaultClass.CLAIM_PENDING}), (ObjectsHealthy,), (KIND, "StorageClass"), _judge, (KIND,)
)
