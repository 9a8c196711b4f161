"""What a trial may find wrong, told apart as the table of `make safety` counts it."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

Progress = Callable[[int, int, str], None]
"""(done, of, what): told after each piece of a long run."""


def silent(_done: int, _of: int, _what: str) -> None:
    """Tell nobody."""


class Kind(StrEnum):
    """`STUCK` is everything that did not end as it must and is neither of the others."""

    DUPLICATE = "duplicate"
    LOST = "lost"
    STUCK = "stuck"


class Wrong(NamedTuple):
    """One thing that is not as it must be."""

    kind: Kind
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


class WrongError(Exception):
    """The same, where nothing can go on after it."""

    def __init__(self, text: str, kind: Kind = Kind.STUCK) -> None:
        super().__init__(text)
        self.wrong = Wrong(kind, text)
