"""What detectors of pods see in the pods of Jobs.

A Job is no workload of `workloadHealthy`, but its containers pull, start and are killed like any other, and what
happened to them is the cause of which the failed Job is the symptom. Here also a pod that has ended counts: with
restartPolicy Never it is the only witness.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cached_property

from detectors.base import WORKLOADS, Detector, Finding, View
from detectors.facts import Workload, WorkloadSpec
from detectors.jobs import Run, runs
from detectors.model import FaultClass
from detectors.pods import quiet
from detectors.rollout import Phase, Rollout
from detectors.world import Workers
from intents.model import ObjectsHealthy, WorkloadHealthy


class _JobsView(View):
    """A View whose workers are the Jobs in scope."""

    @cached_property
    def workers(self) -> list[Workers]:
        return [_workers(run) for run in runs(self) if not run.job.spec.suspend]


def _workers(run: Run) -> Workers:
    pods = tuple(
        pod for pod in run.pods if pod.metadata.deletion_timestamp is None and pod.status.phase != "Succeeded"
    )
    return Workers(
        ref=run.target,
        workload=Workload(run.job.metadata, WorkloadSpec(template=run.job.spec.template)),
        rollout=Rollout(Phase.DONE, desired=1, updated=1, available=run.job.status.ready),
        pods=pods,
        older=(),
        leaving=run.job.status.terminating,
        troubled=tuple(pod for pod in pods if not quiet(pod)),
    )


OF_PODS = frozenset(
    {
        FaultClass.SECRET_REFERENCE,
        FaultClass.CONFIG_REFERENCE,
        FaultClass.IMAGE_PULL,
        FaultClass.ARCHITECTURE,
        FaultClass.START_ERROR,
        FaultClass.RIGHTS_DENIED,
        FaultClass.INIT_CONTAINER,
        FaultClass.OOM_KILLED,
        FaultClass.LIVENESS_PROBE,
        FaultClass.STARTUP_PROBE,
        FaultClass.CRASH_LOOP,
        FaultClass.UNSCHEDULABLE,
    }
)
"""Faults that pods show by themselves, whoever made them."""


def of_jobs(detectors: Iterable[Detector]) -> Iterator[Detector]:
    """Those that look for faults of pods, over the pods of Jobs, for `objectsHealthy`."""
    return (
        _of_jobs(one)
        for one in detectors
        if WorkloadHealthy in one.expectations and one.fault_classes <= OF_PODS
    )


def _of_jobs(detector: Detector) -> Detector:
    def judge(view: View) -> Iterable[Finding]:
        jobs = _JobsView(view.intent, view.index, view.expectation, view.world, view.patience)
        return detector.judge(jobs)

    return replace(
        detector,
        name=f"{detector.name}OfJobs",
        expectations=(ObjectsHealthy,),
        needs=("Job", *(need for need in detector.needs if need not in (WORKLOADS, "ReplicaSet"))),
        kinds=("Job",),
        judge=judge,
    )
