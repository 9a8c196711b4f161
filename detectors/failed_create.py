"""The controller may not create the pods that it wants: a quota, a range, a policy or a webhook is in the way.

A Deployment says so in its condition ReplicaFailure. Those of StatefulSets and DaemonSets have none; there pods are
missing (detectors.replicas), and events say why.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from detectors.base import POD_NEEDS, Detector, Finding, View, severity_of
from detectors.model import FaultClass
from detectors.rollout import Phase, create_failure
from detectors.timestamps import age
from intents.model import WorkloadHealthy

NAME = "failedCreate"

_KINDS = (
    (
        "QuotaExceeded",
        re.compile(
            r"exceeded quota: (?P<quota>[^\s,]{1,253}), requested: (?P<requested>[^\s]{1,300}), "
            r"used: (?P<used>[^\s]{1,300}), limited: (?P<limited>[^\s]{1,300})"
        ),
    ),
    (
        "QuotaUnspecified",
        re.compile(r"failed quota: (?P<quota>[^\s:]{1,253}): must specify (?P<requested>[^\s]{1,300})"),
    ),
    (
        "LimitRange",
        re.compile(
            r"(?P<bound>maximum|minimum) (?P<resource>\S{1,120}) usage per (?P<per>\w{1,40}) is (?P<limited>[^\s,]{1,40}?)"
            r"(?=[.,\s])|(?P<ratio>\S{1,120}) max limit to request ratio per"
        ),
    ),
    ("PodSecurity", re.compile(r'violates PodSecurity "(?P<level>[^"]{1,120})"')),
    (
        "PolicyDenied",
        re.compile(r"ValidatingAdmissionPolicy '(?P<policy>[^']{1,253})' with binding '[^']{1,253}' denied"),
    ),
    ("WebhookDenied", re.compile(r'admission webhook "(?P<webhook>[^"]{1,253})" denied the request')),
    ("WebhookFailed", re.compile(r'failed calling webhook "(?P<webhook>[^"]{1,253})"')),
    (
        "ServiceAccount",
        re.compile(r"error looking up service account [^\s/]{1,63}/(?P<account>[^\s:]{1,253})"),
    ),
    ("PriorityClass", re.compile(r"no PriorityClass with name (?P<priorityClass>\S{1,253}) was found")),
    ("Invalid", re.compile(r"\bis invalid: ")),
)
"""The refusals by which a pod is kept out, with what they name. Sources: apiserver pkg/admission/plugin (resourcequota,
webhook, policy/validating), kubernetes plugin/pkg/admission (limitranger, serviceaccount, priority) and
pod-security-admission."""


def _judge(view: View) -> Iterator[Finding]:
    for workers in view.workers:
        rollout = workers.rollout
        short = rollout.available < rollout.desired
        if not short and rollout.phase is not Phase.GOING_ON:
            continue
        failure = create_failure(workers.workload)
        if failure is None:
            continue
        # On a full namespace a rolling update waits for its old pods to go; while they serve it may take longer.
        limit = view.patience.unschedulable if short else view.patience.missing
        since = age(failure.last_transition_time, view.at)
        if since is not None and since > limit:
            kind, named = _kind(failure.message)
            yield view.violation(
                NAME,
                FaultClass.FAILED_CREATE,
                workers.ref,
                severity=severity_of(workers),
                reason=kind or failure.reason or "FailedCreate",
                message=failure.message or "the controller cannot create pods and does not say why",
                facts={
                    **named,
                    "replicas": str(rollout.desired),
                    "available": str(rollout.available),
                },
            )


def _kind(message: str) -> tuple[str, dict[str, str]]:
    for kind, words in _KINDS:
        found = words.search(message)
        if found is not None:
            return kind, {name: value for name, value in found.groupdict().items() if value}
    return "", {}


DETECTOR = Detector(NAME, frozenset({FaultClass.FAILED_CREATE}), (WorkloadHealthy,), POD_NEEDS, _judge)
