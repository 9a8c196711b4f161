"""The slower jobs, each a plain function that APScheduler calls: metric and desired-object rounds, the
catalog, messages to people, retention. None of them decides anything about a case.
"""

from __future__ import annotations

import zoneinfo

import structlog

from daemon.kill_switch import kill_switch
from daemon.pauses import standing_pauses
from daemon.ports import IntentSource, Notice
from daemon.settings import seconds
from daemon.state import Memory, World
from detectors.comparisons import metric_queries
from detectors.model import Gap, ObjectRef, expectation_key
from detectors.watched import kinds_needed
from intents.catalog import Catalog, compile_catalog
from intents.model import ManifestDesired
from remediation.model import Json
from store.ledger import Entry
from store.projection import SystemEvent
from store.queries import pending_notices
from store.retention import prune

log = structlog.get_logger("intentd")

ZONES = frozenset(zoneinfo.available_timezones())


def read_metrics(world: World, memory: Memory) -> None:
    """Ask Prometheus every comparison of the catalog, and the cluster every desired object."""
    intents = tuple(memory.catalog.intents.values())
    queries = metric_queries(intents)
    readings = world.metrics.read(queries) if queries else {}
    desired: dict[str, Json | Gap | None] = {}
    for intent in intents:
        for index, expectation in enumerate(intent.spec.expectations):
            if isinstance(expectation, ManifestDesired):
                meta = expectation.manifest["metadata"]
                ref = ObjectRef(
                    expectation.manifest["kind"],
                    meta.get("namespace", intent.spec.scope.namespace),
                    meta["name"],
                )
                desired[expectation_key(intent.name, index)] = world.cluster.read(ref)
    memory.metrics, memory.desired, memory.metrics_at = readings, desired, world.clock.monotonic()
    if queries or desired:
        world.cluster.changed().set()  # a look that sees the new readings


def read_model(world: World, memory: Memory) -> None:
    """Ask which weights are served. A job of its own, because it may wait behind a question."""
    memory.weights = world.model.weights()


def read_catalog(world: World, memory: Memory, source: IntentSource) -> Catalog:
    """Compile the directory; a change is a ledger row, and every new problem a log line."""
    before, after = memory.catalog, compile_catalog(source.read(), memory.catalog, zones=ZONES)
    if after is before:
        return after
    for problem in after.problems:
        if problem not in before.problems:
            log.error("an intent file needs its author", problem=str(problem))
    digests = {name: entry.digest for name, entry in after.entries.items()}
    if digests != {name: entry.digest for name, entry in before.entries.items()}:
        row = {"intents": digests, "problems": [str(problem) for problem in after.problems]}
        world.store.record([Entry(SystemEvent.CATALOG, row)], at=world.clock.now())
        log.info("intents loaded", intents=len(after.intents), problems=len(after.problems))
    memory.catalog = after
    world.cluster.watch(kinds_needed(after.intents.values()))
    world.cluster.changed().set()
    return after


def tell_people(world: World) -> int:
    """Send what is pending; answers how many were sent. Told at least once: the row that says "sent" comes
    after the sending."""
    sent = 0
    for pending in pending_notices(world.store):
        if world.notifier.send(Notice(pending.title, pending.body, pending.case_id, pending.severity)):
            world.store.record([Entry(SystemEvent.NOTICE_SENT, {"id": pending.id})], at=world.clock.now())
            sent += 1
    return sent


def is_paused(world: World, memory: Memory) -> bool:
    """Whether a pause or the kill switch is in force, for the gauge that alerts on a forgotten one."""
    return kill_switch(world) is not None or bool(standing_pauses(world, memory))


def retain(world: World) -> int:
    """Give up rows older than the settings keep."""
    now = world.clock.now()
    gone = prune(world.store, older_than=now - seconds(world.settings.retention), at=now)
    if gone:
        log.info("old ledger rows given up", rows=gone)
    return gone
