"""What a benchmark answers: figures with the promise that they are held against, and the machine they came from."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured quantity. `at_most` and `at_least_ratio` are promises; None where nothing was promised.

    `ratio` is typed divided by intentd: how many times more the typed way needs.
    """

    name: str
    unit: str
    intentd: float
    typed: float | None = None
    at_most: float | None = None
    at_least_ratio: float | None = None
    samples: int = 1
    note: str = ""

    @property
    def ratio(self) -> float | None:
        return None if self.typed is None or self.intentd <= 0 else self.typed / self.intentd

    @property
    def kept(self) -> bool | None:
        """Whether every promise of this figure holds; None without one."""
        if self.at_most is None and self.at_least_ratio is None:
            return None
        small = self.at_most is None or self.intentd <= self.at_most
        ahead = self.at_least_ratio is None or (self.ratio is not None and self.ratio >= self.at_least_ratio)
        return small and ahead


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile: a value that was measured, never one in between. `values` not empty."""
    ordered = sorted(values)
    rank = max(1, -(-len(ordered) * share // 1))
    return ordered[min(len(ordered), int(rank)) - 1]


def machine() -> dict[str, Any]:
    """What a reader needs to doubt the figures: processor, cores, load from others, versions."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "?")
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "load_1m": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "kubernetes_client": version("kubernetes"),
        "msgspec": version("msgspec"),
    }


def tell(title: str, figures: Sequence[Figure], details: dict[str, Any], *, output: str, load: float) -> None:
    """Print as a table or as one JSON object. `load` is the load average before the measurement began."""
    if output == "json":
        rows = [{**asdict(each), "ratio": each.ratio, "kept": each.kept} for each in figures]
        document = {
            "benchmark": title,
            "machine": {**machine(), "load_1m_before": round(load, 2)},
            "figures": rows,
            "details": details,
        }
        json.dump(document, sys.stdout, indent=2)
        sys.stdout.write("\n")
        return
    table = Table(title=f"{title} (load before {load:.1f}, after {os.getloadavg()[0]:.1f})")
    for heading in ("figure", "intentd", "typed client", "typed / intentd", "promised", ""):
        table.add_column(heading, justify="left" if heading == "figure" else "right")
    for each in figures:
        mark = {True: "[green]kept[/]", False: "[red]missed[/]", None: ""}[each.kept]
        table.add_row(
            each.name, _amount(each.intentd, each.unit), _typed(each), _ratio(each), _promise(each), mark
        )
    out = Console()
    out.print(table)
    for each in figures:
        if each.note:
            out.print(f"{each.name}: {each.note}", highlight=False, soft_wrap=True)
    for key, value in details.items():
        out.print(f"{key}: {value}", highlight=False, soft_wrap=True)


def _amount(value: float, unit: str) -> str:
    return f"{value:.3g} {unit}" if value < 100 else f"{value:.0f} {unit}"


def _typed(figure: Figure) -> str:
    return "" if figure.typed is None else _amount(figure.typed, figure.unit)


def _ratio(figure: Figure) -> str:
    return "" if figure.ratio is None else f"{figure.ratio:.1f}"


def _promise(figure: Figure) -> str:
    parts = [] if figure.at_most is None else [f"≤ {_amount(figure.at_most, figure.unit)}"]
    parts += [] if figure.at_least_ratio is None else [f"≥ {figure.at_least_ratio:.0f} times less"]
    return ", ".join(parts)
