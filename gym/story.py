"""What the ledger tells of each case, for a person who watches: read models of the demo, nothing else.

Fed with ledger rows in order. Whatever is shown is in the ledger; nothing is asked of the daemon's memory.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from remediation.model import Outcome
from remediation.saga import Event
from store.queries import Step

Json = dict[str, Any]

ENDINGS = frozenset(
    {
        Event.HELD,
        Event.RESOLVED,
        Event.ESCALATED,
        Event.ROLLED_BACK,
        Event.ROLLBACK_IMPOSSIBLE,
        Event.TARGET_GONE,
        Event.REJECTED,
        Event.CLOSED,
    }
)
"""Events after which nothing more happens to a case by itself."""


@dataclass(slots=True)
class CaseStory:
    """One case so far. `at` holds when each event came last, in Unix seconds."""

    case_id: str
    intent: str
    target: str
    fault_class: str
    summary: str
    message: str
    at: dict[str, float] = field(default_factory=dict)
    cause: str = ""
    weights: str = ""
    candidates: list[Json] = field(default_factory=list)
    chosen: str | None = None
    wrote: Json | None = None  # the manifest, where the model wrote it itself
    confidence: float | None = None
    unusable: str = ""
    model_seconds: float = 0.0
    touched: list[Json] = field(default_factory=list)
    verdicts: list[Json] = field(default_factory=list)
    dry_run: str = ""
    writes: int = 0
    outcome: Outcome | None = None
    reason: str = ""

    @property
    def ended(self) -> bool:
        return self.outcome is not None

    def seconds(self, start: Event, *ends: Event) -> float | None:
        """From one event to the first of others that came, None where either did not."""
        end = next((self.at[e] for e in ends if e in self.at), None)
        return None if end is None or start not in self.at else max(0.0, end - self.at[start])

    def take(self, step: Step) -> None:
        """One more row."""
        payload = step.payload
        self.at[step.event] = step.at
        match Event(step.event):
            case Event.DIAGNOSED:
                self._consulted(payload)
                self.chosen, self.confidence = payload["chosen"], payload["confidence"]
                self.wrote = payload["manifest"] if payload["wrote_manifest"] else None
                self.unusable = ""
            case Event.UNUSABLE:
                self._consulted(payload)
                self.unusable = f"{payload['reason']}: {payload['detail']}"
            case Event.PLANNED:
                self.touched = payload["touched"]
            case Event.GUARDED:
                self.verdicts, self.dry_run = payload["verdicts"], payload["dry_run"]
            case Event.APPLY_STARTED:
                self.writes += 1
            case Event.STALE:
                self.chosen, self.touched, self.verdicts = None, [], []
            case _:
                pass
        if Event(step.event) in ENDINGS and "outcome" in payload:
            self.outcome, self.reason = Outcome(payload["outcome"]), payload.get("reason", "")

    def _consulted(self, payload: Json) -> None:
        self.cause, self.weights = payload.get("cause") or "", payload.get("weights") or ""
        self.candidates = payload["candidates"]
        self.model_seconds = sum(q.get("seconds", 0.0) for q in payload["questions"])

    def chosen_candidate(self) -> Json | None:
        """The chosen change as a recorded candidate, also where the model wrote it."""
        if self.wrote is not None:
            kind, _, name = self.target.partition("/")
            return {"id": self.chosen, "target": [kind, "", name], "manifest": self.wrote}
        return next((c for c in self.candidates if c["id"] == self.chosen), None)


class Story:
    """All cases by id, in the order in which they were opened."""

    def __init__(self) -> None:
        self.cases: dict[str, CaseStory] = {}
        self.seen = 0  # the last row that was taken

    def take(self, step: Step) -> CaseStory | None:
        """One more row; answers the case that it is about."""
        self.seen = step.seq
        if step.case_id is None:
            return None
        if step.event == Event.OPENED:
            p = step.payload
            first = p["violations"][0]["message"] if p["violations"] else ""
            self.cases[step.case_id] = CaseStory(
                step.case_id,
                p["intent"],
                f"{p['kind']}/{p['name']}",
                p["fault_class"],
                p["summary"],
                first,
            )
        case = self.cases[step.case_id]
        case.take(step)
        return case

    def of(self, intent: str, since: float = 0.0) -> list[CaseStory]:
        """The cases of one intent that were opened after a time, oldest first."""
        return [c for c in self.cases.values() if c.intent == intent and c.at[Event.OPENED] >= since]

    def writes(self, intent: str) -> int:
        """How many writes were charged to an intent."""
        return sum(case.writes for case in self.cases.values() if case.intent == intent)
