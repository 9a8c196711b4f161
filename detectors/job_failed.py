"""A Job gave up: its back-off limit, its deadline or its pod failure policy ended it.

Why its pods failed is told beside it where a detector of pods knows (detectors.job_pods), and then comes first.
"""

from __future__ import annotations

from collections.abc import Iterator

from detectors.base import Detector, Finding, View
from detectors.conditions import find, holds
from detectors.jobs import FAILED, FAILURE_TARGET, last_ending, runs
from detectors.model import FaultClass, Severity
from intents.model import ObjectsHealthy

NAME = "jobFailed"


def _judge(view: View) -> Iterator[Finding]:
    for run in runs(view):
        conditions = run.job.status.conditions
        failed = find(conditions, FAILED)
        if failed is None or failed.status != "True":
            if holds(conditions, FAILURE_TARGET):
                yield view.settling(run.target, f"{run.ref} fails, its last pods are ending")
            continue
        ended = last_ending(run)
        how = ""
        if ended is not None:
            how = f": container {ended[0]} ended with exit code {ended[1].exit_code}"
            how += f" ({ended[1].reason})" if ended[1].reason not in ("", "Error") else ""
        yield view.violation(
            NAME,
            FaultClass.JOB_FAILED,
            run.target,
            severity=Severity.WARNING,
            reason=failed.reason or FAILED,
            message=f"{run.ref} failed, {failed.message or failed.reason or 'its controller does not say why'}{how}",
            subject=run.ref,
            container=None,
            facts={
                "job": run.ref.name,
                "failed": str(run.job.status.failed or ""),
                "backoffLimit": "" if run.job.spec.backoff_limit is None else str(run.job.spec.backoff_limit),
                "failedContainer": "" if ended is None else ended[0],
                "exitCode": "" if ended is None else str(ended[1].exit_code),
            },
        )


DETECTOR = Detector(
    NAME,
    frozenset({FaultClass.JOB_FAILED}),
    (ObjectsHealthy,),
    ("Job", "Pod"),
    _judge,
    ("Job",),
)
