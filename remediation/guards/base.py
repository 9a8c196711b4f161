"""What a guard is, what it may know, and how all of them are run.

A guard is pure: everything it decides on stands in the GuardContext, which the caller builds from the object
as just read, the ledger and the settings. A guard that cannot decide refuses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any, Protocol

from detectors.model import FaultClass, ObjectRef
from intents.fields import FieldPath, format_path
from intents.model import Freeze, Gate, Intent, Mode
from remediation.diff import fork
from remediation.guards.surroundings import Surroundings
from remediation.model import ABSENT, Json, Patch, Plan, Verdict
from remediation.rehearsal import Rehearsed, Result
from remediation.values import canonical

Knob = tuple[str, str]
"""A touched path as text and the canonical JSON of the value that it was given (or ABSENT)."""


def knobs(plan: Plan) -> tuple[Knob, ...]:
    """What the plan turns, as the ledger remembers it of past changes."""
    return tuple((format_path(leaf.path), _spelt(leaf.after)) for leaf in plan.touched)


def _spelt(value: Any) -> str:
    return ABSENT if value == ABSENT else canonical(value)


@dataclass(frozen=True, slots=True)
class Change:
    """One write that was charged before. `result` is the ledger's word for what became of it: applied,
    held, not-held, rolled-back, stuck, refused; None where that is not known (it counts as written);
    `rehearsed` where only a canary of it was set up."""

    operation_id: str
    at: float  # Unix seconds
    intent: str
    kind: str
    namespace: str
    name: str
    fault_class: str
    knobs: tuple[Knob, ...]
    result: str | None
    was: tuple[Knob, ...] = ()
    """The same paths with the values before."""
    adds: Mapping[str, str] | None = None
    """CPU cores and bytes of memory that it requests beyond what was requested before, over all replicas, as
    the spend guard counted them when it was charged. None: not known."""

    @property
    def key(self) -> tuple[str, str, str]:
        """The object it changed."""
        return self.kind, self.namespace, self.name


@dataclass(frozen=True, slots=True)
class LocalTime:
    """The time of day where the intent's change window lives; the daemon computes it, because time zone
    data are files. `weekday` 0 is Monday, `minute` counts from local midnight."""

    weekday: int
    minute: int


@dataclass(frozen=True, slots=True)
class GrowthLimits:
    """How much bigger something may become, at once and within `per` seconds.

    Factors are of the value before or the last known good, whichever is more. A factor says little about
    something tiny, so up to a floor anything is small enough. Sources: twice, or four pods, is what a
    HorizontalPodAutoscaler adds at once by default (autoscaling/v2, `behavior.scaleUp`). That memory has a floor
    follows the VPA recommender, which adds at least 100 MiB after an OOM kill, whatever the ratio
    (`--oom-min-bump-up-bytes`); its height, the other floors and the caps are our own choice.
    """

    at_once: Decimal = Decimal(2)
    in_window: Decimal = Decimal(4)
    per: float = 86400.0
    memory_floor: Decimal = Decimal(256 * 2**20)  # bytes
    cpu_floor: Decimal = Decimal("0.5")  # cores
    replicas_floor: Decimal = Decimal(4)
    intent_cpu: Decimal = Decimal(4)
    intent_memory: Decimal = Decimal(8 * 2**30)
    cluster_cpu: Decimal = Decimal(16)
    cluster_memory: Decimal = Decimal(32 * 2**30)
    """What one intent, and all of them, may request more within `per`."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The operator's ceilings over every intent, and what the daemon counts them over (seconds)."""

    namespaces: tuple[str, ...] = ()  # only these; any where empty
    system_namespaces: bool = False
    cluster_changes: int = 20
    namespace_changes: int = 10
    fault_class_changes: int = 10
    per: float = 3600.0
    person_window: float = 600.0
    """Seconds for which a person's hand on a field keeps us off it; 0 turns the rule off."""
    object_changes: int = 3
    opt_in: bool = False  # only what carries intentd.io/managed=true, itself or by its namespace
    own: frozenset[tuple[str, str, str]] = frozenset()  # keys of objects that steer intentd itself
    ineffective_changes: int = 3
    ineffective_per: float = 86400.0
    backoff_most: float = 86400.0
    freezes: tuple[Freeze, ...] = ()
    gates: tuple[Gate, ...] = ()
    growth: GrowthLimits = GrowthLimits()


