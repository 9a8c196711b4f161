"""Progress on stderr: a bar with the time left at a terminal, else a line every few seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from tests.saga.wrong import Progress as Told

EVERY = 10.0
"""Seconds between two lines."""


@contextmanager
def telling(part: str) -> Iterator[Told]:
    """The progress of one part."""
    with _bar(part) if sys.stderr.isatty() else _lines(part) as told:
        yield told


@contextmanager
def _bar(part: str) -> Iterator[Told]:
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        TimeRemainingColumn(), TextColumn("{task.fields[what]}"),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(part, total=None, what="")

        def told(done: int, of: int, what: str) -> None:
            progress.update(task, completed=done, total=of or None, what=what[:60])

        yield told


@contextmanager
def _lines(part: str) -> Iterator[Told]:
    began = last = time.monotonic()
    sys.stderr.write(f"{part}: begins\n")

    def told(done: int, of: int, what: str) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < EVERY:
            return
        last = now
        left = f", about {(now - began) / done * (of - done) / 60:.1f} min left" if done and of else ""
        sys.stderr.write(f"{part}: {done} of {of or '?'}{left}: {what}\n")

    yield told
    sys.stderr.write(f"{part}: {time.monotonic() - began:.0f} s\n")
