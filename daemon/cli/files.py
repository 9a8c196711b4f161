"""`check`, `intents`, `schema`: intent files, without a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from daemon.cli.common import (
    Output,
    OutputOption,
    SettingsOption,
    err,
    out,
    print_json,
    print_table,
    sentences,
    settings_of,
)
from daemon.ports import Metrics
from daemon.settings import SettingsError


def check(
    path: Annotated[
        Path | None, typer.Argument(help="A file or a folder of intents (default: the settings' folder).")
    ] = None,
    *,
    prometheus: Annotated[
        bool,
        typer.Option("--prometheus", help="Have Prometheus (settings: prometheus.url) try the queries too."),
    ] = False,
    output: OutputOption = Output.TABLE,
    settings: SettingsOption = None,
) -> None:
    """List every mistake in intent files, at once. Each with file:line, field and remedy; exit code 1 where there
    is one."""
    from daemon.intent_check import check_path

    with sentences():
        metrics = _prometheus(settings) if prometheus else None
        report = check_path(path or settings_of(settings).intents, metrics)
    if output is Output.JSON:
        print_json(report.to_json())
    else:
        for line in report.lines():
            (err if report.problems else out).print(line, markup=False)
    raise typer.Exit(report.exit_code)


def _prometheus(settings: Path | None) -> Metrics:
    from daemon.wiring import metrics_of

    chosen = settings_of(settings)
    if chosen.prometheus.url is None:
        raise SettingsError("--prometheus needs prometheus.url in the settings, or INTENTD_PROMETHEUS__URL")
    return metrics_of(chosen)


def intents(*, output: OutputOption = Output.TABLE, settings: SettingsOption = None) -> None:
    """List the intents of the files. They are shown as they would be in force."""
    from daemon.intent_directory import IntentDirectory
    from daemon.rounds import ZONES
    from intents.catalog import compile_catalog

    with sentences():
        folder = settings_of(settings).intents
    catalog = compile_catalog(IntentDirectory(folder).read(), zones=ZONES)
    if output is Output.JSON:
        listed = [
            {
                "file": entry.file,
                "line": entry.line,
                **entry.intent.model_dump(mode="json", by_alias=True, exclude_none=True),
            }
            for entry in catalog.entries.values()
        ]
        print_json(listed)
        return
    rows = [
        (
            entry.intent.name,
            entry.intent.spec.scope.namespace,
            f"{entry.intent.spec.scope.kind or 'any'}/{entry.intent.spec.scope.name or '*'}",
            entry.intent.spec.mode.value,
            ",".join(expectation.type for expectation in entry.intent.spec.expectations),
            f"{entry.intent.spec.budget.changes} per {entry.intent.spec.budget.per}",
            f"{entry.file}:{entry.line}",
        )
        for entry in catalog.entries.values()
    ]
    print_table(
        ("name", "namespace", "scope", "mode", "expectations", "budget", "file"),
        rows,
        f"no intents in {folder}",
    )
    if catalog.problems:
        count = f"{len(catalog.problems)} problem{'s' * (len(catalog.problems) != 1)}"
        err.print(f"{count}; see `intentd check`", style="red", markup=False)


def schema() -> None:
    """Print the JSON Schema of intent files, for editors."""
    from intents.schema import intent_schema

    print_json(intent_schema())
