"""From settings to a running daemon: every adapter is chosen here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import structlog

from daemon.clock import SystemClock
from daemon.commands import Commands
from daemon.control import ControlServer
from daemon.cycle import Cycle
from daemon.good_times import GoodTimes
from daemon.http import HttpServer
from daemon.intent_directory import IntentDirectory
from daemon.interpreter import prefer_latency
from daemon.jobs import Jobs
from daemon.kube.cluster import KubeCluster
from daemon.kube.connect import connect
from daemon.kube.reflector import Pace
from daemon.logs import configure_logging
from daemon.models import models
from daemon.notify import AppriseNotifier
from daemon.ports import Metrics
from daemon.prometheus_metrics import PrometheusMetrics
from daemon.rounds import is_paused, read_catalog, read_metrics, read_model, retain, tell_people
from daemon.settings import Settings, SettingsError, seconds
from daemon.state import Memory, World
from daemon.supervisor import Supervisor, notify_systemd
from daemon.telemetry import Telemetry
from detectors.model import Gap, MetricReading, Turn
from intents.catalog import Catalog
from intents.model import Mode
from remediation.guards.self_test import self_test
from store.ledger import Entry, Ledger
from store.lock import DatabaseLock
from store.projection import SystemEvent

log = structlog.get_logger("intentd")

GOOD_TIMES_EVERY = 5.0
"""Seconds between looks for objects that have become known good."""

CATALOG_EVERY = 60.0
"""Seconds between two rescans of the intent directory, should a change have gone unseen."""

RETENTION_EVERY = 6 * 3600.0
"""Seconds between two prunings of the ledger."""

MODEL_EVERY = 15.0
"""Seconds between two looks at which weights are served."""

TELL_EVERY = 2.0
"""Seconds between looks at the messages that wait."""


def cluster_of(settings: Settings) -> KubeCluster:
    """The Cluster port over the official client's configuration and transport. Raises WorldError."""
    chosen = settings.kubernetes
    connection = connect(kubeconfig=chosen.kubeconfig, context=chosen.context)
    pace = Pace(stale=seconds(chosen.stale_after))
    return KubeCluster(
        connection,
        SystemClock(),
        namespaces=settings.limits.namespaces,
        pace=pace,
        connect_timeout=seconds(chosen.connect_timeout),
        read_timeout=seconds(chosen.read_timeout),
    )


def metrics_of(settings: Settings) -> Metrics:
    """The Metrics port; without an address every reading is a Gap that says so."""
    chosen = settings.prometheus
    if chosen.url is None:
        return NoMetrics()
    return PrometheusMetrics(
        chosen.url,
        SystemClock(),
        timeout=seconds(chosen.timeout),
        token_file=chosen.token_file,
        tenant=chosen.tenant or "",
        ca_file=chosen.ca_file,
        verify=not chosen.insecure_skip_verify,
    )


class NoMetrics:
    """Stands where no Prometheus is configured."""

    def read(self, queries: Mapping[str, str]) -> Mapping[str, MetricReading | Gap]:
        return {key: Gap(f"metric {key}", *NO_METRICS) for key in queries}

    def value(self, query: str) -> str | Gap:
        return Gap(f"metric {query}", *NO_METRICS)


NO_METRICS = ("NotConfigured", "no Prometheus is configured (settings: prometheus.url)", Turn.OPERATOR)


def world_of(settings: Settings, cluster: KubeCluster, store: Ledger) -> World:
    """Every port, wired."""
    model, judge = models(settings.model, SystemClock())
    return World(
        cluster=cluster,
        metrics=metrics_of(settings),
        model=model,
        judge=judge,
        clock=SystemClock(),
        notifier=AppriseNotifier(settings.notify),
        store=store,
        settings=settings,
    )


def run(settings: Settings) -> int:
    """Run until asked to stop; answers the exit code. Raises SettingsError, StoreError,
    WorldError before it started."""
    configure_logging(settings.log_format)
    settings = trusted(settings)
    lock = DatabaseLock(_made(settings))
    try:
        return serve(settings, Ledger.open(settings.database), cluster_of(settings))
    finally:
        lock.release()


