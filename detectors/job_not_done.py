"""A Job neither ends nor gets anywhere: no pod was made for it, none of its pods runs, or it runs for very long.

A suspended Job is somebody's wish (or a queue's), and one that is between two tries is only settling.
"""

from __future__ import annotations

from collections.abc import Iterator

from detectors.base import Detector, Finding, View
from detectors.conditions import holds
from detectors.jobs import FAILED, Run, runs
from detectors.model import FaultClass, Severity
from detectors.timestamps import age
from intents.model import ObjectsHealthy

NAME = "jobNotDone"
LONG = 12 * 3600.0
"""Seconds after which a Job without a deadline of its own is told of. Source: kubernetes-mixin's alert
KubeJobNotCompleted, 43,200 s."""


def _judge(view: View) -> Iterator[Finding]:
    for run in runs(view):
        job = run.job
        if job.spec.suspend or holds(job.status.conditions, FAILED):
            continue
        began = age(job.status.start_time, view.at)
        if began is None:
            yield from _not_started(view, run)
            continue
        status = job.status
        if not (status.active or status.failed or status.succeeded or status.terminating):
            if began > view.patience.missing:
                yield _told(view, run, "NoPods", f"no pod has been created for {run.ref}")
            else:
                yield view.settling(run.target, f"{run.ref} has no pods yet")
        elif status.active and not (status.ready or status.failed or status.succeeded):
            if began > view.patience.creating:
                yield _told(view, run, "NotRunning", f"no pod of {run.ref} has come up in {began:.0f} s")
            else:
                yield view.settling(run.target, f"the pods of {run.ref} are starting")
        elif began > LONG and job.spec.active_deadline_seconds is None:
            told = f"{run.ref} has run for {began / 3600:.0f} h and has no activeDeadlineSeconds"
            yield _told(view, run, "RunsLong", told, Severity.INFO)
        elif status.failed and not status.succeeded:
            yield view.settling(run.target, f"{status.failed} pods of {run.ref} failed, it tries again")


def _not_started(view: View, run: Run) -> Iterator[Finding]:
    since = age(run.job.metadata.creation_timestamp, view.at)
    if since is not None and since > view.patience.setup:
        yield _told(view, run, "NotStarted", f"no controller has taken up {run.ref}")


def _told(view: View, run: Run, reason: str, message: str, severity: Severity = Severity.WARNING) -> Finding:
    return view.violation(
        NAME,
        FaultClass.JOB_NOT_DONE,
        run.target,
        severity=severity,
        reason=reason,
        message=message,
        subject=run.ref,
        facts={"job": run.ref.name, "active": str(run.job.status.active or "")},
    )


DETECTOR = Detector(NAME, frozenset({FaultClass.JOB_NOT_DONE}), (ObjectsHealthy,), ("Job",), _judge, ("Job",))
