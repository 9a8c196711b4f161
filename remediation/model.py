"""The values that flow from a Case to an Outcome. All frozen; a decision is a value with a named reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from detectors.model import CaseKey, FaultClass, Gap, ObjectRef
from intents.fields import FieldPath, format_path

Json = dict[str, Any]

# ---------------------------------------------------------------- evidence


class EvidenceKind(StrEnum):
    """Where an item comes from; also the order in which a tight token budget is spent."""

    STATUS = "status"
    EVENT = "event"
    PREVIOUS_LOG = "previous log"
    LOG = "log"
    LAST_KNOWN_GOOD = "last known good"
    RELATED = "related"
    METRIC = "metric"
    SPEC = "spec"


@dataclass(frozen=True, slots=True)
class EvidenceItem:
    """One redacted piece of text. `id` (e1, e2, ...) is what an answer must cite; `source` says where it
    was read (`pod web-7f/app`). `weight` 0..1 orders items of one kind, the most telling first."""

    id: str
    kind: EvidenceKind
    source: str
    text: str
    weight: float = 0.5


@dataclass(frozen=True, slots=True)
class RawEvidence:
    """What the cluster port gathered for one case, not yet redacted or selected. Parts that could not be
    read are in `gaps`, never silently empty.

    `live` is the target as read (None = absent); `related` holds other whole objects by reference
    (ConfigMaps, Services, ReplicaSets of earlier revisions, pods); `last_known_good` the redacted target
    as it was when last healthy, from the store.
    """

    live: Json | None
    related: Mapping[ObjectRef, Json] = field(default_factory=dict)
    pods: tuple[Json, ...] = ()
    events: tuple[Json, ...] = ()
    logs: Mapping[tuple[str, str, bool], str] = field(default_factory=dict)  # (pod, container, previous)
    last_known_good: Json | None = None
    related_good: Mapping[ObjectRef, Json] = field(default_factory=dict)
    metrics: Mapping[str, str] = field(default_factory=dict)  # query, or what it stands for -> rendered value
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the model may see, and what candidates rest on.

    `facts` are the same without a word that a program or a person worded: kinds, states, counts, revisions, names.
    Nothing that is written into a log, a message or a value changes them.
    """

    items: tuple[EvidenceItem, ...]
    gaps: tuple[Gap, ...] = ()
    redactions: int = 0
    facts: tuple[EvidenceItem, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids that an answer may cite."""
        return tuple(item.id for item in self.items)


# ---------------------------------------------------------------- candidates and answers


@dataclass(frozen=True, slots=True)
class Candidate:
    """A change that the evidence supports, found by code.

    `manifest` holds only the parts that change, in Kubernetes' strategic-merge semantics (lists merge by
    key, null removes); `summary` is the change in plain words as the judge question states it. `origin`
    names the generator. `rests_on` cites evidence ids.
    """

    id: str
    origin: str
    target: ObjectRef
    summary: str
    manifest: Json
    rests_on: tuple[str, ...] = ()


class Role(StrEnum):
    """The three questions that the served model answers, each with its own prompt and measured score."""

    DIAGNOSE = "diagnose"
    JUDGE = "judge"
    REPAIR = "repair"


@dataclass(frozen=True, slots=True)
class Question:
    """One question to the model, complete: the adapter adds nothing to it.

    `system` and `prompt` are chat messages; what is constant stands first, so the server's prefix cache
    pays for it once. With `schema` the server decodes under that grammar. With `yes_no` the answer is one
    token and p(Yes) is read from its log-probabilities. `max_tokens` always bounds the answer.
    """

    role: Role
    system: str
    prompt: str
    max_tokens: int
    schema: Json | None = None
    yes_no: bool = False
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `p_yes` only for yes/no questions: P(Yes) / (P(Yes) + P(No)) over first-token
    log-probabilities. `seconds` is the whole exchange with the server, waiting for one's turn left out.

    `prompt_tokens` counts the whole prompt, also what the server still had in its prefix cache: Ollama does
    not tell how much it read anew, only how long that took. So `prompt_seconds` (prefill) beside
    `prompt_tokens` shows whether a prefix was read from cache; `answer_seconds` is the decoding and
    `load_seconds` the loading of the weights. None where the server does not say.
    """

    text: str
    p_yes: float | None
    prompt_tokens: int
    answer_tokens: int
    seconds: float
    weights: str  # digest of the served model
    prompt_seconds: float | None = None
    answer_seconds: float | None = None
    load_seconds: float | None = None


