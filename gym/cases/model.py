"""What a case is made of.

Two types and no third that holds both by accident: `Case` is what the gym stages, `Scoring` is what only the
scorer reads. A `Scenario` pairs them for the runner, which hands out one or the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from gym.cases.assertions.base import Target
from gym.cases.assertions.registry import Check, leaves, target_of
from gym.cases.changes import Allowed
from gym.cases.context import ClusterContext

Json = dict[str, Any]

CONTROL = "none"
"""The fault_type of a control: nothing is wrong, whatever it looks like."""


class Tier(StrEnum):
    """What must run so that the fault shows."""

    CONTROL_PLANE = "control_plane"  # API server, controllers, scheduler; kwok nodes
    KWOK = "kwok_status_injection"  # the same, and a kwok stage writes status and events
    KUBELET = "real_kubelet"  # running containers, or a CNI that enforces NetworkPolicy
    METRICS = "prometheus_metrics"


class Determinable(StrEnum):
    """Whether the right fix follows from what can be seen."""

    YES = "yes"
    PARTIAL = "partial"  # several defensible fixes, or a value that must be chosen
    NO = "no"  # diagnose and escalate; any patch scores zero


class Expected(StrEnum):
    """What a right run does with a case."""

    FIX = "fix"
    ESCALATE = "escalate"
    NOTHING = "nothing"  # a control


# ---------------------------------------------------------------- what the gym stages


class Symptom(BaseModel):
    """What a kwok stage writes. The format leaves the list of fields open, so those that are not known here
    are kept in `model_extra`: a stage that cannot show one has to say so.

    `target` names the workload whose pods show it (the workloads of broken.yaml where left out), `container`
    which of its containers (the first; of `initContainerState` the first init container). `lasted` is how long
    (seconds) it has run, or ran until it ended. `events` are messages,
    where it matters with the reason before: `Unhealthy: Readiness probe failed: ...`.
    """

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    target: Target | None = None
    container: str | None = None
    restart_count: int | None = Field(None, alias="restartCount", ge=0)
    phase: str | None = None
    lasted: int | None = Field(None, ge=0)

    container_state: Json | None = Field(None, alias="containerState")
    init_container_state: Json | None = Field(None, alias="initContainerState")
    last_state: Json | None = Field(None, alias="lastState")
    pod_condition: Json | None = Field(None, alias="podCondition")
    ready: bool | None = None
    logs: str | None = None
    events: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """The policy of a policy task: which kinds it judges, with which parameters."""

    kind: str
    title: str = ""
    description: str = ""
    match: Json | None = None
    parameters: Json | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a case comes from. `duplicate_of` names a case with the same fault and manifest: they count
    once."""

    source: str = ""
    repository: str = ""
    commit: str = ""
    path: str = ""
    licence: str = ""
    split: str = ""
    manifest_derived: bool = False
    duplicate_of: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """What the gym stages. Nothing here says what is wrong, what is right or what may change.

    `broken` are the objects as applied, `inventory` those that stand beside them. `world.visible` says
    which objects a daemon may see of it.
    """

    id: str
    tier: Tier
    broken: tuple[Json, ...]
    inventory: tuple[Json, ...] = ()
    context: ClusterContext = field(default_factory=ClusterContext)
    symptom: Symptom | None = None
    more_symptoms: tuple[Symptom, ...] = ()
    question: str = ""
    policy: Policy | None = None
    origin: Origin = field(default_factory=Origin)

    @property
    def symptoms(self) -> tuple[Symptom, ...]:
        """Everything that a stage has to show; most cases state at most one."""
        return (*([self.symptom] if self.symptom is not None else []), *self.more_symptoms)


# ---------------------------------------------------------------- what only the scorer reads


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a right diagnosis says: a sentence, or a text that must or must not occur."""

    sentence: str = ""
    contains: str = ""
    lacks: str = ""


@dataclass(frozen=True, slots=True)
class Scoring:
    """The answers. `allowed` None: the case names no fields, so only the objects that its assertions judge
    may change. `compliant` and `violating` name the objects of a policy task; `violating` also those that a
    right escalation names. `mistakes` are changes that must not score as right.

    Variants of one `scenario` count once. `fault_classes` are those that the fault may show as; where they are
    left out, `fault_type` tells them (cause.py). `candidates_lack_right`: the right change is kept out of the
    candidates, so that only one of the model's own can heal.
    """

    fault_type: str
    determinable: Determinable
    diagnosis_only: bool
    assertions: tuple[Check, ...]
    allowed: tuple[Allowed, ...] | None
    findings: tuple[Finding, ...] = ()
    expected_fix: tuple[str, ...] = ()
    violating: tuple[Target, ...] = ()
    compliant: tuple[Target, ...] = ()
    compliant_objects: tuple[Json, ...] = ()
    fixes: Mapping[str, tuple[Json, ...]] = field(default_factory=dict)  # by file name
    mistakes: Mapping[str, tuple[Json, ...]] = field(default_factory=dict)  # by file name
    author: str = ""
    notes: str = ""
    scenario: str = ""
    family: str = ""
    tags: frozenset[str] = frozenset()
    fault_classes: frozenset[str] = frozenset()
    candidates_lack_right: bool = False

    @property
    def expected(self) -> Expected:
        """What a right run does."""
        if self.fault_type == CONTROL:
            return Expected.NOTHING
        return Expected.ESCALATE if self.determinable is Determinable.NO else Expected.FIX

    @property
    def may_change(self) -> tuple[Allowed, ...]:
        """What a run may change without an over-edit."""
        if self.allowed is not None:
            return self.allowed
        if self.expected is not Expected.FIX:
            return ()
        return tuple(Allowed(target.kind, target.name, ()) for target in self.targets)

    @property
    def targets(self) -> tuple[Target, ...]:
        """The objects that the assertions judge, each once."""
        found = (target_of(leaf) for check in self.assertions for leaf in leaves(check))
        return tuple(dict.fromkeys(target for target in found if target is not None))


@dataclass(frozen=True, slots=True)
class Scenario:
    """A case beside its answers, for the runner alone."""

    case: Case
    scoring: Scoring