def serve(settings: Settings, store: Ledger, cluster: KubeCluster) -> int:
    """`run` on a ledger whose lock the caller holds and a cluster; answers the exit code."""
    world, memory = world_of(settings, cluster, store), Memory(Catalog())
    clock, telemetry = world.clock, Telemetry(world.clock)
    cycle = Cycle(world, memory, telemetry, beat=lambda: notify_systemd("WATCHDOG=1"))
    supervisor = Supervisor(clock, cycle.stop, crashed=telemetry.crashed)
    supervisor.wakes(cluster.changed(), memory.looked, memory.thought)
    supervisor.handle_signals()
    store.record(
        [Entry(SystemEvent.STARTED, {"database": str(settings.database), "cluster": cluster.host})],
        at=clock.now(),
    )
    source = IntentDirectory(settings.intents)
    read_catalog(world, memory, source)
    # What cannot listen says so before anything runs.
    control = ControlServer(settings.socket, Commands(world, memory))
    http = (
        HttpServer(
            settings.http, telemetry.registry, healthy=_healthy(world, memory), ready=_ready(world, memory)
        )
        if settings.http.enabled
        else None
    )
    prefer_latency()
    cluster.start()
    jobs = _jobs(world, memory, source, telemetry)

    def watching() -> None:
        for _ in source.changes(cycle.stop):
            read_catalog(world, memory, source)

    for name, loop in (
        ("look", cycle.looking),
        ("think", cycle.thinking),
        ("act", cycle.acting),
        ("intents", watching),
    ):
        supervisor.start(name, loop)
    log.info("running", cluster=cluster.host, intents=str(settings.intents), http=http.port if http else None)
    notify_systemd("READY=1")
    while not clock.wait(cycle.stop, 3600):
        pass
    notify_systemd("STOPPING=1")
    control.close()
    jobs.stop()
    drained = supervisor.drain()
    cluster.stop()
    if http:
        http.close()
    if drained:
        store.record([Entry(SystemEvent.STOPPED, {})], at=clock.now())
        store.close()
    log.info("stopped", drained=drained)
    return 1 if supervisor.failed else 0


def trusted(settings: Settings) -> Settings:
    """The settings, held to `observe` where a guard lets pass what it must refuse: a start-up self-test."""
    failures = self_test()
    if not failures:
        return settings
    log.critical("a guard does not bind; nothing will be written until this is mended", guards=failures)
    limits = settings.limits.model_copy(update={"mode": Mode.OBSERVE})
    return settings.model_copy(update={"limits": limits})


def _made(settings: Settings) -> Path:
    folder = settings.database.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"database: the folder {folder} cannot be made ({error.strerror}). Make it, or set `database`."
        ) from error
    return settings.database


def _jobs(world: World, memory: Memory, source: IntentDirectory, telemetry: Telemetry) -> Jobs:
    """The slower jobs, begun."""
    good, jobs = GoodTimes(), Jobs(world.clock, telemetry.registry)
    interval = seconds(world.settings.prometheus.interval)
    jobs.every(interval, "metrics", lambda: read_metrics(world, memory))
    jobs.every(MODEL_EVERY, "model", lambda: read_model(world, memory))
    jobs.every(CATALOG_EVERY, "catalog", lambda: read_catalog(world, memory, source))
    jobs.every(TELL_EVERY, "notices", lambda: tell_people(world))
    jobs.every(GOOD_TIMES_EVERY, "good-times", lambda: good.note(world, memory))
    jobs.every(TELL_EVERY, "paused", lambda: telemetry.paused.set(is_paused(world, memory)))
    jobs.every(RETENTION_EVERY, "retention", lambda: retain(world))
    jobs.start()
    return jobs


def _healthy(world: World, memory: Memory) -> Callable[[], str | None]:
    """The look loop must have turned within six of its intervals (at least 30 s)."""

    def check() -> str | None:
        if memory.judgement is None:
            return None  # still starting; readiness says so
        age = world.clock.now() - memory.judgement.at
        limit = max(30.0, 6 * seconds(world.settings.look_interval))
        return f"the last look is {age:.0f} s old" if age > limit else None

    return check


def _ready(world: World, memory: Memory) -> Callable[[], str | None]:
    def check() -> str | None:
        gaps = [part for part in world.cluster.snapshot().values() if isinstance(part, Gap)]
        reasons = [f"{gap.what}: {gap.message}" for gap in gaps]
        if memory.judgement is None:
            reasons.append("nothing was judged yet")
        return "; ".join(reasons) or None

    return check
