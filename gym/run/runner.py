"""`python -m gym run`: every case of a folder against a real intentd, scored, with what is needed to score others.

1. Read the cases; decide which can be shown here.
2. Start a cluster of our own, and the model's server.
3. Run the samples in lanes; each line is on disk as soon as its sample has ended.
4. Print the table. Whatever happens, nothing is left behind but the folder of results.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from kubernetes import client
from rich.console import Console
from urllib3.exceptions import HTTPError

from gym import cluster, models, weights
from gym.cases.folder import load_folder
from gym.cases.model import Scenario, Tier
from gym.cases.results import Result
from gym.cluster import Cluster
from gym.models import Served
from gym.paths import GymError
from gym.ready import api_client
from gym.report.write import note_cases, write_report
from gym.rights import grant
from gym.run import nodes
from gym.run.lanes import Lanes
from gym.run.plan import Job, by_nodes, plan
from gym.run.pod_logs import PodLogs
from gym.run.progress import Progress
from gym.run.record import Folder, Settings
from gym.run.rest import Refused, Rest
from gym.run.table import print_table
from gym.run.trial import Stand, try_case
from gym.run.watch import PATIENCE, Patience

PROVIDER = "kwok"
"""What shows all of a case but metrics. Its pods run no containers: symptoms are written as cases state them."""

NO_MODEL, USUAL_MODEL = "none", "usual"
DAEMONS = "daemons"
RECREATE = "intentd-recreate"
"""The ClusterRole of deploy/manifests/recreate.yaml."""

FAILED = "the practice failed: "
"""How the reason of a sample begins that could not be run through no fault of the case."""


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for."""

    cases: Path
    out: Path
    samples: int = 1
    model: str = USUAL_MODEL
    seed: int = 0
    tier: Tier | None = None
    lanes: int = 3
    instance: str = "run"
    accept_weights: bool = False
    keep: bool = False
    patience: Patience = PATIENCE


def run(options: Options, console: Console) -> bool:
    """The whole run; answers whether every sample could be run or was skipped for a reason of its own. GymError where
    it cannot begin."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    scenarios = _scenarios(options.cases)
    _prepare(options, console)
    try:
        with _stand(options, console) as stand:
            folder = Folder(options.out)
            settings = Settings(
                options.model,
                stand.served.made_of if stand.served else "no model",
                stand.cluster.provider.name,
                options.seed,
                options.tier.value if options.tier else None,
            )
            before = folder.begin(settings)
            note_cases(options.out, options.cases)
            results = _run_all(stand, options, scenarios, folder, before, console)
    except KeyboardInterrupt:
        cluster.down(options.instance)
        console.print(
            f"interrupted; what has ended is in {options.out}, and the same command goes on with the rest"
        )
        raise
    finally:
        cluster.down(options.instance)
    print_table(results, scenarios, options.seed, console)
    report = write_report(options.out, scenarios)
    console.print(f"results: {options.out}/, with every sample in {report}", highlight=False, soft_wrap=True)
    return not any((one.skipped or "").startswith(FAILED) for one in results)


def _scenarios(root: Path) -> tuple[Scenario, ...]:
    loaded = load_folder(root)
    if loaded.problems:
        raise GymError(
            "; ".join(map(str, loaded.problems[:5])), f"`python -m gym.cases {root}` lists all problems"
        )
    return loaded.scenarios


def _prepare(options: Options, console: Console) -> None:
    """What takes minutes once: programs, and weights if they are allowed to be fetched."""
    cluster.prepare(PROVIDER, with_ollama=options.model != NO_MODEL, console=console)
    wanted = weights.DEFAULT if options.model == USUAL_MODEL else {options.model} & weights.BY_NAME.keys()
    for name in wanted:
        if weights.path_of(name) is None:
            weights.fetch(name, accept=options.accept_weights, report=lambda _share, _words: None)


@contextmanager
def _stand(options: Options, console: Console) -> Iterator[Stand]:
    """A cluster with the usual nodes of cases, the model, and the server of pod logs."""
    logs = PodLogs()
    began = time.monotonic()
    running = cluster.up(
        options.instance, provider=PROVIDER, fresh=True, with_ollama=options.model != NO_MODEL
    )
    served = _served(options, running)
    with logs.serving(running.instance.path("pki")), api_client(running.kubeconfig) as api:
        rest = Rest(api)
        _allow_recreation(running, rest)
        took = time.monotonic() - began
        told = served.made_of if served else "no model"
        kept = options.out / DAEMONS if options.keep else None
        console.print(f"[green]✓[/] {running.provider.name} cluster, {told} ({took:.0f} s)", highlight=False)
        yield Stand(running, rest, client.CoreV1Api(api), logs, served, options.patience, kept)


def _allow_recreation(running: Cluster, rest: Rest) -> None:
    """Bind the right that the default intent's `recreate` needs and nobody has by default (docs/recreate.md): once for
    the whole cluster, for cases bring their own namespaces."""
    account = grant(running.kubeconfig, running.instance.path("account.kubeconfig"))
    namespace, _, name = account.partition("/")
    rest.create(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": RECREATE},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": RECREATE},
            "subjects": [{"kind": "ServiceAccount", "namespace": namespace, "name": name}],
        }
    )


def _served(options: Options, running: Cluster) -> Served | None:
    if options.model == NO_MODEL:
        return None
    assert running.ollama_url is not None
    if options.model == USUAL_MODEL:
        return models.serve(running.ollama_url, lambda _: None)
    return models.serve_one(running.ollama_url, options.model, lambda _: None)


def _run_all(
    stand: Stand,
    options: Options,
    scenarios: tuple[Scenario, ...],
    folder: Folder,
    before: tuple[Result, ...],
    console: Console,
) -> list[Result]:
    results = list(before)
    todo = plan(
        scenarios,
        samples=options.samples,
        tier=options.tier,
        capabilities=stand.cluster.capabilities,
        done={(one.case, one.sample) for one in before},
    )
    for skipped in todo.skipped:
        folder.add(skipped)
        results.append(skipped)
    jobs = [replace(job, claims=stand.stage(job.scenario).claims) for job in todo.jobs]
    with Progress(console, len(jobs), already=len(before)) as progress:

        def work(job: Job) -> None:
            progress.begin(job)
            try:
                line, recording = try_case(stand, job.scenario, job.sample)
            except (GymError, Refused, HTTPError) as error:
                if stand.stop.is_set():
                    raise
                case = job.scenario.case
                line = Result(case.id, job.sample, case.tier.value, skipped=f"{FAILED}{error}"[:600])
                recording = None
            with progress.lock:
                folder.add(line, recording)
                results.append(line)
            progress.end(job, line, recording.why if recording else ())

        for wanted, members in by_nodes(jobs, nodes.USUAL):
            nodes.take_down(stand.rest, nodes.names(stand.rest))
            nodes.put_up(stand.rest, wanted, stand.logs.port)
            Lanes(options.lanes, work, stand.stop).run(members)
    return results
