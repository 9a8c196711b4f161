"""Ledgers of every legal shape: what a test appends, and as Hypothesis strategies."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from detectors.model import CaseKey
from remediation.saga import Event, State, advance, begin, legal
from store.ledger import Entry, Ledger
from store.projection import SystemEvent

NOW = 1_700_000_000.0
KEY = CaseKey("web-runs", "Deployment", "shop", "web")
OPENED = {"fault_class": "ImagePull", "severity": "critical", "summary": "ImagePull: container app"}


def opened(case: str, name: str = "web") -> Entry:
    key = {"intent": "web-runs", "kind": "Deployment", "namespace": "shop", "name": name, "opening": 1}
    return Entry(Event.OPENED, {**OPENED, **key}, case)


def move(event: Event, case: str, **more: Any) -> Entry:
    """A row with everything that any event's projection reads."""
    target = {"kind": "Deployment", "namespace": "shop", "name": case}
    payload: dict[str, Any] = {
        "plan": {"form": "patch"},
        "digest": "d1",
        "until": NOW + 60,
        "by": "me",
        "operation_id": f"{case}.1",
        "target": target,
        "touched": [],
        "outcome": "fixed",
        "approved": True,
    }
    return Entry(event, {**payload, **more}, case)


def notice(number: int = 1) -> Entry:
    return Entry(SystemEvent.NOTICE_SENT, {"id": number})


WRITTEN = (
    Event.DIAGNOSIS_STARTED,
    Event.DIAGNOSED,
    Event.PLANNED,
    Event.GUARDED,
    Event.APPLY_STARTED,
    Event.APPLIED,
)


def healed(case: str) -> list[Entry]:
    """The whole life of one case."""
    return [opened(case, case), *(move(event, case) for event in (*WRITTEN, Event.HELD))]


def fill(store: Ledger, cases: int = 3, *, at: float = NOW) -> None:
    """So many healed cases, a transaction a row."""
    for number in range(cases):
        for entry in healed(f"case{number}-1"):
            store.record([entry], at=at)


def make(path: Path, cases: int = 3) -> Ledger:
    store = Ledger.open(path)
    fill(store, cases)
    return store


# ------------------------------------------------------------------ Hypothesis

texts = st.text(max_size=20) | st.sampled_from(["\ud800", "\x00", "\u2028", "'; DROP TABLE ledger; --"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
payloads = st.dictionaries(texts, values, max_size=4)
times = st.floats(min_value=0, max_value=4e9, allow_nan=False) | st.integers(min_value=0, max_value=10**10)


@st.composite
def lives(draw: st.DrawFn) -> Sequence[tuple[Entry, float]]:
    """Any interleaving of legal case lives, orders of people and notices, each row with its time."""
    states: dict[str, State] = {}
    applied: dict[str, int] = {}
    noticed = 0
    rows: list[tuple[Entry, float]] = []
    for _ in range(draw(st.integers(0, 25))):
        choice = draw(st.sampled_from(("open", "move", "move", "move", "system")))
        entry: Entry | None = None
        if choice == "open":
            case = f"case{len(states)}-1"
            states[case] = begin()
            applied[case] = 0
            entry = opened(case, case)
        elif choice == "move" and states:
            case = draw(st.sampled_from(sorted(states)))
            if moves := sorted(legal(states[case])):
                event = draw(st.sampled_from(moves))
                states[case] = advance(states[case], event)
                applied[case] += event is Event.APPLY_STARTED
                more: dict[str, Any] = {"operation_id": f"{case}.{applied[case]}", "said": draw(payloads)}
                if draw(st.booleans()):
                    more["notice"] = {"severity": "info", "title": draw(texts), "body": ""}
                    noticed += 1
                entry = move(event, case, **more)
        else:
            entry = draw(system_entries(noticed))
        if entry is not None:
            rows.append((entry, draw(times)))
    return rows


@st.composite
def system_entries(draw: st.DrawFn, notices: int) -> Entry:
    """Rows of no case."""
    until = draw(st.none() | times)
    scope = draw(st.sampled_from(("*", "shop")))
    made: dict[SystemEvent, dict[str, Any]] = {
        SystemEvent.STARTED: draw(payloads),
        SystemEvent.CATALOG: draw(payloads),
        SystemEvent.GRANTED: {
            "fault_class": scope,
            "weights": "*",
            "mode": draw(st.sampled_from(("propose", "auto"))),
            "until": until,
            "reason": "",
            "by": draw(st.sampled_from(("me", "you"))),
            "people": draw(st.integers(1, 2)),
        },
        SystemEvent.REVOKED: {
            "fault_class": draw(st.sampled_from(("*", "ImagePull"))),
            "weights": draw(st.sampled_from(("*", ""))),
            "reason": "",
            "by": "me",
        },
        SystemEvent.PROMOTED: {
            "fault_class": "ImagePull",
            "weights": "",
            "successes": draw(st.integers(1, 3)),
            "case": "case0-1",
        },
        SystemEvent.PAUSED: {"scope": scope, "reason": "", "by": "me", "until": until},
        SystemEvent.RESUMED: {"scope": scope, "by": "me"},
        SystemEvent.LAST_GOOD: {
            "kind": "Service",
            "namespace": "shop",
            "name": "web",
            "version": "1",
            "manifest": draw(payloads),
        },
        SystemEvent.NOTICE_SENT: {"id": draw(st.integers(0, notices + 1))},
    }
    event = draw(st.sampled_from(sorted(made)))
    return Entry(event, made[event])
