"""`autonomy grant | revoke | list`: what intentd may do without asking."""

from __future__ import annotations

from typing import Annotated

import typer

from daemon.cli.common import (
    Output,
    OutputOption,
    SettingsOption,
    out,
    print_json,
    sentences,
    settings_of,
)
from daemon.cli.orders import Reason, order
from daemon.cli.status import ask, print_grants, until
from daemon.clock import SystemClock

app = typer.Typer(help="What intentd may do by itself.", no_args_is_help=True)

FaultClassArgument = Annotated[str, typer.Argument(help="A fault class such as ImagePull, or * for all.")]


@app.command()
def grant(
    fault_class: FaultClassArgument,
    *,
    reason: Reason,
    weights: Annotated[str, typer.Option(help="Digest of the model's weights, or * for any.")] = "*",
    mode: Annotated[str, typer.Option(help="propose or auto.")] = "auto",
    for_: Annotated[
        str | None, typer.Option("--for", help="How long, such as 12h; without it, until changed.")
    ] = None,
    settings: SettingsOption = None,
) -> None:
    """Let intentd mend one fault class by itself. Without a grant it only proposes."""
    told = order(
        settings, "grant", fault_class=fault_class, reason=reason, weights=weights, mode=mode, **{"for": for_}
    )
    out.print(
        f"{told['fault_class']}: {told['mode']} for weights {told['weights']}, until {until(told['until'])}",
        markup=False,
    )


@app.command()
def revoke(
    fault_class: FaultClassArgument,
    *,
    reason: Reason,
    settings: SettingsOption = None,
) -> None:
    """Take the grants of one fault class back, whatever the weights. It takes effect at once."""
    told = order(settings, "revoke", fault_class=fault_class, reason=reason)
    if told["revoked"]:
        out.print(f"{fault_class}: {told['revoked']} revoked", markup=False)
    else:
        out.print(f"nothing was granted for {fault_class}", markup=False)
    if told["still"]:
        out.print(f"still granted: {', '.join(told['still'])}", markup=False)


@app.command(name="list")
def list_(*, output: OutputOption = Output.TABLE, settings: SettingsOption = None) -> None:
    """List the grants in force."""
    with sentences():
        grants = ask(settings_of(settings))["grants"]
    if output is Output.JSON:
        print_json(grants)
    else:
        print_grants(grants, SystemClock().now())
