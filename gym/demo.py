"""`python -m gym demo`: intentd mends real faults on a real cluster while a person watches.

 1. Build or find what is needed; start the cluster, Prometheus, Ollama and intentd.
 2. Set healthy workloads up, drop their intents, wait until intentd knows the good state.
 3. Break them, watch the ledger, and judge by the cluster itself how it ended.
Whatever happens, nothing is left behind but `keep`: the ledger, the daemon's log and a report of the run.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import yaml
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from gym import build as builder
from gym import cluster, models, verdict, weights
from gym.cluster import Cluster
from gym.daemon import Daemon, start_daemon
from gym.faults import FAULTS
from gym.faults.base import Fault
from gym.live import Screen, View
from gym.objects import Objects
from gym.parts_list import BY_NAME
from gym.paths import GymError, cache_dir
from gym.prometheus import PARTS as PROMETHEUS_PARTS
from gym.providers.base import Provider
from gym.ready import api_client
from gym.setup_steps import Steps
from gym.story import Story
from gym.trial import Trial
from intents.model import Intent
from store.ledger import Ledger
from store.queries import newest_steps

EXPECTED = {
    "cluster": 5.0,
    "models": 8.0,
    "intentd": 2.0,
    "workloads": 4.0,
    "intentd notes what runs well": 18.0,
}
"""Seconds of each step on 2 cores with warm caches; replaced by this machine's own after the first run."""

KNOWN_GOOD_SECONDS = 90.0
RUN_SECONDS = 360.0
"""For all faults together, from the first injection."""
APART = 1.0
"""Seconds between two injections, so that a person can follow."""
ROWS = 1000
"""Most ledger rows that are read at once; a run has about a hundred."""


def run(instance: str, *, accept_weights: bool, keep: Path, provider: str | None, out: Console) -> bool:
    """The whole demo; answers whether every fault ended as it should. GymError where it cannot run."""
    # Also where a shell started us in the background, which ignores SIGINT for us.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    chosen = cluster.choose(provider)
    if not chosen.capabilities.own_cluster:
        raise GymError(
            f"the demo makes cluster roles and breaks things; it does not do so on a cluster of {chosen.name}",
            "leave --provider out; `intentd run --once` only reads",
        )
    _prepare(chosen, accept_weights, out)
    try:
        running, daemon, trials = _set_up(instance, chosen, out)
        story = _watch(running, daemon, trials, out)
        results = [verdict.judge(trial, story) for trial in trials]
        daemon.stop()
        _keep(daemon, keep, results)
        return _tell(daemon, results, keep, out)
    except KeyboardInterrupt:
        cluster.down(instance)
        out.print("interrupted; nothing was left behind")
        raise
    finally:
        cluster.down(instance)


def _prepare(chosen: Provider, accept_weights: bool, out: Console) -> None:
    """What takes minutes, once: programs and weights into the cache, each with its own bar."""
    parts = [*chosen.needs, *(PROMETHEUS_PARTS if chosen.capabilities.metrics else ())]
    if not os.environ.get("OLLAMA_HOST") and shutil.which("ollama") is None:
        parts.append("ollama")
    missing = [part for part in parts if not builder.is_built(part)]
    if missing:
        minutes = max(1, round(sum(BY_NAME[part].seconds for part in missing) / 60))
        out.print(
            f"first run: {', '.join(missing)} are built once, about {minutes} minutes on 2 cores; later runs begin "
            f"with the cluster ({cache_dir()})",
            highlight=False,
            soft_wrap=True,
        )
    builder.build(parts, console=out)
    for name in weights.DEFAULT:
        if weights.path_of(name) is not None:
            continue
        columns = (TextColumn("{task.description}"), BarColumn(bar_width=30), TimeRemainingColumn())
        with Progress(*columns, console=out, transient=True) as progress:
            task = progress.add_task(f"weights {name}", total=1.0)
            weights.fetch(name, accept=accept_weights, report=_moves(progress, task))


def _moves(progress: Progress, task: TaskID) -> Callable[[float, str], None]:
    def report(share: float, _words: str) -> None:
        progress.update(task, completed=share)

    return report


def _set_up(instance: str, chosen: Provider, out: Console) -> tuple[Cluster, Daemon, list[Trial]]:
    with Steps("setting up", EXPECTED, out) as steps:
        with steps.step("cluster"):
            running = cluster.up(
                instance,
                provider=chosen.name,
                fresh=True,
                with_prometheus=chosen.capabilities.metrics,
                with_ollama=True,
                report=steps.say,
            )
        faults = [fault for fault in FAULTS if _can(running, fault)]
        assert running.ollama_url is not None
        with steps.step("models"):
            served = models.serve(running.ollama_url, steps.say)
        with steps.step("intentd"):
            overrides = {
                "model": served.settings(running.ollama_url),
                # Five faults at once are the demo's own doing; an operator's cluster keeps the default.
                "limits": {"storm_targets": len(faults), "concurrent": len(faults)},
            }
            daemon = start_daemon(running, overrides)
            daemon.order("grant", fault_class="*", weights="*", mode="auto", reason="demo")
        with steps.step("workloads"):
            objects = Objects(api_client(running.kubeconfig))
            for namespace in sorted({fault.namespace for fault in faults}):
                objects.namespace(namespace)
            trials = [Trial(fault, objects) for fault in faults]
            for trial in trials:
                trial.set_up()
            for trial in trials:
                steps.say(trial.fault.target[1])
                trial.wait_until_healthy()
                if trial.fault.breakage is not None:
                    daemon.drop_intent(trial.fault.intent_name, trial.fault.intent)
        with steps.step("intentd notes what runs well"):
            _wait_for_known_good(daemon, trials, steps)
    out.print(
        f"[green]✓[/] {running.provider.name} cluster, intentd as {daemon.account}, {served.made_of}",
        highlight=False,
    )
    skipped = [fault.name for fault in FAULTS if fault not in faults]
    if skipped:
        out.print(f"[yellow]![/] {running.provider.name} cannot show: {', '.join(skipped)}")
    return running, daemon, trials


