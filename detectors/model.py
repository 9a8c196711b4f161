"""The values that flow from looking: Observation, Gap, Violation, Judgement, Case.

Three-valued throughout: what could not be read is a Gap, and a detector that meets one answers `unknown`,
never "healthy" and never "violated".
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, TypeVar

from detectors.facts import EndpointSlice, Fact, Json, Pod, Sample, Service, Workload
from detectors.fault_class import FaultClass as FaultClass  # noqa: PLC0414 - part of this vocabulary


class Turn(StrEnum):
    """Whose turn it is when something cannot be done."""

    OURS = "ours"  # a retry may help
    OPERATOR = "operator"  # somebody has to change something
    NOBODY = "nobody"  # it is as it is


class ObjectRef(NamedTuple):
    """An object by name. The uid says which incarnation; empty where the object is absent."""

    kind: str
    namespace: str
    name: str
    uid: str = ""

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"

    @property
    def key(self) -> tuple[str, str, str]:
        """Identity across incarnations."""
        return self.kind, self.namespace, self.name

    @property
    def place(self) -> str:
        """For people: `Deployment/web in shop`, and `Node/n1`, which stands in no namespace."""
        return f"{self} in {self.namespace}" if self.namespace else str(self)


class Gap(NamedTuple):
    """Something that could not be read, why, and whose turn it is."""

    what: str  # "Pod", "metric shop-errors", ...
    reason: str  # Forbidden, TimedOut, Unreachable, Stale, NoData, NotANumber, Partial, Warning, Invalid
    message: str
    turn: Turn = Turn.OURS


Name = tuple[str, str]  # namespace, name


def expectation_key(intent: str, index: int) -> str:
    """The key of one expectation in `Observation.metrics` and `.desired`. Intent names hold no slash."""
    return f"{intent}/{index}"


F = TypeVar("F", bound=Fact)


@dataclass(frozen=True, slots=True)
class MetricReading:
    """The answer to one metric expectation: series that break it, and series that keep it.

    `pending` series are broken now, but not yet for as long as the expectation allows. All lists empty
    never occurs: that is a Gap (NoData).
    """

    broken: tuple[Sample, ...]
    held: tuple[Sample, ...]
    pending: tuple[Sample, ...] = ()


@dataclass(frozen=True, slots=True)
class Observation:
    """Everything read in one turn, each part either facts or a Gap.

    Objects are stored by kind, then (namespace, name). `at` is Unix seconds, the turn's one reading of the
    clock. The maps are shared with the cache and must not be changed.
    """

    at: float
    objects: Mapping[str, Mapping[Name, Fact] | Gap]
    metrics: Mapping[str, MetricReading | Gap] = field(default_factory=dict)  # by expectation_key
    desired: Mapping[str, Json | Gap | None] = field(default_factory=dict)
    """The live object of each `manifest` expectation by expectation_key; None where it does not exist."""

    def kind(self, kind: str) -> Mapping[Name, Fact] | Gap:
        """All objects of a kind, or why there are none to see."""
        found = self.objects.get(kind)
        return Gap(kind, "NotObserved", f"{kind} is not watched", Turn.NOBODY) if found is None else found

    def gap(self, *kinds: str) -> Gap | None:
        """The first Gap among these kinds; detectors ask before they read."""
        for kind in kinds:
            found = self.kind(kind)
            if isinstance(found, Gap):
                return found
        return None

    def workloads(self, kind: str) -> Mapping[Name, Workload]:
        """Workloads of a kind, empty behind a Gap (ask `gap` first)."""
        return self._typed(kind)

    def pods(self) -> Mapping[Name, Pod]:
        """Pods, empty behind a Gap (ask `gap` first)."""
        return self._typed("Pod")

    def services(self) -> Mapping[Name, Service]:
        """Services, empty behind a Gap (ask `gap` first)."""
        return self._typed("Service")

    def endpoint_slices(self) -> Mapping[Name, EndpointSlice]:
        """EndpointSlices, empty behind a Gap (ask `gap` first)."""
        return self._typed("EndpointSlice")

    def all_of(self, kind: str, fact: type[F]) -> Mapping[Name, F]:  # noqa: ARG002 - says the type
        """All objects of a kind that is held as `fact`, empty behind a Gap (ask `gap` first)."""
        return self._typed(kind)

    def _typed(self, kind: str) -> Mapping[Name, F]:
        found = self.kind(kind)
        return {} if isinstance(found, Gap) else found  # type: ignore[return-value]


class Severity(StrEnum):
    """How soon somebody should care; the order of the mend queue."""

    CRITICAL = "critical"  # users feel it
    WARNING = "warning"  # capacity or redundancy is gone
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken expectation as one detector saw it.

    `target` is the object that a fix would change by default (the top owner; the Service for a selector);
    `subject` is where it was seen (a pod). `facts` are short named values that evidence and candidates
    build on (`image`, `key`, `configMap`, `exitCode`, `limit`), already strings.
    """

    intent: str
    expectation: int  # index in the intent's list
    detector: str
    fault_class: FaultClass
    severity: Severity
    target: ObjectRef
    subject: ObjectRef
    reason: str
    message: str
    container: str | None = None
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Stable over pod churn and restarts: no pod name, no uid, no message."""
        parts = (self.intent, self.fault_class.value, *self.target.key, self.container or "")
        return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Unknown:
    """An expectation that could not be judged."""

    intent: str
    expectation: int
    gap: Gap


class Settling(NamedTuple):
    """A target that is neither broken nor whole yet: pods start, a rollout goes on, a metric is broken but
    not for long enough. No reason to mend, and no proof that a fix holds."""

    intent: str
    expectation: int
    target: ObjectRef
    message: str


class Standing(StrEnum):
    """The three-valued answer for one intent and one target, as verification asks it."""

    CLEAR = "clear"
    VIOLATED = "violated"
    UNSETTLED = "unsettled"  # settling, or not judged: the clock of "clear since" must not run


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one look at the world says: what is broken, what could not be told, what was checked.

    `judged` lists (intent, expectation index) that were decided either way, so that "no violation" can be
    told from "nobody looked".
    """

    at: float
    violations: tuple[Violation, ...]
    unknowns: tuple[Unknown, ...]
    judged: frozenset[tuple[str, int]]
    settling: tuple[Settling, ...] = ()
    targets: Mapping[str, int] = field(default_factory=dict)
    """Distinct objects that were judged, by kind; the denominators of the storm rule."""

    def standing(self, intent: str, target: ObjectRef) -> Standing:
        """Whether the intent's expectations hold for this target (uid aside) in this look.

        CLEAR needs every expectation of the intent judged and nothing on this target settling: the
        question that verification asks, so that "no violation" never passes for "healthy".
        """
        if any(found.target.key == target.key for found in self.of(intent)):
            return Standing.VIOLATED
        unknown = any(found.intent == intent for found in self.unknowns)
        judged = any(name == intent for name, _ in self.judged)
        settling = any(s.intent == intent and s.target.key == target.key for s in self.settling)
        return Standing.UNSETTLED if unknown or settling or not judged else Standing.CLEAR

    def of(self, intent: str) -> Iterator[Violation]:
        """The violations of one intent."""
        return (violation for violation in self.violations if violation.intent == intent)


