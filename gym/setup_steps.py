"""Progress of a setup of several steps, with the time left: a bar on a terminal, a line a step elsewhere.

How long each step took is remembered in the cache, so that the second run's estimate is this machine's own.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from gym.paths import cache_dir


def _remembered() -> Path:
    return cache_dir() / "setup-seconds.json"


class Steps:
    """A context; `step` runs one of the named steps. `expected` gives seconds by name, first guesses."""

    def __init__(self, title: str, expected: Mapping[str, float], console: Console) -> None:
        self._title, self._console = title, console
        self._expected = {**expected, **_known(expected)}
        self._left = dict(self._expected)
        self._began = time.monotonic()
        columns = (
            SpinnerColumn(),
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=30),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            TextColumn("[dim]{task.fields[doing]}"),
        )
        self._progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        total = sum(self._expected.values())
        self._task = self._progress.add_task(title, total=total, left="", doing="")
        self._now: tuple[str, float] | None = None
        self._ended = threading.Event()
        self._ticker = threading.Thread(target=self._tick, name="progress", daemon=True)

    def __enter__(self) -> Self:
        self._progress.start()
        self._ticker.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._ended.set()
        self._ticker.join(2)
        self._progress.stop()
        if kind is None:
            took = time.monotonic() - self._began
            self._console.print(f"[green]✓[/] {self._title} in {took:.0f} s", highlight=False)
            _remember(self._expected)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Do one step. Its real time replaces the guess."""
        began = time.monotonic()
        self._now = (name, began)
        if not self._console.is_terminal:
            self._console.print(f"{began - self._began:6.1f} s  {name}", highlight=False)
        yield
        self._expected[name] = round(time.monotonic() - began, 1)
        self._left.pop(name, None)
        self._now = None

    def say(self, words: str) -> None:
        """What the step is at."""
        self._progress.update(self._task, doing=words)

    def _tick(self) -> None:
        total = sum(self._expected.values())
        while not self._ended.wait(0.25):
            left = sum(self._left.values())
            if (now := self._now) is not None:
                left -= min(time.monotonic() - now[1], self._left.get(now[0], 0.0))
                self._progress.update(self._task, description=f"{self._title}: {now[0]}")
            words = f"about {left:.0f} s left" if left >= 1 else "nearly there"
            self._progress.update(self._task, completed=max(0.0, total - left), left=words)


def _known(expected: Mapping[str, float]) -> dict[str, float]:
    try:
        found = json.loads(_remembered().read_text())
    except (OSError, ValueError):
        return {}
    return {name: float(found[name]) for name in expected if isinstance(found.get(name), int | float)}


def _remember(seconds: Mapping[str, float]) -> None:
    path = _remembered()
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(dict(seconds), indent=2) + "\n")
    part.replace(path)
