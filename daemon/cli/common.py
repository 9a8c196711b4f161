"""What every command shares: settings, output, exit codes, errors as sentences.

Exit codes: 0 done and nothing wrong; 1 done, and something is wrong (errors in files, violations, a broken
chain, a failed check); 2 the command or the settings cannot be used; 3 the daemon or the cluster cannot be
reached.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from daemon.control import CommandError, NotRunning
from daemon.ports import WorldError
from daemon.settings import Settings, SettingsError, load_settings
from intents.units import format_duration
from store.errors import StoreError
from store.ledger import Ledger

WRONG, USAGE, UNREACHABLE = 1, 2, 3

PIPED_WIDTH = 400

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


class Output(StrEnum):
    """How a listing is printed."""

    TABLE = "table"
    JSON = "json"


OutputOption = Annotated[Output, typer.Option("--output", "-o", help="table or json.")]
SettingsOption = Annotated[
    Path | None,
    typer.Option("--settings", "-f", help="Settings file (default: XDG or systemd configuration folder)."),
]


@contextmanager
def sentences() -> Iterator[None]:
    """Every expected failure becomes one sentence and an exit code; a bug keeps its trace."""
    try:
        yield
    except SettingsError as error:
        err.print(str(error), style="red", markup=False)
        raise typer.Exit(USAGE) from None
    except CommandError as error:
        err.print(str(error), style="red", markup=False)
        raise typer.Exit(WRONG) from None
    except (NotRunning, WorldError) as error:
        err.print(str(error), style="red", markup=False)
        raise typer.Exit(UNREACHABLE) from None
    except StoreError as error:
        err.print(str(error), style="red", markup=False)
        raise typer.Exit(USAGE) from None


def settings_of(path: Path | None) -> Settings:
    """The settings a command works with."""
    return load_settings(path)


@contextmanager
def reading(path: Path | None) -> Iterator[Ledger]:
    """The ledger, read-only, whether or not a daemon runs."""
    with sentences():
        store = Ledger.open_read_only(settings_of(path).database)
        try:
            yield store
        finally:
            store.close()


def print_json(value: Any) -> None:
    """Machine-readable output: plain, complete, stable."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], empty: str) -> None:
    """A kubectl-like table: no boxes, headers in capitals."""
    if not rows:
        err.print(empty, markup=False)
        return
    table = Table(*[column.upper() for column in columns], box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*[Text(str(cell)) for cell in row])
    # Piped output is for grep and awk: one line a row, whatever the width.
    (out if out.is_terminal else Console(highlight=False, width=PIPED_WIDTH)).print(table)


def age(then: float | None, now: float) -> str:
    """How long ago, as kubectl says it."""
    return "-" if then is None else format_duration(max(0.0, now - then))


def clock(at: float) -> str:
    """A time of day with its date, UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")
