"""What the loops share: the ports, and the little that is remembered between turns.

Nothing here is a source of truth. Everything in `Memory` is learnt again within one look after a restart;
what must survive is in the ledger.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from daemon.ports import Clock, Cluster, Metrics, Model, Notifier
from daemon.settings import Settings
from detectors.model import Case, CaseKey, Cause, Gap, Judgement, MetricReading
from detectors.world import World as Picture
from intents.catalog import Catalog
from remediation.canary_health import Watched
from remediation.model import Json, Unusable
from store.ledger import Entry, Ledger


@dataclass(frozen=True, slots=True)
class World:
    """Every port, wired once."""

    cluster: Cluster
    metrics: Metrics
    model: Model
    judge: Model  # the same as `model` unless the settings name another
    clock: Clock
    notifier: Notifier
    store: Ledger
    settings: Settings

    def record(self, *entries: Entry) -> None:
        """Append rows, all or none, dated now; durable when it returns. Raises StoreError."""
        self.store.record(entries, at=self.clock.now())


@dataclass(slots=True)
class Memory:
    """Shared by the loops; each attribute is replaced whole, never changed in place."""

    catalog: Catalog
    metrics: Mapping[str, MetricReading | Gap] = field(default_factory=dict)
    metrics_at: float = 0.0  # monotonic
    desired: Mapping[str, Json | Gap | None] = field(default_factory=dict)
    judgement: Judgement | None = None
    picture: Picture | None = None  # the latest look's indexes, which the next one goes on from
    cases: Mapping[CaseKey, Case] = field(default_factory=dict)  # as of the latest look
    clear_since: Mapping[CaseKey, float] = field(default_factory=dict)  # monotonic; absent = not clear
    seen_clear: frozenset[CaseKey] = frozenset()
    handed_over: Mapping[tuple[str, Cause], str] = field(default_factory=dict)
    """By intent and cause: the case with which a person was called for it."""
    storm: bool = False
    weights: str | Unusable | None = None  # of the served model, as last asked; None = not asked yet
    model_trouble: Unusable | None = None  # why the last question got no answer; None = it got one
    model_absent_since: Mapping[str, float] = field(default_factory=dict)  # by case id, monotonic
    canaries: Mapping[str, Watched] = field(default_factory=dict)  # by case id, as of the latest look
    pause_ends: Mapping[tuple[str, float, float], float] = field(
        default_factory=dict
    )  # monotonic; see pauses.py
    retry_at: Mapping[str, float] = field(default_factory=dict)  # by case id, monotonic
    looked: threading.Event = field(default_factory=threading.Event)  # set after each look
    thought: threading.Event = field(default_factory=threading.Event)  # set after each think or command
