"""There is no default StorageClass, or there are several. A cluster without any class has chosen to have none."""

from __future__ import annotations

from collections.abc import Iterator

from detectors.base import Detector, Finding, View
from detectors.facts_cluster import StorageClass
from detectors.model import FaultClass, Severity
from detectors.world import ref
from intents.model import ClusterHealthy

NAME = "defaultStorageClass"
KIND = "StorageClass"


def _judge(view: View) -> Iterator[Finding]:
    """Of several the API server takes the newest (kubernetes docs, Storage Classes: "the most recently created
    default StorageClass is used"), so that one is the target. Where none is, the oldest is."""
    classes = sorted(
        view.world.observation.all_of(KIND, StorageClass).values(),
        key=lambda found: (found.metadata.creation_timestamp, found.metadata.name),
    )
    defaults = [found for found in classes if found.is_default]
    if not classes or len(defaults) == 1:
        return
    names = ", ".join(sorted(found.metadata.name for found in defaults or classes))
    if defaults:
        reason, message = "SeveralDefaults", f"{len(defaults)} StorageClasses are the default one: {names}"
    else:
        reason, message = "NoDefault", f"no StorageClass is the default one; there is {names}"
    yield view.violation(
        NAME,
        FaultClass.DEFAULT_STORAGE_CLASS,
        ref(KIND, (defaults[-1] if defaults else classes[0]).metadata),
        severity=Severity.INFO if defaults else Severity.WARNING,
        reason=reason,
        message=message,
        facts={"defaults": ",".join(sorted(found.metadata.name for found in defaults))},
    )


DETECTOR = Detector(
    NAME, frozenset({FaultClass.DEFAULT_STORAGE_CLASS}), (ClusterHealthy,), (KIND,), _judge, (KIND,)
)
