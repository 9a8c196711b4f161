"""Where the gym keeps things: a cache that survives (built programs, weights) and state that `down` removes."""

from __future__ import annotations

import os
from pathlib import Path


class GymError(Exception):
    """The gym cannot go on. The message is one sentence; `remedy` says what the person can do about it."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy

    def __str__(self) -> str:
        return super().__str__() + (f" ({self.remedy})" if self.remedy else "")


def cache_dir() -> Path:
    """Built programs, headers and weights: safe to delete, slow to make again.

    `INTENTD_CACHE`, else the XDG cache folder.
    """
    if named := os.environ.get("INTENTD_CACHE"):
        return Path(named).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base).absolute() / "intentd"


def state_dir(named: Path | None = None) -> Path:
    """Running instances, one folder each: pids, certificates, logs, containers' file systems.

    The argument, else `INTENTD_GYM_STATE`, else the XDG state folder.
    """
    if named is not None:
        return named.absolute()
    if chosen := os.environ.get("INTENTD_GYM_STATE"):
        return Path(chosen).absolute()
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base).absolute() / "intentd" / "gym"
