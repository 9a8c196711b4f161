"""Kubernetes timestamps as Unix seconds."""

from __future__ import annotations

from datetime import UTC, datetime


def seconds(text: str | None) -> float | None:
    """Unix seconds of an RFC 3339 time; None where there is none or it cannot be read, because a time that
    nobody knows must not count as long ago or as just now."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def between(start: str | None, end: str | None) -> float | None:
    """Seconds from one time to the other, never negative; None where one is unknown."""
    then = seconds(end)
    return None if then is None else age(start, then)


def age(text: str | None, at: float) -> float | None:
    """Seconds from then until `at`, never negative (clocks of nodes differ); None where unknown."""
    then = seconds(text)
    return None if then is None else max(0.0, at - then)
