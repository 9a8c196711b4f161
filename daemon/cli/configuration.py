"""`settings`: what is in force and where it comes from, or everything that can be set."""

from __future__ import annotations

from typing import Annotated

import typer

from daemon.cli.common import (
    Output,
    OutputOption,
    SettingsOption,
    print_json,
    print_table,
    sentences,
)
from daemon.settings import load_settings, read_file


def settings(
    *,
    reference: Annotated[
        bool, typer.Option("--reference", help="Everything that can be set, as Markdown (docs/settings.md).")
    ] = False,
    output: OutputOption = Output.TABLE,
    path: SettingsOption = None,
) -> None:
    """Show the settings in force and where each comes from. Secrets are hidden."""
    from daemon.settings_reference import in_force, markdown

    if reference:
        typer.echo(markdown(), nl=False)
        return
    with sentences():
        found = tuple(in_force(load_settings(path), read_file(path)))
    if output is Output.JSON:
        print_json([{"name": one.name, "value": one.value, "source": one.source} for one in found])
        return
    rows = [(one.name, _short(one.value), one.source) for one in found]
    print_table(("setting", "value", "source"), rows, "")


def _short(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    if isinstance(value, bool):
        return str(value).lower()
    return "-" if value is None else str(value)
