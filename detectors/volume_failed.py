"""A PersistentVolume whose reclaiming failed: it is neither gone nor of use."""

from __future__ import annotations

from collections.abc import Iterator

from detectors.base import Detector, Finding, View
from detectors.facts_cluster import Volume
from detectors.model import FaultClass, Severity
from detectors.world import ref
from intents.model import ClusterHealthy

NAME = "volumeFailed"
KIND = "PersistentVolume"


def _judge(view: View) -> Iterator[Finding]:
    for volume in view.world.observation.all_of(KIND, Volume).values():
        if volume.status.phase != "Failed":
            continue
        name, status = volume.metadata.name, volume.status
        yield view.violation(
            NAME,
            FaultClass.VOLUME_FAILED,
            ref(KIND, volume.metadata),
            severity=Severity.WARNING,
            reason=status.reason or "ReclaimFailed",
            message=f"volume {name} failed: {status.message or status.reason or 'nobody says why'}",
            facts={"claim": _claim(volume), "reclaimPolicy": volume.spec.persistent_volume_reclaim_policy},
        )


def _claim(volume: Volume) -> str:
    claim = volume.spec.claim_ref
    return f"{claim.namespace}/{claim.name}" if claim is not None else ""


DETECTOR = Detector(NAME, frozenset({FaultClass.VOLUME_FAILED}), (ClusterHealthy,), (KIND,), _judge, (KIND,))
