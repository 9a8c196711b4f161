"""A PersistentVolume whose claim is gone and that nobody can have: kept, or not deleted as it should be."""

from __future__ import annotations

from collections.abc import Iterator

from detectors.base import Detector, Finding, View
from detectors.facts_cluster import Volume
from detectors.model import FaultClass, Severity
from detectors.timestamps import age
from detectors.world import ref
from intents.model import ClusterHealthy

NAME = "volumeReleased"
KIND = "PersistentVolume"


def _judge(view: View) -> Iterator[Finding]:
    """Deleting a volume takes its driver a while (`creating`, as making one and pulling an image does)."""
    for volume in view.world.observation.all_of(KIND, Volume).values():
        if volume.status.phase != "Released" or volume.metadata.deletion_timestamp is not None:
            continue
        target, claim = ref(KIND, volume.metadata), volume.spec.claim_ref
        lasted = age(volume.status.last_phase_transition_time, view.at)
        if lasted is None:  # a server older than 1.28 does not say: then since it exists
            lasted = age(volume.metadata.creation_timestamp, view.at) or 0.0
        if lasted <= view.patience.creating:
            yield view.settling(target, f"volume {target.name} was released {lasted:.0f} s ago")
            continue
        was = f"{claim.namespace}/{claim.name}" if claim is not None else "nobody's claim"
        kept = volume.spec.persistent_volume_reclaim_policy != "Delete"
        yield view.violation(
            NAME,
            FaultClass.VOLUME_RELEASED,
            target,
            severity=Severity.INFO if kept else Severity.WARNING,
            reason="Retained" if kept else "NotDeleted",
            message=f"volume {target.name} of {was} is released: "
            + (
                "it is kept with its data, and nobody can claim it before an administrator frees it"
                if kept
                else f"its driver should have deleted it, but has not for {lasted:.0f} s"
            ),
            facts={"claim": was if claim is not None else "", "storageClass": volume.spec.storage_class_name},
        )


DETECTOR = Detector(
    NAME, frozenset({FaultClass.VOLUME_RELEASED}), (ClusterHealthy,), (KIND,), _judge, (KIND,)
)
