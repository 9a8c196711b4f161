"""What a PersistentVolumeClaim waits for, and whether that can ever come.

A claim that waits for its first consumer waits by design: its scheduling is the pod's story, not the claim's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from detectors.base import Detector, Finding, View
from detectors.facts import Workload
from detectors.facts_cluster import Claim, StorageClass, Volume
from detectors.model import FaultClass, ObjectRef, Severity
from detectors.timestamps import age
from detectors.world import ref
from intents.model import ObjectsHealthy

NAME = "claimPending"
KIND = "PersistentVolumeClaim"
SELECTED_NODE = "volume.kubernetes.io/selected-node"
"""What the scheduler writes on a claim once it has chosen a node for the first pod that uses it."""
STATIC = "kubernetes.io/no-provisioner"
TAKEN = 3
"""Volumes of others that a message names."""
NAMED = 12
"""Most names of classes that a fact tells."""


def _judge(view: View) -> Iterator[Finding]:
    observation = view.world.observation
    classes = {name: found for (_, name), found in observation.all_of("StorageClass", StorageClass).items()}
    for claim in view.objects(KIND, Claim):
        if claim.status.phase not in ("", "Pending") or claim.metadata.deletion_timestamp is not None:
            continue
        why = _why(view, claim, classes)
        if why is None:
            continue
        patience = view.patience.setup if why[0] == "NotProvisioned" else view.patience.missing
        waited = age(claim.metadata.creation_timestamp, view.at) or 0.0
        subject = ref(KIND, claim.metadata)
        target = _template_of(view, claim) or subject
        if waited <= patience:
            yield view.settling(subject, f"claim {subject.name} is pending")
            continue
        reason, message = why
        yield view.violation(
            NAME,
            FaultClass.CLAIM_PENDING,
            target,
            severity=Severity.WARNING,
            reason=reason,
            message=f"claim {subject.name} has no volume: {message}",
            subject=subject,
            facts={
                "storageClass": claim.spec.storage_class_name or "",
                "classes": ",".join(_ordered(classes.values())),
                "defaultClass": next((name for name, found in classes.items() if found.is_default), ""),
                "volume": claim.spec.volume_name,
            },
        )


def _template_of(view: View, claim: Claim) -> ObjectRef | None:
    """The StatefulSet that made the claim, where it is its template that says the same class: a claim made anew
    by hand would be one of many, and the next replica's would be wrong again. Claims are named `<template>-<pod>`."""
    for found in view.world.of_namespace("StatefulSet", claim.metadata.namespace):
        if not isinstance(found, Workload):
            continue
        for template in found.spec.volume_claim_templates:
            prefix = f"{template.metadata.name}-{found.metadata.name}-"
            ordinal = claim.metadata.name.removeprefix(prefix)
            if (
                claim.metadata.name.startswith(prefix)
                and ordinal.isdecimal()
                and template.spec.storage_class_name == claim.spec.storage_class_name
            ):
                return ref("StatefulSet", found.metadata)
    return None


def _why(view: View, claim: Claim, classes: dict[str, StorageClass]) -> tuple[str, str] | None:
    """Reason and message; None where it only waits for its first consumer."""
    wanted, named = claim.spec.storage_class_name, claim.spec.volume_name
    if named:
        return _named(view, named)
    if wanted is None:
        defaults = [name for name, found in classes.items() if found.is_default]
        if not defaults:
            others = ", ".join(_ordered(classes.values()))
            there = f"; there is {others}" if others else ""
            return "NoDefaultClass", f"it names no StorageClass, and none is the default one{there}"
        return (
            "NotProvisioned",
            f"it names no StorageClass, and the default one ({min(defaults)}) was not given to it",
        )
    if not wanted:
        return "NoVolume", "it wants a volume without a StorageClass, and none that fits is free" + _taken(
            view, ""
        )
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
        said = f"StorageClass {wanted} makes no volumes, and none that fits is free"
        return "NoVolume", said + _taken(view, wanted)
    return "NotProvisioned", f"the provisioner {found.provisioner} of StorageClass {wanted} has not made one"


def _named(view: View, name: str) -> tuple[str, str]:
    """A claim that asks for one volume alone."""
    volume = view.world.observation.all_of("PersistentVolume", Volume).get(("", name))
    if volume is None:
        return "VolumeNotFound", f"it asks for volume {name}, which does not exist"
    holder = volume.spec.claim_ref
    whose = f" (it is {volume.status.phase}, of {holder.namespace}/{holder.name})" if holder else ""
    return "VolumeNotBound", f"it asks for volume {name}, which is not bound to it{whose}"


def _taken(view: View, storage_class: str) -> str:
    """The volumes of the class that others hold, or held: what a person may have meant."""
    held = []
    for (_, name), volume in sorted(view.world.observation.all_of("PersistentVolume", Volume).items()):
        holder = volume.spec.claim_ref
        if volume.spec.storage_class_name == storage_class and holder is not None:
            held.append(f"volume {name} is {volume.status.phase}, of {holder.namespace}/{holder.name}")
    return "".join(f"; {one}" for one in held[:TAKEN])


def _ordered(classes: Iterable[StorageClass]) -> Sequence[str]:
    """The default one first, then by name."""
    best = sorted(classes, key=lambda found: (not found.is_default, found.metadata.name))
    return [found.metadata.name for found in best[:NAMED]]


DETECTOR = Detector(
    NAME,
    frozenset({FaultClass.CLAIM_PENDING}),
    (ObjectsHealthy,),
    (KIND, "StorageClass", "PersistentVolume", "StatefulSet"),
    _judge,
    (KIND,),
)
