"""Ports: what the daemon needs from the world, as small protocols with plain values.

Every adapter in this folder has a fake in `tests/fakes/` that mirrors it, and one contract suite runs over
both. Client exceptions stop at the adapters: what crosses a port is a value (a Gap, a WriteResult) or one
of the two errors below.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from detectors.facts import Fact
from detectors.model import Case, Gap, MetricReading, Name, ObjectRef, Turn
from intents.problems import FileError
from remediation.model import Answer, Json, Operation, Question, RawEvidence, Unusable

# ---------------------------------------------------------------- errors


class WorldError(Exception):
    """Something outside failed. `turn` says whose turn it is; `remedy` what that person can do."""

    def __init__(
        self, message: str, *, turn: Turn, remedy: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.turn = turn
        self.remedy = remedy
        self.retry_after = retry_after  # seconds

    def __str__(self) -> str:
        return super().__str__() + (f" ({self.remedy})" if self.remedy else "")


# ---------------------------------------------------------------- clock


class Clock(Protocol):
    """The only way to learn the time or to wait."""

    def now(self) -> float:
        """Unix seconds (wall clock): for records and windows."""

    def monotonic(self) -> float:
        """Seconds that never step: for time limits and the look loop."""

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait for the event at most so long; true when it was set."""


# ---------------------------------------------------------------- cluster


class WriteStatus(StrEnum):
    """What became of a write (or its dry run)."""

    DONE = "done"
    CONFLICT = "conflict"  # resourceVersion or a test precondition failed: read again
    GONE = "gone"  # the object, or this incarnation of it, is not there
    EXISTS = "exists"  # create only
    REFUSED = "refused"  # validation, admission or rights: a retry will not help
    UNKNOWN = "unknown"  # no answer arrived: it may or may not have happened


@dataclass(frozen=True, slots=True)
class WriteResult:
    """The API server's answer to a write. `live` is the object after it, where DONE."""

    status: WriteStatus
    message: str = ""
    live: Json | None = None
    turn: Turn = Turn.NOBODY


LANDS_WITHIN = 120.0
"""Seconds after which a write without an answer has landed or never will: the API server gives up a request
after 60 (its `--request-timeout`), doubled for a clock that is off."""


class Cluster(Protocol):
    """Kubernetes, as far as intentd uses it."""

    def watch(self, kinds: AbstractSet[str]) -> None:
        """From now on also keep these kinds; a Gap until they were listed. Those of `detectors.watched.ALWAYS` are
        kept anyway, and nothing is ever given up."""

    def snapshot(self) -> Mapping[str, Mapping[Name, Fact] | Gap]:
        """Facts by kind as the watches know them now; a kind whose list failed, or whose watch has been
        silent for too long, is a Gap. The maps are not copied: treat them as frozen."""

    def changed(self) -> threading.Event:
        """Set whenever a watch delivered something; the look loop clears it."""

    def read(self, ref: ObjectRef) -> Json | Gap | None:
        """One whole object, None where it does not exist (404), a Gap where that could not be told."""

    def list_now(self, kind: str, namespace: str) -> Sequence[Json] | Gap:
        """All objects of a kind in one namespace, asked of the server now; a Gap where that is not all."""

    def gather(self, case: Case) -> RawEvidence:
        """Status, events, logs and previous logs, related objects of one case. Never raises: parts that
        could not be read are gaps in the result. `last_known_good` is left for the caller."""

    def patch(
        self,
        ref: ObjectRef,
        operations: Sequence[Operation],
        *,
        resource_version: str,
        operation_id: str,
        dry_run: bool,
        live: Json | None = None,
    ) -> WriteResult:
        """JSON Patch with strict field validation. The adapter prepends `test` operations for uid and
        resourceVersion and adds the operation id annotation; it retries nothing. `live` is the object as it was
        read at that version: with it, it need not be read again."""

    def create(self, manifest: Json, *, operation_id: str, dry_run: bool, anew: bool = False) -> WriteResult:
        """Create with strict field validation, carrying the operation id annotation. Of Pods only canaries, and,
        with `anew`, what was deleted for this."""

    def delete(
        self, ref: ObjectRef, *, resource_version: str, dry_run: bool, orphan: bool = False
    ) -> WriteResult:
        """Delete with uid and resourceVersion preconditions. DONE is that the server took it: an object with
        finalizers stays for a while. What it owns goes after it, or, with `orphan`, stays."""


# ---------------------------------------------------------------- metrics, model


class Metrics(Protocol):
    """Prometheus."""

    def read(self, queries: Mapping[str, str]) -> Mapping[str, MetricReading | Gap]:
        """The comparison queries of `detectors.promql`, answered by key. Time-outs, warnings and errors
        are Gaps; never raises."""

    def value(self, query: str) -> str | Gap:
        """One query rendered as short text, for evidence."""


class Model(Protocol):
    """The language model server."""

    def ask(self, question: Question) -> Answer | Unusable:
        """One answer within the adapter's time limit, or why not; never raises."""

    def weights(self) -> str | Unusable:
        """The digest of the served model."""


# ---------------------------------------------------------------- intents, people


class IntentSource(Protocol):
    """Where intent files come from."""

    def read(self) -> Mapping[str, bytes | FileError]:
        """Every intent file by its name relative to the directory."""

    def changes(self, stop: threading.Event) -> Iterator[None]:
        """Yields after each burst of changes until `stop` is set."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A message to people: an escalation or its end."""

    title: str
    body: str
    case: str
    severity: str


class Notifier(Protocol):
    """How people are told."""

    def send(self, notice: Notice) -> bool:
        """False where nobody could be reached (logged by the adapter); never raises."""