class UnusableReason(StrEnum):
    """Why an answer is no answer. Never a guess instead."""

    NO_MODEL = "NoModel"
    UNREACHABLE = "Unreachable"
    TIMED_OUT = "TimedOut"
    PROMPT_TOO_LONG = "PromptTooLong"
    CUT_SHORT = "CutShort"
    INVALID = "Invalid"
    UNKNOWN_EVIDENCE = "UnknownEvidence"
    ABSTAINED = "Abstained"
    LOW_CONFIDENCE = "LowConfidence"
    TOO_CLOSE = "TooClose"
    NOT_BY_FACTS = "NotByFacts"
    NO_TELLING_EVIDENCE = "NoTellingEvidence"
    NOTHING_TO_CHANGE = "NothingToChange"
    SAME_CAUSE = "SameCause"  # a person was called for it already, and no change is known here either


@dataclass(frozen=True, slots=True)
class Judged:
    """One candidate with the model's judgement of it alone."""

    candidate: Candidate
    p_yes: float


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The model's answer after all checks: cause, class, citations, and the chosen change.

    `wrote_manifest` is true where no candidate passed and the model wrote `chosen.manifest` itself.
    """

    cause: str
    fault_class: FaultClass
    evidence_ids: tuple[str, ...]
    confidence: float
    chosen: Candidate
    judged: tuple[Judged, ...]
    weights: str
    wrote_manifest: bool = False


@dataclass(frozen=True, slots=True)
class Unusable:
    """No diagnosis, with the reason and whatever was learnt on the way (a cause may be known even where
    no change is)."""

    reason: UnusableReason
    detail: str
    cause: str = ""
    fault_class: FaultClass | None = None
    judged: tuple[Judged, ...] = ()
    weights: str = ""


# ---------------------------------------------------------------- plans


@dataclass(frozen=True, slots=True)
class Operation:
    """One JSON Patch operation (RFC 6902)."""

    op: Literal["add", "remove", "replace", "test"]
    path: str  # JSON pointer on the live object
    value: Any = None


@dataclass(frozen=True, slots=True)
class Touched:
    """One leaf that a plan changes, by its keyed path. `before` or `after` is ABSENT where the field is
    not there."""

    path: FieldPath
    before: Any
    after: Any

    def __str__(self) -> str:
        return f"{format_path(self.path)}: {self.before!r} -> {self.after!r}"


OPERATION_ANNOTATION = "intentd.io/operation"
"""Marks the object with the id of our last write to it; recovery looks for it."""

ABSENT = "\x00absent"
"""Marks "no such field" in Touched; no JSON value that the API server accepts equals it."""


@dataclass(frozen=True, slots=True)
class Patch:
    """Change fields of one live object.

    `operations` carry `test` preconditions for every value that they replace; `inverse` puts exactly
    these fields back, and is valid only while `after` still stands. The digest binds target uid,
    operations and the touched values before (remediation/plan.py).
    """

    target: ObjectRef
    operations: tuple[Operation, ...]
    inverse: tuple[Operation, ...]
    touched: tuple[Touched, ...]
    digest: str


@dataclass(frozen=True, slots=True)
class Create:
    """Create an object under a name that code chose (never the model)."""

    target: ObjectRef
    manifest: Json
    touched: tuple[Touched, ...]
    digest: str


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete one incarnation of an object; only as the undo of a Create."""

    target: ObjectRef
    resource_version: str
    digest: str
    touched: tuple[Touched, ...] = ()


@dataclass(frozen=True, slots=True)
class Recreate:
    """Delete one incarnation and create the object anew, because a field that changes never can
    (remediation/recreate.py says of what, and when).

    `manifest` is what is created, `before` the object as it was, both without what the server writes itself;
    `before` is created instead where the server refuses `manifest` after the deletion. The digest binds uid,
    manifest and before.
    """

    target: ObjectRef
    manifest: Json
    before: Json
    touched: tuple[Touched, ...]
    digest: str


Plan = Patch | Create | Delete | Recreate


@dataclass(frozen=True, slots=True)
class NoPlan:
    """Why a manifest became no plan (empty diff, unknown container, ambiguous element, wrong object)."""

    reason: str
    detail: str


# ---------------------------------------------------------------- verdicts and outcomes


@dataclass(frozen=True, slots=True)
class Verdict:
    """One guard's answer with the inputs it decided on; recorded before the write."""

    guard: str
    allowed: bool
    reason: str
    detail: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)


class Outcome(StrEnum):
    """How a case ended."""

    FIXED = "fixed"  # we changed it, and the violation stayed away for the whole window
    SELF_RESOLVED = "self-resolved"  # gone before we changed anything, or perhaps not by our change
    MASKED = "masked"  # the violation is gone, but another of the same target came
    ROLLED_BACK = "rolled-back"  # our change did not hold; exactly our fields went back
    ESCALATED = "escalated"  # a person has to look
    REFUSED = "refused"  # guards or a person said no
    ABANDONED = "abandoned"  # the intent or the object is gone


@dataclass(frozen=True, slots=True)
class CaseId:
    """A case in the ledger: the key's hash plus the number of its opening, `3fa9c1d2-4`."""

    key: CaseKey
    opening: int

    def __str__(self) -> str:
        return f"{self.key.id}-{self.opening}"
