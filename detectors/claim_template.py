"""A StatefulSet's claims ask for a StorageClass that is not there: no volume is made for them, and none was waiting.

The claims wait as well, each for itself; the template is what has to change, which a StatefulSet allows only by being
created anew.
"""

from __future__ import annotations

from collections.abc import Iterator

from detectors.base import Detector, Finding, View
from detectors.facts import Fact, Workload
from detectors.model import FaultClass, Severity
from detectors.timestamps import age
from detectors.world import ref
from intents.model import ObjectsHealthy

NAME = "claimTemplate"


def _judge(view: View) -> Iterator[Finding]:
    classes = {name for _, name in view.world.observation.all_of("StorageClass", Fact)}
    for stateful_set in view.objects("StatefulSet", Workload):
        meta, status = stateful_set.metadata, stateful_set.status
        desired = 1 if stateful_set.spec.replicas is None else stateful_set.spec.replicas
        since = age(meta.creation_timestamp, view.at)
        if status.available_replicas >= desired or since is None or since <= view.patience.missing:
            continue  # claims that are bound need no class any more
        for claim in stateful_set.spec.volume_claim_templates:
            wanted = claim.spec.storage_class_name
            if not wanted or wanted in classes:
                continue
            yield view.violation(
                NAME,
                FaultClass.CLAIM_PENDING,
                ref("StatefulSet", meta),
                severity=Severity.WARNING if status.available_replicas else Severity.CRITICAL,
                reason="StorageClassNotFound",
                message=f"the claim template {claim.metadata.name} asks for the StorageClass {wanted}, which is not there",
                facts={"storageClass": wanted, "claim": claim.metadata.name},
            )
            break  # one template speaks for all: they are changed together


DETECTOR = Detector(
    NAME,
    frozenset({FaultClass.CLAIM_PENDING}),
    (ObjectsHealthy,),
    ("StatefulSet", "StorageClass"),
    _judge,
    ("StatefulSet",),
)
