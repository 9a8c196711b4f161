"""What the parts share: how much to try, where, and one practice cluster that starts when a part first asks."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from gym import cluster
from tests.saga.wrong import Progress


@dataclass(frozen=True, slots=True)
class Scale:
    """How many tries. None: all that there are."""

    answers: int | None
    patches: int
    kills_at_a_point: int
    kills_around: int
    images: int
    lived_on_every: int
    secrets_in_objects: int | None
    injected: int | None


WHOLE = Scale(None, 3000, 5, 100, 1200, 10, None, None)
QUICK = Scale(60, 300, 1, 8, 120, 15, 200, 6)


@dataclass
class Stage:
    """Use as a context: the cluster is gone at its end."""

    folder: Path
    scale: Scale
    seed: int = 1
    lanes: int = 3
    provider: str | None = None

    def __post_init__(self) -> None:
        self._ends = ExitStack()
        self._cluster: cluster.Cluster | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()

    def cluster(self, told: Progress) -> cluster.Cluster:
        """A real API server: kwok where nothing else is asked for, because no part needs real containers. GymError
        where none can be had."""
        if self._cluster is None:
            told(0, 0, "starting a practice cluster")
            state = self.folder / "gym"
            self._cluster = cluster.up("safety", provider=self.provider or "kwok", state=state)
            self._ends.callback(cluster.down, "safety", state=state)
        return self._cluster
