"""`autonomy`, `autonomy grant | revoke | list`: what intentd may do without asking, and why."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from daemon.autonomy import levels
from daemon.cli.common import (
    USAGE,
    Output,
    OutputOption,
    SettingsOption,
    age,
    err,
    out,
    print_json,
    print_table,
    sentences,
    settings_of,
)
from daemon.cli.orders import Reason, order
from daemon.cli.status import HASH_CHARS, ask, print_grants, until
from daemon.clock import SystemClock
from daemon.control import NotRunning, call
from daemon.settings import Settings
from store.ledger import Ledger

app = typer.Typer(help="Show, grant or revoke what intentd may do by itself.", invoke_without_command=True)

FaultClassArgument = Annotated[str, typer.Argument(help="A fault class such as ImagePull, or * for all.")]


@app.callback()
def autonomy(
    context: typer.Context, *, output: OutputOption = Output.TABLE, settings: SettingsOption = None
) -> None:
    """Show how far intentd may go for each fault class under each model's weights, and why."""
    if context.invoked_subcommand is not None:
        return
    with sentences():
        found = _levels(settings_of(settings))
    if output is Output.JSON:
        print_json(found)
        return
    now = SystemClock().now()
    columns = ("fault class", "weights", "mode", "because", "held", "until (utc)", "by", "age", "reason")
    print_table(columns, [_row(one, now) for one in found], "nothing was granted or earned: intentd proposes")


def _levels(settings: Settings) -> list[dict[str, Any]]:
    """The daemon's answer, or what the ledger says where none runs. Raises CommandError, StoreError."""
    try:
        found: list[dict[str, Any]] = call(settings.socket, "autonomy")["levels"]
    except NotRunning:
        store = Ledger.open_read_only(settings.database)
        try:
            return [asdict(one) for one in levels(store, settings, SystemClock().now())]
        finally:
            store.close()
    return found


def _row(one: dict[str, Any], now: float) -> tuple[str, ...]:
    held = f"{one['successes']}/{one['needed']}" if one["needed"] else str(one["successes"])
    waits = f", {one['waits_for']} more to confirm" if one["waits_for"] else ""
    return (
        one["fault_class"],
        shortened(one["weights"]),
        one["mode"],
        one["because"] + waits,
        "-" if "*" in (one["fault_class"], one["weights"]) else held,
        "-" if one["at"] is None else until(one["until"]),
        one["by"] or "-",
        age(one["at"], now),
        one["reason"] or "-",
    )


def shortened(weights: str) -> str:
    """As much of each digest as tells it from others."""
    return "+".join(part.removeprefix("sha256:")[:HASH_CHARS] for part in weights.split("+"))


@app.command()
def grant(
    fault_class: FaultClassArgument,
    *,
    reason: Reason,
    weights: Annotated[
        str | None,
        typer.Option(
            help="Digest of the model's weights or its first characters, or * for any; those served now where left out."
        ),
    ] = None,
    mode: Annotated[str, typer.Option(help="observe, propose or auto.")] = "auto",
    for_: Annotated[
        str | None, typer.Option("--for", help="How long, such as 12h; without it, until changed.")
    ] = None,
    until_: Annotated[
        str | None,
        typer.Option("--until", help="Until when, such as 2026-12-24T18:00; UTC unless it names a zone."),
    ] = None,
    settings: SettingsOption = None,
) -> None:
    """Let intentd mend one fault class by itself. What is neither granted nor earned is only proposed."""
    told = order(
        settings,
        "grant",
        fault_class=fault_class,
        reason=reason,
        weights=weights,
        mode=mode,
        until=_time(until_),
        **{"for": for_},
    )
    out.print(
        f"{told['fault_class']}: {told['mode']} for weights {told['weights']}, until {until(told['until'])}",
        markup=False,
    )
    if told["missing"]:
        out.print(f"it holds once {told['missing']} more of you say the same", markup=False)


def _time(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        said = datetime.fromisoformat(text)
    except ValueError:
        err.print(f"--until {text}: not a time such as 2026-12-24T18:00", style="red", markup=False)
        raise typer.Exit(USAGE) from None
    return (said if said.tzinfo else said.replace(tzinfo=UTC)).timestamp()


@app.command()
def revoke(
    fault_class: FaultClassArgument,
    *,
    reason: Reason,
    weights: Annotated[str, typer.Option(help="Only under these weights; * for all.")] = "*",
    settings: SettingsOption = None,
) -> None:
    """Take back what was granted to a fault class or earned by it. It takes effect at once."""
    told = order(settings, "revoke", fault_class=fault_class, weights=weights, reason=reason)
    if told["changed"]:
        out.print(f"{fault_class}: only proposed from now on ({told['revoked']} revoked)", markup=False)
    else:
        out.print(f"nothing was granted or earned for {fault_class}", markup=False)
    if told["still"]:
        out.print(f"still granted for others: {', '.join(told['still'])}", markup=False)


@app.command(name="list")
def list_(*, output: OutputOption = Output.TABLE, settings: SettingsOption = None) -> None:
    """List the grants in force."""
    with sentences():
        grants = ask(settings_of(settings))["grants"]
    if output is Output.JSON:
        print_json(grants)
    else:
        print_grants(grants, SystemClock().now())
