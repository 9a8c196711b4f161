"""`python -m benchmarks COMMAND [-o json]`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, rich_markup_mode=None)
_err = Console(stderr=True)


class Output(StrEnum):
    """How the answer is written."""

    table = "table"
    json = "json"


OutputOption = Annotated[Output, typer.Option("-o", "--output")]
InstanceOption = Annotated[
    str,
    typer.Option(help="A running kwok instance of this name is used and kept; else one is made for the run."),
]


def _say(text: str) -> None:
    _err.print(text, style="dim", highlight=False)


@app.command("list")
def list_and_judge(
    pods: int = 5000, rounds: int = 5, output: OutputOption = Output.table, instance: InstanceOption = "bench"
) -> None:
    """List and judge 5,000 pods: wall, CPU."""
    from benchmarks.list_and_judge import measure

    measure(instance, pods, rounds, output, _say)


@app.command("watch")
def watch_to_violation(
    pods: int = 5000,
    events: int = 200,
    output: OutputOption = Output.table,
    instance: InstanceOption = "bench",
) -> None:
    """Watch event to violation with 5,000 pods around: p99."""
    from benchmarks.watch_to_violation import measure

    measure(instance, pods, events, output, _say)


@app.command("fix")
def violation_to_fix(
    pods: int = 5000,
    incidents: int = 100,
    output: OutputOption = Output.table,
    instance: InstanceOption = "bench",
) -> None:
    """Violation to durable applied fix, model aside: p99."""
    from benchmarks.violation_to_fix import measure

    measure(instance, pods, incidents, output, _say)


@app.command()
def memory(
    pods: int = 20_000,
    settle: float = 60,
    output: OutputOption = Output.table,
    instance: InstanceOption = "bench",
) -> None:
    """Memory of `intentd run` with 20,000 pods."""
    from benchmarks.memory import measure

    measure(instance, pods, settle, output, _say)


@app.command()
def scale(
    pods: int = 20_000,
    nodes: int = 200,
    events: int = 100,
    seconds: float = 60,
    output: OutputOption = Output.table,
    instance: InstanceOption = "bench",
) -> None:
    """20,000 pods on 200 nodes: list and judge, steady events, a thousand intents."""
    from benchmarks.scale import measure

    measure(instance, pods, nodes, events, seconds, output, _say)


@app.command()
def churn(
    pods: int = 20_000,
    nodes: int = 200,
    minutes: float = 60,
    seed: int = 1,
    output: OutputOption = Output.table,
) -> None:
    """An hour of healthy churn with 20,000 pods in compressed time: silence, and what a look costs. Needs no cluster."""
    from benchmarks.silence import measure

    measure(pods, nodes, minutes, seed, output)


@app.command("guards")
def all_guards(rounds: int = 2000, output: OutputOption = Output.table) -> None:
    """All guards on a plan of 50 changed fields: median and p99. Needs no cluster."""
    from benchmarks.guards import measure

    measure(rounds, output)


@app.command()
def metrics(expectations: int = 1000, rounds: int = 3, output: OutputOption = Output.table) -> None:
    """1,000 expectations about metrics in batches, beside one by one. Needs no cluster, but the gym's Prometheus."""
    from benchmarks.metrics import measure

    measure(expectations, rounds, output, _say)


class Kind(StrEnum):
    """Which whole incidents."""

    candidate = "candidate"
    written = "written"


@app.command()
def incident(
    kind: Annotated[Kind, typer.Argument(help="A candidate passes, or the model writes the patch.")],
    incidents: int = 20,
    output: OutputOption = Output.table,
    instance: InstanceOption = "bench",
) -> None:
    """A whole incident with the real model: p95; needs weights and adapters."""
    from benchmarks.incident import measure

    measure(instance, kind, incidents, output, _say)


if __name__ == "__main__":
    app()
