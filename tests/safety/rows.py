"""One line of the table of `make safety`, and when it may be called safe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

ZEROS = ("past", "duplicates", "lost", "leaked", "wrong")
"""Columns that must be zero. One that a part cannot find is None."""


@dataclass(frozen=True, slots=True)
class Row:
    """What one part found. It counts only where all `of` tries were made, so `of` is never 0.

    `past` the guards came so many, `wrong` is everything else that did not end as it must. `seen` says what they were,
    `notes` what else there is to say.
    `not_run` is the reason why this machine could not make the tries at all.
    """

    part: str
    tries: int
    of: int
    seconds: float
    refused: Mapping[str, int] = field(default_factory=dict)
    past: int | None = None
    duplicates: int | None = None
    lost: int | None = None
    leaked: int | None = None
    wrong: int = 0
    seen: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    not_run: str = ""

    @property
    def safe(self) -> bool:
        """Whether every try was made and found nothing."""
        ran = not self.not_run and self.tries >= self.of > 0
        return ran and not any(getattr(self, name) for name in ZEROS)

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "safe": self.safe}


def not_run(part: str, why: str, seconds: float = 0.0) -> Row:
    """A part of which nothing can be said."""
    return Row(part, 0, 1, seconds, not_run=why)
