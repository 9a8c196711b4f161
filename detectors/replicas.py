"""Fewer replicas are available than are wanted.

For `replicasAtLeast` the count decides, at once. For `workloadHealthy` the pods themselves tell more, so
low replicas are a fault only where no pod can tell: pods stay missing, and the controller does not say why (a
Deployment's does, see failed_create; those of StatefulSets and DaemonSets say it in events alone). Until then the
workload is settling, which is neither broken nor proof of health.
"""

from __future__ import annotations

from collections.abc import Iterator

from detectors.base import POD_NEEDS, Detector, Finding, View, severity_of
from detectors.model import FaultClass
from detectors.rollout import Phase, create_failure
from detectors.timestamps import age
from detectors.world import Workers
from intents.model import ReplicasAtLeast, WorkloadHealthy

NAME = "replicas"


def _judge(view: View) -> Iterator[Finding]:
    for workers in view.workers:
        if isinstance(view.expectation, ReplicasAtLeast):
            yield from _at_least(view, workers, view.expectation.count)
        else:
            yield from _healthy(view, workers)


def _at_least(view: View, workers: Workers, count: int) -> Iterator[Finding]:
    rollout = workers.rollout
    if rollout.available >= count:
        return
    scaled = rollout.desired < count
    yield _low(
        view,
        workers,
        count,
        "ScaledBelow" if scaled else "ReplicasUnavailable",
        f"{rollout.available} of {count} replicas are available"
        + (f", and only {rollout.desired} are asked for" if scaled else ""),
    )


def _healthy(view: View, workers: Workers) -> Iterator[Finding]:
    rollout = workers.rollout
    if rollout.phase is Phase.STUCK:
        return  # rollout_stuck's
    short = rollout.available < rollout.desired
    if short and create_failure(workers.workload) is None and _missing(view, workers):
        there = f"{len(workers.pods) + len(workers.older)} of {rollout.desired} pods exist"
        silent = workers.ref.kind != "Deployment"
        where = f": the {workers.ref.kind} controller says why in events only" if silent else ""
        yield _low(view, workers, rollout.desired, "PodsMissing", there + where)
    elif short or rollout.phase is Phase.GOING_ON:
        yield view.settling(
            workers.ref,
            f"{rollout.available} of {rollout.desired} replicas available, {rollout.updated} of the newest template",
        )


def _missing(view: View, workers: Workers) -> bool:
    """Whether pods that should exist do not, with nothing under way that explains it.

    Not while pods start, end or are in trouble (those speak for themselves), nor while a Deployment's
    rollout makes progress or the workload is so young that its controller may not have come to it.
    """
    rollout = workers.rollout
    if workers.troubled or workers.leaving or len(workers.pods) + len(workers.older) >= rollout.desired:
        return False
    since = age(workers.workload.metadata.creation_timestamp, view.at)
    quiet_for = None if rollout.progressed_at is None else view.at - rollout.progressed_at
    return all(known is None or known > view.patience.missing for known in (since, quiet_for))


def _low(view: View, workers: Workers, wanted: int, reason: str, message: str) -> Finding:
    return view.violation(
        NAME,
        FaultClass.REPLICAS_LOW,
        workers.ref,
        severity=severity_of(workers),
        reason=reason,
        message=message,
        facts={
            "replicas": str(workers.rollout.desired),
            "available": str(workers.rollout.available),
            "wanted": str(wanted),
        },
    )


DETECTOR = Detector(
    NAME, frozenset({FaultClass.REPLICAS_LOW}), (WorkloadHealthy, ReplicasAtLeast), POD_NEEDS, _judge
)
