"""From a violation to its durable applied fix, the model aside: the daemon's three loops over the real API
server and the real ledger on disk, with a scripted model that answers at once.

One incident after the other, each in another workload: a person sets an image tag that does not exist; the
controllers and kwok make it a pod that cannot pull. The clock starts with the look that first sees it (the
time that the look read before it began) and stops when the row "applied" is on disk (record has returned).
Inside: the look, triage, opening the case, evidence (about 12 reads), candidates, prompt, plan, 16 guards
twice, the server-side dry run, two reads, the write, and five transactions with an fsync each.

The typed client does the same calls without ledger, guards, candidates or judgement: its figure is the floor
of what a typed daemon would need.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from kubernetes import client
from structlog import configure
from structlog.testing import LogCapture

from benchmarks.crowd import Say, bench_cluster, deployment, fill
from benchmarks.figures import Figure, percentile, tell
from benchmarks.fix_intents import NAMESPACES, PER_NAMESPACE, WORKLOADS, fix_intents
from daemon.clock import SystemClock
from daemon.cycle import Cycle
from daemon.good_times import GoodTimes
from daemon.look import observe
from daemon.ports import Model
from daemon.rounds import read_catalog
from daemon.settings import Settings
from daemon.state import Memory, World
from daemon.telemetry import Telemetry
from daemon.wiring import GOOD_TIMES_EVERY, NoMetrics, cluster_of
from gym.cluster import Cluster
from gym.ready import api_client, wait_for
from intents.catalog import Catalog
from remediation.saga import Event
from store.ledger import Entry, Ledger
from store.projection import SystemEvent
from store.queries import known_good_versions, newest_steps
from tests.fakes.model import FakeModel
from tests.fakes.notifier import FakeIntentSource, FakeNotifier

GOOD, BAD = "gym.intentd.io/workload:v1", "gym.intentd.io/workload:v9"
SECONDS = 30.0
STAGES = (Event.OPENED, Event.DIAGNOSIS_STARTED, Event.PLANNED, Event.APPLY_STARTED)
"""Rows between which the details tell the time; the last one ends with the write itself."""


class StopwatchLedger(Ledger):
    """The ledger, which also notes when a row "applied" was on disk, by case."""

    def __init__(self, *args: object, **more: object) -> None:
        super().__init__(*args, **more)  # type: ignore[arg-type]
        self.applied: dict[str, float] = {}

    def record(self, entries: Sequence[Entry], *, at: float) -> None:
        super().record(entries, at=at)
        now = time.time()
        for entry in entries:
            if entry.event is Event.APPLIED and entry.case is not None:
                self.applied[entry.case] = now


def measure(instance: str, pods: int, incidents: int, output: str, say: Say) -> None:
    if incidents > len(WORKLOADS):
        raise SystemExit(f"at most {len(WORKLOADS)} incidents")
    with bench_cluster(instance, say) as running, tempfile.TemporaryDirectory() as scratch:
        total = fill(running, pods, say) if pods else 0
        model = FakeModel(believes=lambda prompt: 0.95 if GOOD in prompt else 0.05)
        with (
            api_client(running.kubeconfig) as api,
            workloads(api, say),
            loops(running, Path(scratch), model, say) as world,
        ):
            load = os.getloadavg()[0]
            say(f"{incidents} incidents")
            apps = client.AppsV1Api(api)
            for number, where in enumerate(WORKLOADS[:incidents]):
                incident(apps, world, *where)
                if number % 20 == 19:
                    say(f"{number + 1} done")
            taken, stages = times(world.store)
            chain = world.store.verify()
            say("the typed calls")
            floor = [_typed_calls(api, *where) for where in WORKLOADS[: min(100, incidents)]]
    if len(taken) != incidents or chain.broken_at is not None:
        raise SystemExit(f"{len(taken)} fixes of {incidents} incidents; ledger broken at {chain.broken_at}")
    tell(
        f"violation to durable applied fix, {total:,} other pods in the cluster",
        [
            Figure("p99", "ms", percentile(taken, 0.99), percentile(floor, 0.99), 100, None, incidents),
            Figure("median", "ms", percentile(taken, 0.5), percentile(floor, 0.5), samples=incidents),
            Figure("worst", "ms", max(taken), max(floor), samples=incidents),
        ],
        {
            "median of each stage (ms)": stages,
            "ledger rows": chain.rows,
            "typed": "the same API calls without ledger, guards and candidates",
        },
        output=output,
        load=load,
    )


@contextmanager
def workloads(api: client.ApiClient, say: Say) -> Iterator[None]:
    """The workloads that will be broken, healthy, in namespaces that are deleted afterwards."""
    core, apps = client.CoreV1Api(api), client.AppsV1Api(api)
    try:
        for name in NAMESPACES:
            core.create_namespace({"metadata": {"name": name}})
            for number in range(PER_NAMESPACE):
                apps.create_namespaced_deployment(name, deployment(f"web-{number}", 1))
        say(f"{len(WORKLOADS)} workloads becoming ready")

        def ready() -> bool:
            found = apps.list_deployment_for_all_namespaces().items
            mine = [item for item in found if item.metadata.namespace in NAMESPACES]
            return sum(item.status.ready_replicas or 0 for item in mine) == len(WORKLOADS)

        wait_for("the workloads", ready, 300, pause=1.0)
        yield
    finally:
        for name in NAMESPACES:
            core.delete_namespace(name)


class _Loops:
    """The daemon's loops over one world, each in its thread, with the job that learns good states."""

    def __init__(self, world: World) -> None:
        self._world, self._memory = world, Memory(Catalog())
        self._cycle = Cycle(world, self._memory, Telemetry(world.clock), beat=lambda: None)
        self._good = GoodTimes(lasting=1.0)
        files = {name: text.encode() for name, text in fix_intents().items()}
        read_catalog(world, self._memory, FakeIntentSource(files))
        loops = (self._cycle.looking, self._cycle.thinking, self._cycle.acting, self._learning)
        self._threads = [threading.Thread(target=loop, daemon=True) for loop in loops]

    def _learning(self) -> None:
        pause = 0.5  # quick until everything is known, then as in `intentd run`
        while not self._cycle.stop.wait(pause):
            self._good.note(self._world, self._memory, observe(self._world, self._memory))
            pause = 0.5 if len(known_good_versions(self._world.store)) < len(WORKLOADS) else GOOD_TIMES_EVERY

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._cycle.stop.set()
        for event in (self._world.cluster.changed(), self._memory.looked, self._memory.thought):
            event.set()
        for thread in self._threads:
            thread.join(10)