class CaseKey(NamedTuple):
    """One case per intent and top owner, whatever its pods do (ARCHITECTURE, Types that flow)."""

    intent: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.intent}/{self.kind}/{self.namespace}/{self.name}"

    @property
    def id(self) -> str:
        """Short and stable, for command lines and annotations; the ledger adds an opening number."""
        return hashlib.sha256(str(self).encode()).hexdigest()[:8]


class CaseReason(StrEnum):
    """Why triage made (or did not make) this a matter to mend now."""

    MENDABLE = "Mendable"
    ROLLING_OUT = "RollingOut"  # still gaining available pods: wait
    STORM = "Storm"  # too many targets unhealthy at once: not ours to touch
    NO_TARGET = "NoTarget"  # nothing that a patch could change: escalate
    PAUSED_BY_OWNER = "PausedByOwner"  # spec.paused
    SAME_CAUSE = "SameCause"  # another case with the same cause is worked on first: wait for how it ends


class Cause(NamedTuple):
    """What several cases can have in common: an object by name, or an image (which stands in no namespace)."""

    kind: str  # Node, PersistentVolumeClaim, ConfigMap or Image
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Case:
    """What the mend loop works on: every violation of one key, the primary first."""

    key: CaseKey
    target: ObjectRef
    reason: CaseReason
    violations: tuple[Violation, ...]
    cause: Cause | None = None
    """What it may have in common with others."""
    others: tuple[ObjectRef, ...] = ()
    """The targets of the cases that wait for this one; empty but on the one that is worked on."""
    first: CaseKey | None = None
    """The case that this one waits for (SAME_CAUSE)."""

    @property
    def primary(self) -> Violation:
        """The violation nearest to the cause (triage orders them)."""
        return self.violations[0]

    @property
    def fault_class(self) -> FaultClass:
        """The primary violation's class."""
        return self.primary.fault_class

    @property
    def severity(self) -> Severity:
        """The worst severity among the violations."""
        order = list(Severity)
        return min((violation.severity for violation in self.violations), key=order.index)
