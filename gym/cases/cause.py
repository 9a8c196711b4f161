"""Whether a diagnosis names the right object and the right cause, decided by code.

A cause is right where its fault class is one that the case's fault shows as, and where it names everything
that identifies the fault in the expected findings: what stands there in quotes or backticks, and words that no
sentence would hold by accident (an image, a key, a path). Where a case leaves both open, nothing can be
decided, and the cause counts as wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from detectors.model import FaultClass as F
from gym.cases.model import Case, Finding, Scoring
from gym.cases.state import key_of
from gym.cases.workloads import WORKLOADS

_CLASSES: tuple[tuple[str, frozenset[F]], ...] = (
    ("imagepull", frozenset({F.IMAGE_PULL})),
    ("errimagepull", frozenset({F.IMAGE_PULL})),
    ("errimageneverpull", frozenset({F.IMAGE_PULL})),
    ("invalidimagename", frozenset({F.IMAGE_PULL})),
    ("wrong architecture", frozenset({F.ARCHITECTURE, F.CRASH_LOOP})),
    ("exec format error", frozenset({F.ARCHITECTURE, F.CRASH_LOOP})),
    ("createcontainerconfigerror: secret", frozenset({F.SECRET_REFERENCE})),
    ("createcontainerconfigerror", frozenset({F.CONFIG_REFERENCE, F.SECRET_REFERENCE})),
    ("secret missing", frozenset({F.SECRET_REFERENCE, F.START_ERROR, F.IMAGE_PULL})),
    ("configmap missing", frozenset({F.CONFIG_REFERENCE, F.START_ERROR})),
    ("oomkilled", frozenset({F.OOM_KILLED})),
    ("crashloopbackoff", frozenset({F.CRASH_LOOP, F.START_ERROR})),
    ("restart storm", frozenset({F.RESTART_STORM, F.CRASH_LOOP})),
    ("init container", frozenset({F.INIT_CONTAINER, F.START_ERROR})),
    ("runcontainererror", frozenset({F.START_ERROR})),
    ("rights denied", frozenset({F.RIGHTS_DENIED, F.CRASH_LOOP})),
    ("readiness probe", frozenset({F.NOT_READY})),
    ("liveness probe", frozenset({F.LIVENESS_PROBE, F.CRASH_LOOP, F.NOT_READY})),
    ("startup probe", frozenset({F.STARTUP_PROBE, F.CRASH_LOOP})),
    ("unschedulable", frozenset({F.UNSCHEDULABLE})),
    ("schedulinggated", frozenset({F.SCHEDULING_GATED})),
    ("evicted", frozenset({F.EVICTED})),
    ("preempted", frozenset({F.EVICTED, F.UNSCHEDULABLE})),
    ("stuck terminating", frozenset({F.STUCK_TERMINATING})),
    ("stuck in terminating", frozenset({F.STUCK_TERMINATING})),
    ("failedcreate", frozenset({F.FAILED_CREATE, F.REPLICAS_LOW})),
    ("quota", frozenset({F.FAILED_CREATE, F.REPLICAS_LOW, F.QUOTA_NEAR_FULL})),
    ("rollout stuck", frozenset({F.ROLLOUT_STUCK})),
    ("progressdeadlineexceeded", frozenset({F.ROLLOUT_STUCK})),
    ("replicas", frozenset({F.REPLICAS_LOW})),
    ("generation not observed", frozenset({F.NOT_OBSERVED})),
    ("statefulset: governing service", frozenset({F.GOVERNING_SERVICE})),
    ("statefulset: storageclass", frozenset({F.CLAIM_PENDING, F.UNSCHEDULABLE})),
    ("daemonset: misscheduled", frozenset({F.MISSCHEDULED})),
    ("pending: pvc", frozenset({F.UNSCHEDULABLE, F.CLAIM_PENDING})),
    ("pending", frozenset({F.UNSCHEDULABLE})),
    ("node not ready", frozenset({F.NODE_NOT_READY})),
    ("node pressure", frozenset({F.NODE_PRESSURE})),
    ("node full", frozenset({F.NODE_FULL})),
    ("node cordoned", frozenset({F.NODE_CORDONED})),
    ("pvc", frozenset({F.CLAIM_PENDING, F.CLAIM_LOST})),
    ("persistentvolume", frozenset({F.VOLUME_FAILED, F.VOLUME_RELEASED, F.CLAIM_PENDING, F.CLAIM_LOST})),
    ("storageclass", frozenset({F.DEFAULT_STORAGE_CLASS, F.CLAIM_PENDING})),
    ("admission webhook", frozenset({F.WEBHOOK_BACKEND})),
    ("spread", frozenset({F.SPREAD_VIOLATED})),
    ("cpu throttling", frozenset({F.METRIC})),
    ("job failed", frozenset({F.JOB_FAILED, F.OOM_KILLED, F.CRASH_LOOP, F.START_ERROR})),
    ("job not done", frozenset({F.JOB_NOT_DONE, F.IMAGE_PULL, F.CONFIG_REFERENCE, F.UNSCHEDULABLE})),
    ("cronjob suspended", frozenset({F.CRON_JOB_SUSPENDED})),
    ("cronjob missed", frozenset({F.CRON_JOB_MISSED})),
    ("cronjob invalid", frozenset({F.CRON_JOB_INVALID})),
    ("autoscaler target", frozenset({F.AUTOSCALER_TARGET})),
    ("autoscaler metrics", frozenset({F.AUTOSCALER_METRICS})),
    ("autoscaler at maximum", frozenset({F.AUTOSCALER_AT_MAXIMUM})),
    ("disruption budget blocks", frozenset({F.BUDGET_BLOCKS})),
    ("disruption budget matches nothing", frozenset({F.BUDGET_MATCHES_NOTHING})),
    ("quota near full", frozenset({F.QUOTA_NEAR_FULL})),
    ("service selector", frozenset({F.NO_ENDPOINTS})),
    ("service port", frozenset({F.SERVICE_PORT, F.NO_ENDPOINTS})),
    ("ingress class", frozenset({F.INGRESS_CLASS})),
    ("ingress backend", frozenset({F.INGRESS_BACKEND})),
    ("ingress tls", frozenset({F.INGRESS_TLS})),
    ("route not accepted", frozenset({F.ROUTE_NOT_ACCEPTED})),
    ("networkpolicy matches nothing", frozenset({F.POLICY_MATCHES_NOTHING})),
    ("networkpolicy blocks", frozenset({F.POLICY_BLOCKS})),
)
"""Fault classes that a fault may show as, by how `fault_type` begins; the first row that fits."""

_QUOTED = re.compile(r"`([^`]+)`|\"([^\"]+)\"")
_WORD = re.compile(r"[^\s,;()\[\]'\"`]+")
_TELLING = re.compile(r"[A-Za-z0-9_][/:=_.][A-Za-z0-9_]|[A-Za-z][0-9]|[0-9][A-Za-z]")


def identifiers(sentence: str) -> tuple[str, ...]:
    """What identifies the fault in a sentence: its quoted parts, or else its telling words."""
    quoted = tuple(one or other for one, other in _QUOTED.findall(sentence))
    if quoted:
        return quoted
    words = (word.strip(".:!?") for word in _WORD.findall(sentence))
    return tuple(word for word in words if _TELLING.search(word))


def right_cause(scoring: Scoring, fault_class: str | None, root_cause: str) -> bool:
    """Whether the class and the words are right."""
    known: frozenset[str] = scoring.fault_classes or classes_of(scoring.fault_type)
    if known and fault_class not in known:
        return False
    said = root_cause.casefold()
    named = [_says(finding, said) for finding in scoring.findings]
    if not known and not any(answer is not None for answer in named):
        return False
    return False not in named


def classes_of(fault_type: str) -> frozenset[F]:
    """The fault classes that a fault may show as; empty where the table does not know it."""
    kind = fault_type.casefold()
    return next((classes for start, classes in _CLASSES if kind.startswith(start)), frozenset())


def _says(finding: Finding, said: str) -> bool | None:
    """Whether the diagnosis says this finding; None where the finding identifies nothing."""
    if finding.contains:
        return finding.contains.casefold() in said
    if finding.lacks:
        return finding.lacks.casefold() not in said
    wanted = identifiers(finding.sentence)
    return all(one.casefold() in said for one in wanted) if wanted else None


def right_objects(case: Case, scoring: Scoring) -> frozenset[tuple[str, str]]:
    """Kind and name of the objects that a right escalation names: the violating ones, those that assertions
    judge, or the only workload. Of several workloads, those that findings or question name; empty where
    nothing tells."""
    stated = scoring.violating or scoring.targets
    if stated:
        return frozenset((target.kind, target.name) for target in stated)
    workloads = [key_of(obj) for obj in case.broken if obj.get("kind") in WORKLOADS]
    if len(workloads) == 1:
        return frozenset((kind, name) for kind, _, name in workloads)
    text = " ".join([case.question, *_sentences(scoring.findings)])
    candidates = workloads or [key_of(obj) for obj in case.broken]
    return frozenset((kind, name) for kind, _, name in candidates if _names(text, kind, name))


def _sentences(findings: Iterable[Finding]) -> list[str]:
    return [finding.sentence or finding.contains for finding in findings]


def _names(text: str, kind: str, name: str) -> bool:
    """Whether the text names the object, by its name or as Kind/name: `web` is neither in `web-2` nor in
    `shop/web:v4`."""
    word = rf"(?<![\w.:/-])(?:{re.escape(kind)}/)?{re.escape(name)}(?![\w-]|[./:]\w)"
    return re.search(word, text, re.IGNORECASE) is not None
