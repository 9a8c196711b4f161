"""Which Jobs speak for themselves or for their CronJob, and with which pods.

A CronJob keeps Jobs that ended long ago. Only its newest one says how it is now: an older failure that a later run
outlived is history.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from detectors.base import View
from detectors.conditions import holds
from detectors.facts import Pod, Terminated
from detectors.facts_batch import Job
from detectors.model import ObjectRef
from detectors.ownership import NO_PODS, controller
from detectors.pods import containers
from detectors.world import ref

FAILED = "Failed"
FAILURE_TARGET = "FailureTarget"
"""Conditions of a Job: it failed; it is about to, once its pods are gone (batch/v1, JobFailureTarget)."""
_DONE = ("Complete", "SuccessCriteriaMet")


@dataclass(frozen=True, slots=True)
class Run:
    """A Job that counts. `target` is what a fix would change: the CronJob where one made it."""

    job: Job
    target: ObjectRef
    ref: ObjectRef
    pods: Sequence[Pod]


def runs(view: View) -> Iterator[Run]:
    """The Jobs in scope that are neither complete, nor on their way out, nor outlived by a later run."""
    newest: dict[str, Job] = {}
    found = view.objects("Job", Job)
    for job in found:
        owner = controller(job.metadata)
        if owner is not None and _began(job) >= _began(newest.get(owner.uid)):
            newest[owner.uid] = job
    for job in found:
        owner = controller(job.metadata)
        if owner is not None and newest[owner.uid] is not job:
            continue
        if job.metadata.deletion_timestamp or any(holds(job.status.conditions, kind) for kind in _DONE):
            continue
        here = ref("Job", job.metadata)
        target = here
        if owner is not None:
            target = ObjectRef(owner.kind, here.namespace, owner.name, owner.uid)
        yield Run(job, target, here, view.world.pods_by_owner.get(here, NO_PODS))


def last_ending(run: Run) -> tuple[str, Terminated] | None:
    """The container of the newest failed pod that ended badly, and how; None where no pod is left to tell."""
    failed = [pod for pod in run.pods if pod.status.phase == "Failed"]
    for pod in sorted(failed, key=lambda pod: pod.metadata.creation_timestamp, reverse=True):
        for container in containers(pod):
            ended = container.state.terminated
            if ended is not None and ended.exit_code != 0:
                return container.name, ended
    return None


def _began(job: Job | None) -> str:
    return "" if job is None else job.metadata.creation_timestamp
