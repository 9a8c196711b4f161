"""`doctor`: whether everything that intentd needs is there, and how fast it would be."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from daemon.cli.common import (
    WRONG,
    Output,
    OutputOption,
    SettingsOption,
    err,
    out,
    print_json,
    sentences,
    settings_of,
)

STYLES = {"ok": "green", "warn": "yellow", "FAIL": "bold red"}


def doctor(
    *,
    wait: Annotated[
        float, typer.Option(min=1, help="Seconds for the model's answers: it may load, or answer the daemon.")
    ] = 30.0,
    output: OutputOption = Output.TABLE,
    settings: SettingsOption = None,
) -> None:
    """Check cluster, rights, Prometheus, model and ledger. Exit code 1 where something fails; a warning is no
    failure: intentd works on without that part."""
    from daemon.doctor import examine
    from daemon.findings import State

    with sentences():
        chosen = settings_of(settings)
    findings = []
    with err.status("") as waiting:
        for finding in examine(chosen, model_seconds=wait, telling=waiting.update):
            findings.append(finding)
            if output is Output.TABLE:
                line = Text(f"{finding.state.value:<5}", style=STYLES[finding.state.value])
                line.append(f" {finding.check:<20} {finding.message}", style="default")
                out.print(line)
                if finding.remedy and finding.state is not State.OK:
                    out.print(Text(f"      {'':<20} {finding.remedy}", style="dim"))
    if output is Output.JSON:
        print_json(
            [
                {"check": f.check, "state": f.state.value, "message": f.message, "remedy": f.remedy}
                for f in findings
            ]
        )
    if any(finding.state is State.FAIL for finding in findings):
        raise typer.Exit(WRONG)
