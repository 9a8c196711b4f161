"""A PersistentVolumeClaim's volume is gone: what was on it is, too, unless a backup has it."""

from __future__ import annotations

from collections.abc import Iterator

from detectors.base import Detector, Finding, View
from detectors.facts_cluster import Claim
from detectors.model import FaultClass, Severity
from detectors.world import ref
from intents.model import ObjectsHealthy

NAME = "claimLost"
KIND = "PersistentVolumeClaim"


def _judge(view: View) -> Iterator[Finding]:
    for claim in view.objects(KIND, Claim):
        if claim.status.phase != "Lost":
            continue
        yield view.violation(
            NAME,
            FaultClass.CLAIM_LOST,
            ref(KIND, claim.metadata),
            severity=Severity.CRITICAL,
            reason="ClaimLost",
            message=f"claim {claim.metadata.name} was bound to volume {claim.spec.volume_name or '?'}, which is gone",
            facts={"volume": claim.spec.volume_name},
        )


DETECTOR = Detector(NAME, frozenset({FaultClass.CLAIM_LOST}), (ObjectsHealthy,), (KIND,), _judge, (KIND,))
