"""`ledger verify | tail | backup`: the audit trail itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from daemon.cli.common import (
    WRONG,
    Output,
    OutputOption,
    SettingsOption,
    clock,
    err,
    out,
    print_json,
    print_table,
    reading,
    settings_of,
)
from store.queries import newest_steps, to_rows
from store.retention import backup as copy

app = typer.Typer(help="Verify, list or copy the audit trail.", no_args_is_help=True)


@app.command()
def verify(
    *,
    head: Annotated[
        str | None,
        typer.Option(help="The newest hash that you noted elsewhere: it must still be in the chain."),
    ] = None,
    output: OutputOption = Output.TABLE,
    settings: SettingsOption = None,
) -> None:
    """Prove that no row was changed, dropped, added or re-ordered."""
    with reading(settings) as store:
        report = store.verify()
        known = head is None or store.has_hash(head)
    told = {
        "rows": report.rows,
        "pruned_to": report.pruned_to,
        "head": report.head,
        "intact": report.intact and known,
        "reason": report.reason,
    }
    if not known:
        told["reason"] = (
            report.reason or f"the noted head {head} is not in the chain: rows were cut off or replaced"
        )
    if output is Output.JSON:
        print_json(told)
    elif told["intact"]:
        out.print(
            f"intact: {report.rows} rows after row {report.pruned_to}, head {report.head}", markup=False
        )
    else:
        err.print(f"BROKEN: {told['reason']}", style="bold red", markup=False)
    if not told["intact"]:
        raise typer.Exit(WRONG)


@app.command()
def tail(
    *,
    limit: Annotated[int, typer.Option("-n", min=1, help="At most so many rows.")] = 20,
    output: OutputOption = Output.TABLE,
    settings: SettingsOption = None,
) -> None:
    """List the newest rows."""
    with reading(settings) as store:
        found = newest_steps(store, limit=limit)
    if output is Output.JSON:
        print_json(to_rows(found))
        return
    rows = [
        (
            step.seq,
            clock(step.at),
            step.case_id or "-",
            step.event,
            json.dumps(step.payload, ensure_ascii=False)[:90],
        )
        for step in found
    ]
    print_table(("row", "time (utc)", "case", "event", "details"), rows, "the ledger is empty")


@app.command()
def backup(
    to: Annotated[Path, typer.Argument(help="A file that does not exist yet.")],
    *,
    settings: SettingsOption = None,
) -> None:
    """Copy the database while the daemon runs."""
    with reading(settings) as store:
        copy(store, to)
    err.print(f"{settings_of(settings).database} copied to {to}", markup=False)
