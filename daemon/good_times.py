"""Remember objects as they were when last healthy: candidates are made of it.

An object counts as good when its workload finished its rollout, none of its pods is troubled, every
expectation of every intent about it is judged and kept, and all that has lasted for a while; a bad change
is not yet visible in its first second. Only the redacted content is stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from daemon.state import Memory, World
from detectors.facts import Service, Workload
from detectors.model import Gap, Judgement, ObjectRef, Standing
from detectors.rollout import Phase
from detectors.world import Workers
from detectors.world import World as Picture
from intents.model import EndpointsPresent, Intent
from remediation.lastgood import known_good
from remediation.managed_fields import parse_time
from remediation.model import Json
from store.ledger import Entry
from store.projection import SystemEvent
from store.queries import known_good_versions

LASTING = 10.0
"""Seconds that an object must have been healthy in one version: past a container that dies in its first
seconds, and two kubelet status updates (10 s, kubelet `nodeStatusUpdateFrequency`)."""

Version = tuple[str, str, str, str]  # kind, namespace, name, version


@dataclass(frozen=True, slots=True)
class Healthy:
    """One object that is judged whole. `version` names incarnation and content; `workers` are a workload's pods."""

    ref: ObjectRef
    version: str
    workers: Workers | None = None

    @property
    def started(self) -> float | None:
        """Since when (Unix seconds) every container of it runs; None where that is not known. Asks every pod, so only
        what is about to be stored is asked."""
        return None if self.workers is None else _started(self.workers)


class GoodTimes:
    """Called every few seconds by a job; remembers since when it has seen each version healthy."""

    def __init__(self, lasting: float = LASTING) -> None:
        self._lasting = lasting
        self._since: Mapping[Version, float] = {}

    def note(self, world: World, memory: Memory) -> int:
        """Store what has become known good in the latest look; answers how many objects."""
        judgement, picture = memory.judgement, memory.picture
        if judgement is None or picture is None:
            return 0
        now = world.clock.monotonic()
        healthy = {
            (*found.ref.key, found.version): found
            for intent in memory.catalog.intents.values()
            for found in _healthy(intent, picture, judgement)
        }
        self._since = {version: self._since.get(version, now) for version in healthy}
        stored = known_good_versions(world.store)
        fresh = [
            found
            for version, found in healthy.items()
            if now - self._since[version] >= self._lasting and stored.get(found.ref.key) != found.version
        ]
        entries = [entry for found in fresh for entry in _entries(world, found)]
        if entries:
            world.store.record(entries, at=world.clock.now())
        return len(entries)


def _healthy(intent: Intent, picture: Picture, judgement: Judgement) -> Iterator[Healthy]:
    for workers in picture.in_scope(intent.spec.scope):
        if _at_rest(workers) and judgement.standing(intent.name, workers.ref) is Standing.CLEAR:
            meta = workers.workload.metadata
            yield Healthy(workers.ref, f"{meta.uid}.{meta.generation}", workers)
    for expectation in intent.spec.expectations:
        if isinstance(expectation, EndpointsPresent):
            ref = ObjectRef("Service", intent.spec.scope.namespace, expectation.service)
            service = picture.find(ref)
            if isinstance(service, Service) and judgement.standing(intent.name, ref) is Standing.CLEAR:
                now = service.metadata
                yield Healthy(ref._replace(uid=now.uid), f"{now.uid}.{now.resource_version}")


def _at_rest(workers: Workers) -> bool:
    workload: Workload = workers.workload
    seen = workload.status.observed_generation >= workload.metadata.generation
    return seen and workers.rollout.phase is Phase.DONE and not workers.troubled and bool(workers.pods)


def _started(workers: Workers) -> float | None:
    """When the container that runs longest was started."""
    states = [status.state for pod in workers.pods for status in pod.status.container_statuses]
    times = [parse_time(state.running.started_at) if state.running else None for state in states]
    known = [at for at in times if at is not None]
    return min(known) if known and len(known) == len(times) else None


def _entries(world: World, found: Healthy) -> Iterator[Entry]:
    """The object, and the ConfigMaps that its pods refer to, as they are in this healthy moment."""
    ref = found.ref
    live = world.cluster.read(ref)
    if live is None or isinstance(live, Gap):
        return
    meta = live["metadata"]
    content = meta.get("resourceVersion") if ref.kind == "Service" else meta.get("generation", 0)
    if f"{meta['uid']}.{content}" != found.version:
        return  # changed, or another object, since it was judged
    yield _entry(ref, found.version, live)
    names, started = sorted(_config_maps(live)), found.started
    for name in names:
        related = ObjectRef("ConfigMap", ref.namespace, name)
        used = world.cluster.read(related)
        if isinstance(used, dict) and _read_by_all(used, started):
            yield _entry(related, str(used["metadata"].get("resourceVersion", "")), used)


def _read_by_all(config_map: Json, started: float | None) -> bool:
    """Whether every container was started after the last change: else what is healthy is what the pods read
    before, and the new content only looks innocent until the next restart."""
    entries = config_map["metadata"].get("managedFields") or [{}]
    times = [parse_time(entry.get("time")) for entry in entries]
    return started is not None and all(at is not None and at <= started for at in times)


def _entry(ref: ObjectRef, version: str, live: Json) -> Entry:
    where = {"kind": ref.kind, "namespace": ref.namespace, "name": ref.name}
    return Entry(SystemEvent.LAST_GOOD, {**where, "version": version, "manifest": known_good(live)})


def _config_maps(node: Any, under: str = "") -> Iterator[str]:
    """Names of ConfigMaps that a manifest refers to, wherever in the pod template."""
    if isinstance(node, dict):
        if under in ("configMapKeyRef", "configMapRef", "configMap") and isinstance(node.get("name"), str):
            yield node["name"]
        for key, value in node.items():
            yield from _config_maps(value, key)
    elif isinstance(node, list):
        for item in node:
            yield from _config_maps(item, under)
