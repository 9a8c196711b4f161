"""The closing table of a run: a line for each family of faults, and what all of them say together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gym.cases.model import Case, Expected, Scenario, Scoring
from gym.cases.results import Interval, Result, Summary, summary

CONTROLS = "control"
PIPED_WIDTH = 140


@dataclass(frozen=True, slots=True)
class Row:
    """One family. Shares are of scenarios with their intervals; None where no sample was run. `seconds` is the
    median of a sample."""

    family: str
    scenarios: int
    told: Summary
    seconds: float | None


def family_of(scoring: Scoring) -> str:
    """The family that the case states, else what stands before the colon of its fault; controls are one family."""
    if scoring.family:
        return scoring.family
    return CONTROLS if scoring.expected is Expected.NOTHING else scoring.fault_type.partition(":")[0].strip()


def scenario_of(scenario: Scenario) -> str:
    """What counts once: variants and duplicates of one scenario have one name."""
    case, scoring = scenario.case, scenario.scoring
    return scoring.scenario or case.origin.duplicate_of or case.id


def rows(results: Sequence[Result], scenarios: Sequence[Scenario], seed: int) -> tuple[Row, ...]:
    """The families in the order in which their first case stands."""
    by_id = {scenario.case.id: scenario for scenario in scenarios}
    families: dict[str, list[Scenario]] = {}
    for scenario in scenarios:
        families.setdefault(family_of(scenario.scoring), []).append(scenario)
    found = []
    for family, members in families.items():
        own = {scenario.case.id for scenario in members}
        of_family = [one for one in results if one.case in own]
        if of_family:
            found.append(_row(family, of_family, [by_id[name] for name in own], seed))
    return tuple(found)


def print_table(results: Sequence[Result], scenarios: Sequence[Scenario], seed: int, out: Console) -> None:
    """The table, the line for all, and why cases were skipped; whole lines where nobody looks at a terminal."""
    out = out if out.is_terminal else Console(file=out.file, width=PIPED_WIDTH)
    table = Table(title="Families", title_justify="left", header_style="bold", box=None)
    for name in ("family", "scenarios", "skipped", "seen", "right", "harm", "seconds"):
        table.add_column(name, justify="left" if name == "family" else "right", no_wrap=True)
    for row in rows(results, scenarios, seed):
        table.add_row(row.family, str(row.scenarios), *_cells(row.told, row.seconds))
    everything = _row("all", results, scenarios, seed)
    table.add_section()
    table.add_row(
        Text("all", style="bold"), str(everything.scenarios), *_cells(everything.told, everything.seconds)
    )
    out.print(table)
    out.print(
        "right, seen: share of scenarios with a 95 % bootstrap interval; of controls: left untouched",
        style="dim",
    )
    reasons: dict[str, int] = {}
    for one in results:
        if one.skipped is not None:
            reasons[one.skipped] = reasons.get(one.skipped, 0) + 1
    for reason, number in reasons.items():
        out.print(f"skipped {number}: {reason}", style="dim", highlight=False, soft_wrap=True)


def _row(family: str, results: Sequence[Result], scenarios: Sequence[Scenario], seed: int) -> Row:
    pairs: list[tuple[Case, Scoring]] = [(scenario.case, scenario.scoring) for scenario in scenarios]
    timed = [one.seconds for one in results if one.seconds is not None]
    distinct = {scenario_of(scenario) for scenario in scenarios}
    return Row(family, len(distinct), summary(results, pairs, seed), median(timed) if timed else None)


def _cells(told: Summary, seconds: float | None) -> tuple[str, str, str, str, str]:
    right = told.right or told.untouched
    return (
        str(told.skipped),
        _share(told.seen),
        _share(right),
        _share(told.harm),
        "-" if seconds is None else f"{seconds:.0f}",
    )


def _share(interval: Interval | None) -> str:
    if interval is None:
        return "-"
    return f"{interval.share:.0%} ({interval.low:.0%}-{interval.high:.0%})"
