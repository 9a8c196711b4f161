"""The controller has not looked at the newest spec: it is not there, or far behind.

How old a spec is no status tells; its managed fields tell when a person or a program wrote the object last.
"""

from __future__ import annotations

from collections.abc import Iterator

from detectors.base import POD_NEEDS, Detector, Finding, View
from detectors.facts import Workload
from detectors.model import FaultClass, Severity
from detectors.timestamps import seconds
from intents.model import WorkloadHealthy

NAME = "notObserved"


def _judge(view: View) -> Iterator[Finding]:
    for workers in view.workers:
        meta, seen = workers.workload.metadata, workers.workload.status.observed_generation
        if seen >= meta.generation or meta.deletion_timestamp is not None:
            continue
        changed = _changed(workers.workload)
        if changed is not None and view.at - changed > view.patience.missing:
            yield view.violation(
                NAME,
                FaultClass.NOT_OBSERVED,
                workers.ref,
                severity=Severity.CRITICAL,
                reason="GenerationNotObserved",
                message=f"the controller has seen generation {seen} of this {workers.ref.kind}, which is at {meta.generation} "
                f"since more than {view.patience.missing:g} s: kube-controller-manager does not work, or is behind",
                facts={"observed": str(seen), "generation": str(meta.generation)},
            )


def _changed(workload: Workload) -> float | None:
    """When anything but a status was last written (Unix seconds), `kubectl scale` too; None where it is not told."""
    meta = workload.metadata
    told = [seconds(entry.time) for entry in meta.managed_fields if entry.subresource != "status"]
    return max((at for at in told if at is not None), default=None)


DETECTOR = Detector(NAME, frozenset({FaultClass.NOT_OBSERVED}), (WorkloadHealthy,), POD_NEEDS, _judge)