@contextmanager
def loops(running: Cluster, folder: Path, model: Model, say: Say) -> Iterator[World]:
    configure(processors=[LogCapture()])
    settings = Settings.model_validate(
        {
            "database": folder / "ledger.db",
            "kill_switch": folder / "kill",
            "kubernetes": {"kubeconfig": running.kubeconfig},
            "limits": {
                "cluster_changes": 10_000,
                "namespace_changes": 10_000,
                "fault_class_changes": 10_000,
                "concurrent": 100,
            },
        }
    )
    cluster = cluster_of(settings)
    store = StopwatchLedger.open(settings.database)
    world = World(cluster, NoMetrics(), model, model, SystemClock(), FakeNotifier(), store, settings)
    grant = {
        "fault_class": "*",
        "weights": "*",
        "mode": "auto",
        "until": None,
        "reason": "benchmark",
        "by": "b",
    }
    store.record([Entry(SystemEvent.GRANTED, grant)], at=time.time())
    running_loops = _Loops(world)
    cluster.start()
    try:
        cluster.wait_until_listed(60)
        running_loops.start()
        say("learning the good states")
        wait_for("known good states", lambda: len(known_good_versions(store)) >= len(WORKLOADS), 120)
        yield world
    finally:
        running_loops.stop()
        cluster.stop()
        store.close()


def incident(
    apps: client.AppsV1Api, world: World, namespace: str, name: str, seconds: float = SECONDS
) -> None:
    """Break one workload and wait until its fix is on disk. SystemExit where it does not come."""
    store = world.store
    assert isinstance(store, StopwatchLedger)
    before = len(store.applied)
    containers = [{"name": "app", "image": BAD}]
    apps.patch_namespaced_deployment(
        name, namespace, {"spec": {"template": {"spec": {"containers": containers}}}}
    )
    end = time.monotonic() + seconds
    while len(store.applied) == before:
        if time.monotonic() > end:
            last = [f"{step.event} {step.payload}"[:600] for step in newest_steps(store, limit=6)]
            raise SystemExit(f"{namespace}/{name} was not mended; newest ledger rows:\n" + "\n".join(last))
        time.sleep(0.02)
    time.sleep(0.3)  # the new rollout, whose looks would otherwise fall into the next incident


def times(store: Ledger) -> tuple[list[float], dict[str, float]]:
    """Milliseconds from the look to the row on disk, and the median of each stage."""
    assert isinstance(store, StopwatchLedger)
    at: dict[str, dict[str, float]] = {case: {} for case in store.applied}
    for step in newest_steps(store, limit=100_000):
        if step.case_id in at:
            at[step.case_id][step.event] = step.at
    taken = [(end - at[case][Event.OPENED]) * 1000 for case, end in store.applied.items()]
    stages = {}
    for number, stage in enumerate(STAGES):
        after = STAGES[number + 1] if number + 1 < len(STAGES) else None
        spans = [
            ((at[case][after] if after else end) - at[case][stage]) * 1000
            for case, end in store.applied.items()
        ]
        stages[f"{stage} to {after or 'applied'}"] = round(percentile(spans, 0.5), 1)
    return taken, stages


def _typed_calls(api: client.ApiClient, namespace: str, name: str) -> float:
    """Milliseconds for the calls of one fix with the typed client."""
    core, apps = client.CoreV1Api(api), client.AppsV1Api(api)
    labels = f"app={name}"
    began = time.perf_counter()
    live = apps.read_namespaced_deployment(name, namespace)
    sets = apps.list_namespaced_replica_set(namespace, label_selector=labels, limit=100).items
    pods = core.list_namespaced_pod(namespace, label_selector=labels, limit=100).items
    core.list_namespaced_service(namespace, limit=100)
    client.AutoscalingV2Api(api).list_namespaced_horizontal_pod_autoscaler(namespace, limit=100)
    for item in (live, *sets[:1], *pods[:3]):
        core.list_namespaced_event(
            namespace, field_selector=f"involvedObject.name={item.metadata.name}", limit=50
        )
    for call in (
        apps.list_namespaced_deployment,
        apps.list_namespaced_stateful_set,
        apps.list_namespaced_daemon_set,
    ):
        call(namespace, limit=100)
    for dry_run in ({"dry_run": "All"}, {}):
        live = apps.read_namespaced_deployment(name, namespace)
        patch = [
            {"op": "test", "path": "/metadata/resourceVersion", "value": live.metadata.resource_version},
            {"op": "add", "path": "/metadata/annotations/benchmark", "value": str(began)},
        ]
        apps.patch_namespaced_deployment(name, namespace, patch, field_validation="Strict", **dry_run)
    return (time.perf_counter() - began) * 1000
