"""From a violation to its durable applied fix, the model aside: the real `intentd run` as a process, under its
own service account, on the real API server and the real ledger on disk.

One incident at a time: a person sets an image tag that does not exist; the controllers and kwok make it a pod
that cannot pull. The clock starts with the look that first sees it (the time that the look read before it
began) and stops when the row "applied" is on disk. The seconds that the ledger says the model took are taken
off; a scripted server answers at once (benchmarks/scripted_model.py). The next incident comes when this one is
proven and the machine rests: the controllers that finish one change would otherwise be measured with the next.

After each, the same fault in a workload of its own for the typed client (benchmarks/typed_fixer.py): the same
reads and writes without ledger, guards, candidates or judgement. Whichever is not measured is stopped.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from kubernetes import client

from benchmarks.crowd import Say, bench_cluster, deployment, fill
from benchmarks.figures import Figure, percentile, tell
from benchmarks.fix_intents import Where, fix_intents, namespaces, workloads_in
from benchmarks.process import FREE_HAND, Program, daemon, program, trust
from benchmarks.rest import wait_for_rest
from benchmarks.rows import Row, Rows
from benchmarks.scripted_model import NAME as SCRIPTED
from benchmarks.scripted_model import scripted_model
from gym.ready import api_client, wait_for
from remediation.saga import Event
from store.ledger import Ledger
from store.queries import known_good_versions

GOOD, BAD = "gym.intentd.io/workload:v1", "gym.intentd.io/workload:v9"
SECONDS = 30.0
"""For one incident; a figure beyond it is a failure, not a sample."""
SIDE = "benchmark-side"
"""Label of the typed client's pods: it watches no others."""
ENDS = (Event.ESCALATED, Event.RESOLVED, Event.UNUSABLE, Event.CLOSED)
"""A case that goes there has no fix."""


@dataclass(frozen=True, slots=True)
class Fix:
    """One incident. Milliseconds; `rows` are the case's, from opened to applied."""

    total: float
    model: float
    cpu: float  # the daemon's, the proof included
    rows: tuple[Row, ...]

    @property
    def own(self) -> float:
        return self.total - self.model


def measure(instance: str, pods: int, incidents: int, output: str, say: Say) -> None:
    mine, others = namespaces("fix", incidents), namespaces("typed", incidents)
    with (
        bench_cluster(instance, say) as running,
        tempfile.TemporaryDirectory() as scratch,
        api_client(running.kubeconfig) as api,
        scripted_model(lambda prompt: 0.95 if GOOD in prompt else 0.05) as model,
    ):
        total = fill(running, pods, say) if pods else 0
        settings = {"model": {"url": model, "name": SCRIPTED}, "limits": FREE_HAND}
        folder = Path(scratch) / "intentd"
        typed = [
            sys.executable,
            "-m",
            "benchmarks.typed_fixer",
            str(running.kubeconfig),
            f"{SIDE}=typed",
            GOOD,
        ]
        with (
            workloads(api, mine, others, say),
            daemon(running, folder, fix_intents(mine), overrides=settings) as ours,
            program(typed) as theirs,
        ):
            theirs.wait_for(60, event="running")
            trust(folder)
            wait_until_known_good(folder / "ledger.db", len(workloads_in(mine)), say)
            load = os.getloadavg()[0]
            say(f"{incidents} incidents of intentd, {incidents} of the typed client, in turn")
            with closing(Rows(folder / "ledger.db")) as rows:
                pairs = list(zip(workloads_in(mine), workloads_in(others), strict=True))[:incidents]
                fixes, floor, restless = _in_turn(client.AppsV1Api(api), ours, theirs, rows, pairs, say)
            memory = ours.memory()
        with closing(Ledger.open_read_only(folder / "ledger.db")) as store:
            chain = store.verify()
    if chain.broken_at is not None:
        raise SystemExit(f"the ledger is broken at {chain.broken_at}")
    taken = [fix.own for fix in fixes]
    tell(
        f"violation to durable applied fix, {total:,} other pods in the cluster",
        [
            Figure("p99", "ms", percentile(taken, 0.99), percentile(floor, 0.99), 100, None, incidents),
            Figure("p95", "ms", percentile(taken, 0.95), percentile(floor, 0.95), samples=incidents),
            Figure("median", "ms", percentile(taken, 0.5), percentile(floor, 0.5), samples=incidents),
            Figure("worst", "ms", max(taken), max(floor), samples=incidents),
            Figure("CPU a fix and its proof", "ms", percentile([fix.cpu for fix in fixes], 0.5)),
            Figure("RSS at the end", "MB", memory),
        ],
        {
            "stages, median and p99 (ms)": _stages(fixes),
            "scripted model, taken off (ms, median)": round(percentile([fix.model for fix in fixes], 0.5), 1),
            "ledger rows": chain.rows,
            "incidents that began while the machine was busy": restless,
        },
        output=output,
        load=load,
    )


