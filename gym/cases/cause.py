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
    ("invalidimagename", frozenset({F.IMAGE_PULL})),
    ("createcontainerconfigerror", frozenset({F.CONFIG_REFERENCE})),
    ("oomkilled", frozenset({F.OOM_KILLED})),
    ("crashloopbackoff", frozenset({F.CRASH_LOOP, F.START_ERROR})),
    ("init container", frozenset({F.CRASH_LOOP, F.START_ERROR})),
    ("runcontainererror", frozenset({F.START_ERROR})),
    ("readiness probe", frozenset({F.NOT_READY})),
    ("liveness probe", frozenset({F.CRASH_LOOP, F.NOT_READY})),
    ("unschedulable", frozenset({F.UNSCHEDULABLE})),
    ("pending: pvc", frozenset({F.CLAIM_PENDING, F.UNSCHEDULABLE})),
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
)
"""Fault classes that a fault may show as, by how `fault_type` begins."""

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
    known = classes_of(scoring.fault_type)
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
