"""One line of `intentd doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from detectors.model import Turn


class State(StrEnum):
    """How a check came out. A warning degrades something; only what stops intentd's work fails."""

    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found, and what a person can do about it."""

    check: str
    state: State
    message: str
    remedy: str = ""


def whose(turn: Turn) -> str:
    """Whose turn it is, said to the person at the terminal."""
    return _TURNS[turn]


_TURNS = {
    Turn.OURS: "intentd's turn: the daemon asks again by itself",
    Turn.OPERATOR: "your turn",
    Turn.NOBODY: "nobody's turn",
}
