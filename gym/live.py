"""The live view of the demo, fed by the ledger's story and `intentd status`, and by nothing else."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from gym.faults.base import Fault
from gym.lines import candidate_line, guards_line, lines_of, one_line, side
from gym.story import CaseStory, Story
from intents.model import IntentSpec
from intents.units import parse_duration
from remediation.model import Outcome
from remediation.saga import Event

Json = dict[str, Any]

GOOD = {Outcome.FIXED: "green", Outcome.ESCALATED: "yellow"}


@dataclass(slots=True)
class View:
    """Everything that is on the screen. `specs` are the intents' bodies by name."""

    faults: Sequence[Fault]
    specs: dict[str, IntentSpec]
    story: Story
    heading: str
    injected: dict[str, float] = field(default_factory=dict)
    status: Json = field(default_factory=dict)

    def case(self, fault: Fault) -> CaseStory | None:
        """The newest case of a fault since it was injected."""
        if fault.name not in self.injected:
            return None
        found = self.story.of(fault.intent_name, self.injected[fault.name] - 1.0)
        return found[-1] if found else None

    def budget_left(self, fault: Fault) -> str:
        """`2 of 3 per 1h`: what the intent may still change."""
        budget = self.specs[fault.intent_name].budget
        left = budget.changes - self.story.writes(fault.intent_name)
        return f"{left} of {budget.changes} per {budget.per}"

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Quiet faults, ended ones, then those in hand; what only waits for its proof is folded to a line
        where the screen is too short for all."""
        cases = {fault.name: self.case(fault) for fault in self.faults}
        yield self._heading()
        if quiet := [fault for fault in self.faults if cases[fault.name] is None]:
            yield _quiet(quiet, self.injected)
        known = [(fault, case) for fault in self.faults if (case := cases[fault.name]) is not None]
        ended = [(fault, case) for fault, case in known if case.ended]
        for fault, case in ended:
            yield _ended(fault, case)
        busy = [(fault, case) for fault, case in known if not case.ended]
        busy.sort(key=lambda pair: pair[1].at.get(Event.APPLIED, 0.0) or time.time())
        room = options.max_height - len(quiet) - len(ended) - 2
        panels = [self._panel(fault, case) for fault, case in busy]
        heights = [len(console.render_lines(panel, options)) for panel in panels]
        for place, (fault, case) in enumerate(busy):
            if sum(heights) > room and Event.APPLIED in case.at and place < len(busy) - 1:
                heights[place] = 1
                yield self._folded(fault, case)
            else:
                yield panels[place]

    def _folded(self, fault: Fault, case: CaseStory) -> Text:
        text = Text(f"⋯ {fault.title}: applied", style="cyan")
        text.append(_changes(case), style="not bold default")
        return text.append("  ").append_text(self._countdown(fault, case))

    def _heading(self) -> Text:
        status = self.status
        text = Text(self.heading, style="bold")
        if status:
            text.append(
                f"   intents {status['intents']}  violations {status['violations']}  "
                f"open cases {status['open_cases']}  ceiling {status['mode_ceiling']}",
                style="not bold dim",
            )
            if status["storm"]:
                text.append("  STORM: nothing is touched", style="bold red")
        return text

    def _panel(self, fault: Fault, case: CaseStory) -> Panel:
        body = Table.grid(padding=(0, 1))
        body.add_column(style="dim", no_wrap=True)
        body.add_column(overflow="fold")
        body.add_row("detected", Text(one_line(f"{case.summary}: {case.message}", 220)))
        if case.cause:
            body.add_row("cause", Text(one_line(case.cause, 220), style="italic"))
        elif Event.DIAGNOSIS_STARTED in case.at:
            waited = time.time() - case.at[Event.DIAGNOSIS_STARTED]
            body.add_row("cause", Text(f"the model reads the evidence … {waited:.0f} s", style="cyan"))
        for candidate in case.candidates:
            style = "bold green" if candidate["id"] == case.chosen else ""
            body.add_row("candidate", Text(candidate_line(candidate, case), style=style))
        if case.wrote is not None:
            body.add_row("written", Text(f"by the model itself, p(Yes) {case.confidence or 0:.2f}"))
        if case.touched:
            body.add_row("patch", diff(case.touched))
        if case.verdicts:
            refused = any(not v["allowed"] for v in case.verdicts)
            body.add_row("guards", Text(guards_line(case), style="red" if refused else "green"))
            body.add_row("dry run", Text(case.dry_run))
        if Event.APPLY_STARTED in case.at:
            body.add_row("apply", Text("written" if Event.APPLIED in case.at else "being written"))
        if Event.APPLIED in case.at:
            body.add_row("verify", self._countdown(fault, case))
        body.add_row("budget", Text(f"{self.budget_left(fault)} left", style="dim"))
        return Panel(body, title=f"{fault.title} · {case.target}", title_align="left", border_style="cyan")

    def _countdown(self, fault: Fault, case: CaseStory) -> Text:
        verification = self.specs[fault.intent_name].verification
        left = case.at[Event.APPLIED] + parse_duration(verification.timeout) - time.time()
        return Text(
            f"must stay away for {verification.window}, undone unless proven in {max(0.0, left):.0f} s"
        )


def _quiet(faults: Sequence[Fault], injected: dict[str, float]) -> Text:
    text = Text()
    for fault in faults:
        state = "injected, not seen yet" if fault.name in injected else "healthy"
        text.append(f"· {fault.title}: {state}\n", style="dim")
    text.rstrip()
    return text


def _changes(case: CaseStory) -> str:
    return "".join(
        f"  {leaf['path'].rpartition('.')[2]} {side(leaf, 'before')} → {side(leaf, 'after')}"
        for leaf in case.touched
    )


def _ended(fault: Fault, case: CaseStory) -> Text:
    right = case.outcome is fault.outcome
    text = Text("✓ " if right else "✗ ", style="bold green" if right else "bold red")
    text.append(f"{fault.title}: ")
    outcome = case.outcome
    text.append(str(outcome), style=GOOD.get(outcome, "red") if outcome else "red")
    text.append(_changes(case))
    if outcome is not Outcome.FIXED:
        text.append(f"  {one_line(case.reason, 110)}", style="dim")
    return text


def diff(touched: Sequence[Json]) -> Text:
    """Changed leaves as a coloured unified diff."""
    text = Text()
    for leaf in touched:
        text.append(f"@@ {leaf['path']}\n", style="cyan")
        text.append(f"- {side(leaf, 'before')}\n", style="red")
        text.append(f"+ {side(leaf, 'after')}\n", style="green")
    text.rstrip()
    return text


class Screen:
    """Shows a view while it changes: drawn anew on a terminal, a line an event elsewhere."""

    def __init__(self, console: Console, view: View) -> None:
        self._console, self._view = console, view
        self._began = time.monotonic()
        self._live = (
            Live(view, console=console, refresh_per_second=4, vertical_overflow="crop", transient=True)
            if console.is_terminal
            else None
        )

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def say(self, text: str) -> None:
        """A line of the demo's own, only where lines are printed."""
        if self._live is None:
            self._print(text)

    def event(self, name: str, case: CaseStory) -> None:
        """A ledger row was taken into the story."""
        if self._live is None:
            for line in lines_of(name, case):
                self._print(f"{case.intent:<17}{line}")

    def _print(self, text: str) -> None:
        line = f"{time.monotonic() - self._began:6.1f} s  {text}"
        self._console.print(Text(line), soft_wrap=True)
