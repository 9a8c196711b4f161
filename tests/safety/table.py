"""The rows as people and programs read them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tests.safety.rows import Row

COLUMNS = (
    "PART", "TRIES", "REFUSED", "PAST", "DUPLICATES", "LOST", "LEAKED", "WRONG", "SECONDS", "MOST REFUSED BY",
)  # fmt: skip
TOP = 4
"""Guards that are named; the rest is in the JSON."""
SHOWN = 20
"""Findings of one part that are told."""
WIDTH = 200
"""Of a line that goes into a pipe."""


def show(rows: Sequence[Row], out: TextIO) -> None:
    """The table, and below it everything that is not as it must be."""
    console = Console(file=out, highlight=False, soft_wrap=not out.isatty())
    if not out.isatty():
        console.width = WIDTH
    table = Table(*COLUMNS, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*_cells(row), style=None if row.safe else "red")
    console.print(table)
    for row in rows:
        for note in row.notes:
            console.print(f"{row.part}: {note}", markup=False)
        for said in _complaints(row):
            console.print(f"{row.part}: {said}", markup=False, style="red")
    verdict = "every zero is one" if all(row.safe for row in rows) else "NOT SAFE"
    console.print(f"{verdict}; {sum(row.seconds for row in rows) / 60:.1f} min", markup=False)


def as_json(rows: Sequence[Row]) -> str:
    return json.dumps([row.to_json() for row in rows], indent=2, ensure_ascii=False) + "\n"


def _cells(row: Row) -> list[Text]:
    if row.not_run:
        return [Text(row.part), Text("not run"), *[Text("-")] * 6, Text(f"{row.seconds:.0f}"), Text("")]
    tries = str(row.tries) if row.tries >= row.of else f"{row.tries} of {row.of}"
    refused = sum(row.refused.values())
    found = (row.past, row.duplicates, row.lost, row.leaked, row.wrong)
    top = sorted(row.refused.items(), key=lambda pair: -pair[1])[:TOP]
    by = ", ".join(f"{name} {count}" for name, count in top)
    cells = [
        row.part,
        tries,
        str(refused) if row.refused else "-",
        *("-" if one is None else str(one) for one in found),
        f"{row.seconds:.0f}",
        by,
    ]
    return [Text(cell) for cell in cells]


def _complaints(row: Row) -> list[str]:
    if row.not_run:
        return [f"not run: {row.not_run}"]
    few = [] if row.tries >= row.of else [f"only {row.tries} of {row.of} tries were made"]
    more = [f"and {len(row.seen) - SHOWN} more"] if len(row.seen) > SHOWN else []
    return [*few, *row.seen[:SHOWN], *more]