@dataclass(frozen=True)  # without slots, for what is worked out once and kept
class GuardContext:
    """Everything that guards decide on, for one plan at one moment. What several guards ask is worked out once;
    nothing that it holds may change meanwhile.

    `live` is the target as just read (None = absent). `target` is the case's own object, `related` the
    keys of other objects that code gathered as evidence for the case; a plan for anything else is refused.
    `last_known_good` belongs to the plan's target. `undoes` is the applied plan that this plan puts back,
    None for a fix. `approved_digest` is what people approved (None where it expired or too few did);
    `approved_by` are those who did, of `approvals_needed`.
    """

    plan: Plan
    live: Json | None
    intent: Intent | None
    target: ObjectRef
    fault_class: FaultClass
    now: float  # Unix seconds
    mode: Mode = Mode.OBSERVE
    approved_digest: str | None = None
    approved_by: tuple[str, ...] = ()
    approvals_needed: int = 1
    last_known_good: Json | None = None
    related: frozenset[tuple[str, str, str]] = frozenset()
    history: tuple[Change, ...] = ()
    rehearsals: tuple[Change, ...] = ()  # charged as well, though only a canary was set up
    limits: Limits = Limits()
    paused: str | None = None  # the reason
    kill_switch: str | None = None  # the reason
    storm: bool = False
    local_time: LocalTime | None = None
    reserved: Mapping[FieldPath, str] = field(default_factory=dict)  # pattern -> who owns it (HPA web)
    undoes: Plan | None = None
    operation_id: str | None = None  # a charge in `history` that is this plan's own
    rehearsed: Rehearsed | None = None  # the case's newest rehearsal
    rehearses: bool = False  # asked about the canary of this plan, not about the change itself
    surroundings: Surroundings = field(default_factory=Surroundings)
    deleted: bool = False
    """Of a recreation the first half happened: we deleted the object, and it has to be created again."""

    @property
    def is_rollback(self) -> bool:
        """Whether this plan undoes an applied one; it was charged and approved with its fix."""
        return self.undoes is not None

    @property
    def approved(self) -> bool:
        """Whether a person approved this very plan."""
        return self.approved_digest is not None and self.approved_digest == self.plan.digest

    @cached_property
    def charged(self) -> tuple[Change, ...]:
        """Past changes without this plan's own charge."""
        if self.operation_id is None:
            return self.history
        return tuple(change for change in self.history if change.operation_id != self.operation_id)

    @property
    def charged_rehearsals(self) -> tuple[Change, ...]:
        """Past rehearsals without the one that this plan passed: one cure is charged once."""
        passed = self.rehearsed is not None and self.rehearsed.result is Result.PASSED
        own = self.rehearsed.operation_id if self.rehearsed and passed else None
        return tuple(change for change in self.rehearsals if change.operation_id != own)

    @cached_property
    def charged_here(self) -> tuple[Change, ...]:
        """Those of the very object that the plan is for."""
        target = self.plan.target
        return tuple(c for c in self.charged if c.name == target.name and c.key == target.key)

    @cached_property
    def after(self) -> Json:
        """The target as the operations of a patch leave it, `live` for any other plan. It shares with `live` what
        stays (remediation/diff.py, `fork`): to look at, not to change. Raises PreconditionFailed."""
        live = self.live or {}
        return fork(live, self.plan.operations) if isinstance(self.plan, Patch) else live


class Guard(Protocol):
    """One reason to refuse a plan."""

    @property
    def name(self) -> str:
        """As the ledger and `explain` show it."""

    def judge(self, context: GuardContext) -> Verdict:
        """Allowed, or refused with a named reason; records the inputs it decided on."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """Makes a guard's verdicts, so that each guard states only reason, detail and inputs."""

    guard: str

    def allow(self, reason: str = "Ok", detail: str = "", **inputs: Any) -> Verdict:
        """Nothing against the plan."""
        return Verdict(self.guard, allowed=True, reason=reason, detail=detail, inputs=inputs)

    def refuse(self, reason: str, detail: str = "", **inputs: Any) -> Verdict:
        """Stop the plan."""
        return Verdict(self.guard, allowed=False, reason=reason, detail=detail, inputs=inputs)


def run_guards(context: GuardContext, guards: Sequence[Guard]) -> tuple[Verdict, ...]:
    """Every guard's verdict, also after a refusal: a person should see all reasons at once.

    A guard that fails refuses. This is the one place where that is decided, so any exception is caught: a
    mistake in a guard must neither open the gate nor hide what the other guards say.
    """
    return tuple(_judge(guard, context) for guard in guards)


def _judge(guard: Guard, context: GuardContext) -> Verdict:
    try:
        verdict = guard.judge(context)
    except Exception as error:  # noqa: BLE001 - fail closed, see run_guards
        return Ruling(guard.name).refuse("GuardFailed", f"{type(error).__name__}: {error}")
    return verdict


def allowed(verdicts: Sequence[Verdict]) -> bool:
    """Whether the plan may be written: at least one guard spoke, and none refused."""
    return bool(verdicts) and all(verdict.allowed for verdict in verdicts)