@contextmanager
def workloads(
    api: client.ApiClient, mine: tuple[str, ...], others: tuple[str, ...], say: Say
) -> Iterator[None]:
    """The workloads that will be broken, healthy, in namespaces that are deleted afterwards."""
    core, apps = client.CoreV1Api(api), client.AppsV1Api(api)
    wanted = {*workloads_in(mine), *workloads_in(others)}
    spaces = {*mine, *others}

    def gone() -> bool:
        return not {item.metadata.name for item in core.list_namespace().items} & spaces

    def ready() -> bool:
        found = apps.list_deployment_for_all_namespaces().items
        well = {(i.metadata.namespace, i.metadata.name) for i in found if i.status.ready_replicas}
        return wanted <= well

    wait_for("the end of an earlier run's namespaces", gone, 300, pause=1.0)
    try:
        for name in sorted(spaces):
            core.create_namespace({"metadata": {"name": name}})
        for namespace, name in sorted(wanted):
            body = deployment(name, 1)
            template = body["spec"]["template"]["metadata"]
            side = "typed" if namespace in others else "ours"
            template["labels"] = {**template["labels"], SIDE: side}
            apps.create_namespaced_deployment(namespace, body)
        say(f"{len(wanted)} workloads becoming ready")
        wait_for("the workloads", ready, 300, pause=1.0)
        yield
    finally:
        for name in sorted(spaces):
            with suppress(client.ApiException):
                core.delete_namespace(name)


def wait_until_known_good(database: Path, count: int, say: Say) -> None:
    """The daemon has stored the good state of so many objects: candidates are made of it."""
    say("learning the good states")
    with closing(Ledger.open_read_only(database)) as store:
        wait_for("known good states", lambda: len(known_good_versions(store)) >= count, 120, pause=1.0)


def _in_turn(
    apps: client.AppsV1Api,
    ours: Program,
    theirs: Program,
    rows: Rows,
    pairs: Sequence[tuple[Where, Where]],
    say: Say,
) -> tuple[list[Fix], list[float], int]:
    """The fixes of intentd, the milliseconds of the typed ones, and how many began on a busy machine."""
    fixes, floor, restless = [], [], 0
    for number, (mine, other) in enumerate(pairs):
        with theirs.stopped():
            restless += not wait_for_rest()
            fixes.append(_fix(apps, ours, rows, *mine))
        with ours.stopped():
            restless += not wait_for_rest()
            floor.append(_typed_fix(apps, theirs, *other))
            wait_for_rest()  # the controllers' last steps are not the next incident's
        if number % 10 == 9:
            say(f"{number + 1} of each: {_so_far(fixes, floor)}")
    return fixes, floor, restless


def _so_far(fixes: list[Fix], floor: list[float]) -> str:
    middle = percentile([fix.own for fix in fixes], 0.5)
    return f"median {middle:.0f} ms, typed {percentile(floor, 0.5):.0f} ms"


def _break(apps: client.AppsV1Api, namespace: str, name: str) -> None:
    change = {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": BAD}]}}}}
    apps.patch_namespaced_deployment(name, namespace, change, _preload_content=False).read()


def _fix(apps: client.AppsV1Api, ours: Program, rows: Rows, namespace: str, name: str) -> Fix:
    """Break one workload and wait until it is mended and proven. Milliseconds."""
    cpu = ours.cpu
    _break(apps, namespace, name)
    opened = rows.wait_for_case(SECONDS, namespace, name)
    applied = rows.wait_for(SECONDS, Event.APPLIED, *ENDS, case=opened.case)
    if applied.event != Event.APPLIED:
        raise SystemExit(f"{namespace}/{name} was not mended: {applied.event} {applied.text[:600]}")
    rows.wait_for(SECONDS, Event.HELD, *ENDS, case=opened.case)
    told = rows.of(opened.case)
    until = tuple(told[: told.index(applied) + 1])
    spent = (applied.seen - opened.at) * 1000
    return Fix(spent, asked_seconds(until) * 1000, (ours.cpu - cpu) * 1000, until)


def _typed_fix(apps: client.AppsV1Api, theirs: Program, namespace: str, name: str) -> float:
    theirs.drain()
    _break(apps, namespace, name)
    fixed: float = theirs.wait_for(SECONDS, event="fixed").content["ms"]
    return fixed


def asked_seconds(rows: Sequence[Row]) -> float:
    """What the model took in these rows, all questions together."""
    told = [row.payload for row in rows if row.event in (Event.DIAGNOSED, Event.UNUSABLE)]
    return sum(float(question.get("seconds", 0)) for payload in told for question in payload["questions"])


def _stages(fixes: list[Fix]) -> dict[str, list[float]]:
    """Milliseconds between neighbouring rows, the model's taken off where it was asked; the last is the
    row "applied" on its way to the disk (and to us: at most rows.POLL)."""
    spans: dict[str, list[float]] = {}
    for fix in fixes:
        for row, after in pairwise(fix.rows):
            if after.at > row.at:  # rows of one transaction have one time
                asked = asked_seconds([after])
                spans.setdefault(f"{row.event} to {after.event}", []).append(
                    (after.at - row.at - asked) * 1000
                )
        end = fix.rows[-1]
        spans.setdefault("applied to on disk", []).append((end.seen - end.at) * 1000)
    return {
        name: [round(percentile(taken, share), 1) for share in (0.5, 0.99)] for name, taken in spans.items()
    }