def _can(running: Cluster, fault: Fault) -> bool:
    """Whether this provider shows the fault truly."""
    has = running.capabilities
    return (has.real_containers or not fault.needs_containers) and (has.metrics or not fault.needs_metrics)


def _wait_for_known_good(daemon: Daemon, trials: Sequence[Trial], steps: Steps) -> None:
    ledger = daemon.ledger()
    try:
        end = time.monotonic() + KNOWN_GOOD_SECONDS
        while missing := [t.fault.target[1] for t in trials if not t.is_known_good(ledger)]:
            if time.monotonic() > end:
                raise GymError(f"intentd did not learn the good state of {', '.join(missing)}")
            steps.say(", ".join(missing))
            time.sleep(0.25)
    finally:
        ledger.close()


def _watch(running: Cluster, daemon: Daemon, trials: Sequence[Trial], out: Console) -> Story:
    """Break everything and follow the ledger until every case has ended or the time is over."""
    specs = {t.fault.intent_name: Intent.model_validate(yaml.safe_load(t.fault.intent)).spec for t in trials}
    heading = f"intentd on {running.instance.name} ({running.provider.name})"
    view = View([t.fault for t in trials], specs, Story(), heading)
    waiting = list(trials)
    next_injection = time.monotonic()
    end = time.monotonic() + RUN_SECONDS
    ledger = daemon.ledger()
    try:
        with Screen(out, view) as screen, _status_beside(daemon, view):
            while time.monotonic() < end:
                now = time.monotonic()
                if waiting and now >= next_injection:
                    _inject(waiting.pop(0), daemon, view, screen)
                    next_injection = now + APART
                if not daemon.alive:
                    raise GymError(f"intentd ended. Its log ends:\n{daemon.log.read_text()[-2000:]}")
                _follow(ledger, view, screen)
                if not waiting and _over(trials, view):
                    break
                time.sleep(0.1)
    finally:
        ledger.close()
    return view.story


def _inject(trial: Trial, daemon: Daemon, view: View, screen: Screen) -> None:
    trial.inject()
    view.injected[trial.fault.name] = trial.injected_at
    screen.say(f"{trial.fault.name:<17}injected  {trial.fault.title}")
    if trial.fault.breakage is None:
        daemon.drop_intent(trial.fault.intent_name, trial.fault.intent)


@contextmanager
def _status_beside(daemon: Daemon, view: View) -> Iterator[None]:
    """Ask for the status every two seconds in a thread: a slow answer must not stop the view."""
    stop = threading.Event()

    def ask() -> None:
        while not stop.wait(2.0):
            with suppress(GymError, TimeoutError):
                view.status = daemon.order("status")

    thread = threading.Thread(target=ask, name="status", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()


def _follow(ledger: Ledger, view: View, screen: Screen) -> None:
    for step in newest_steps(ledger, limit=ROWS, after=view.story.seen):
        case = view.story.take(step)
        if case is not None:
            screen.event(step.event, case)


def _over(trials: Sequence[Trial], view: View) -> bool:
    """Whether each fault has a case and its newest one has ended."""
    cases = [view.case(trial.fault) for trial in trials]
    return all(case is not None and case.ended for case in cases)


def _keep(daemon: Daemon, keep: Path, results: Sequence[verdict.Result]) -> None:
    """The ledger, the log and the report survive the cluster."""
    keep.mkdir(parents=True, exist_ok=True)
    for stale in keep.glob(
        "ledger.db*"
    ):  # the write-ahead log of an earlier run's would be read into this one
        stale.unlink()
    source, target = sqlite3.connect(daemon.database), sqlite3.connect(keep / "ledger.db")
    with source, target:
        source.backup(target)
    source.close()
    target.close()
    shutil.copyfile(daemon.log, keep / "intentd.log")
    (keep / "report.json").write_text(json.dumps(verdict.rows(results), indent=2) + "\n")


def _tell(daemon: Daemon, results: Sequence[verdict.Result], keep: Path, out: Console) -> bool:
    verdict.print_table(results, out)
    wrong = [result for result in results if not result.ok]
    for result in wrong:
        out.print(f"[red]✗[/] {result.fault}: {result.wrong}", highlight=False, markup=True, soft_wrap=True)
    ledger = daemon.ledger()
    try:
        chain = ledger.verify()
    finally:
        ledger.close()
    intact = (
        "intact" if chain.broken_at is None else f"[red]broken at row {chain.broken_at}: {chain.reason}[/]"
    )
    out.print(f"ledger: {chain.rows} rows, hash chain {intact}", highlight=False, soft_wrap=True)
    out.print(f"kept for you: {keep}/ (ledger.db, intentd.log, report.json)", highlight=False, soft_wrap=True)
    if not wrong and chain.broken_at is None:
        out.print("[bold green]✓ every fault ended as it should[/]")
    return not wrong and chain.broken_at is None
