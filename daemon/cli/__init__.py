"""`intentd`: the command line. Each command imports what it needs when it runs, so that `--help` is quick."""

from __future__ import annotations

from typing import Annotated

import typer

from daemon.cli import autonomy, cases, configuration, doctor, files, ledger, once, orders, status

app = typer.Typer(
    name="intentd",
    help="A self-healing daemon for Kubernetes: intents in, verified fixes out, every step recorded.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(*, asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"intentd {version('intentd')}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            "-V",
            callback=lambda asked: _version(asked=asked),
            is_eager=True,
            help="Show the version and exit.",
        ),
    ] = False,
) -> None:
    pass


app.command()(once.run)
app.command()(files.check)
app.command()(status.status)
app.command()(files.intents)
app.command()(files.schema)
app.command()(configuration.settings)
app.command()(cases.cases)
app.command()(cases.show)
app.command()(cases.explain)
app.command()(orders.approve)
app.command()(orders.reject)
app.command()(orders.undo)
app.command()(orders.close)
app.command()(orders.pause)
app.command()(orders.resume)
app.command()(doctor.doctor)
app.add_typer(ledger.app, name="ledger")
app.add_typer(autonomy.app, name="autonomy")


def main() -> None:
    """The console script."""
    app()
