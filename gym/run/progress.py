"""How far a run is and how long it will take: a bar on a terminal, a line a sample everywhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar

from gym.cases.results import Result
from gym.run.plan import Job


class Progress:
    """A context around the samples of a run. `lock` guards whatever the lanes share."""

    def __init__(self, console: Console, total: int, *, already: int = 0) -> None:
        self._console, self._total, self._done = console, total, 0
        self._began = time.monotonic()
        self._now: dict[tuple[str, int], None] = {}
        self.lock = threading.Lock()
        columns = (
            TextColumn("{task.completed} of {task.total}"),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[left]}"),
            TextColumn("[dim]{task.fields[doing]}"),
        )
        self._bar = Bar(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task("", total=total, left="", doing="")
        if already:
            console.print(f"{already} results are there already; {total} samples are left", highlight=False)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def begin(self, job: Job) -> None:
        """A sample begins."""
        with self.lock:
            self._now[job.id] = None
            self._show()

    def end(self, job: Job, result: Result, why: Sequence[str]) -> None:
        """A sample has ended."""
        with self.lock:
            self._done += 1
            self._now.pop(job.id, None)
            self._console.print(
                f"{self._done:>4}/{self._total}  {_mark(result)} {escape(result.case)} #{result.sample}: "
                f"{_words(result, why)}  [dim]{self.left()}[/]",
                highlight=False,
                soft_wrap=True,
            )
            self._show()

    def left(self) -> str:
        """The time left in words, from how long the samples so far took."""
        missing = self._total - self._done
        if not missing or not self._done:
            return ""
        seconds = (time.monotonic() - self._began) / self._done * missing
        return f"about {seconds / 60:.0f} min left" if seconds >= 90 else f"about {seconds:.0f} s left"

    def _show(self) -> None:
        doing = ", ".join(name for name, _ in self._now)
        self._bar.update(self._task, completed=self._done, left=self.left(), doing=doing)


def _mark(result: Result) -> str:
    if result.skipped is not None:
        return "[yellow]-[/]"
    return "[green]✓[/]" if result.right else "[red]✗[/]"


def _words(result: Result, why: Sequence[str]) -> str:
    if result.skipped is not None:
        return f"skipped: {escape(result.skipped)}"
    seen = f"{result.fault_class} {result.outcome or 'open'}" if result.seen else "not seen"
    harm = " [bold red]HARM[/]" if result.harm else ""
    reason = (
        ""
        if result.right or not result.seen
        else f" ({escape(' '.join(why[0].split())[:140])})"
        if why
        else ""
    )
    return f"{seen}{harm} in {result.seconds:.0f} s{reason}"
