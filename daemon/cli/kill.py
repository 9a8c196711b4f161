"""`kill`: the kill switch from the command line, with or without a daemon."""

from __future__ import annotations

from typing import Annotated

import typer

from daemon.cli.common import SettingsOption, out, sentences, settings_of
from daemon.control import CommandError, NotRunning, call
from daemon.kill_switch import lift as lift_file
from daemon.kill_switch import throw


def kill(
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why; it goes into the ledger and every refusal.")],
    lift: Annotated[bool, typer.Option("--lift", help="Allow writes again.")] = False,
    settings: SettingsOption = None,
) -> None:
    """Stop every write to the cluster at once, until it is lifted.

    Undoing included.
    """
    with sentences():
        chosen = settings_of(settings)
        try:
            told = call(chosen.socket, "kill", reason=reason, lift=lift)
        except NotRunning:
            try:
                changed = lift_file(chosen.kill_switch) if lift else True
                if not lift:
                    throw(chosen.kill_switch, reason)
            except OSError as error:
                raise CommandError(f"{chosen.kill_switch}: {error.strerror}") from error
            told = {"changed": changed, "still": None, "file": str(chosen.kill_switch)}
    if lift:
        out.print("lifted" if told["changed"] else "the kill switch was not set by file", markup=False)
    else:
        out.print(f"nothing is written to the cluster while {told['file']} exists", markup=False)
    if lift and told["still"]:
        out.print(f"another switch still stops every write: {told['still']}", markup=False)
