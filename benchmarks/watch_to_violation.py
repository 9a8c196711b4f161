"""From a change in the cluster to a violation, with 5,000 pods around: the real `intentd run` as a process.

One pod of a healthy workload is made ill through the API server, then well again, `events` times, each time
in another workload, when the machine rests. The clock starts when the API server's answer to the change is
here (undecoded) and stops when this process reads the daemon's line "case opened", so watch delivery, the look,
the ledger's fsync and the log line are inside. Then the typed watcher (benchmarks/typed_watcher.py) gets the
same pod's illness, in turns of ten; whichever is not measured is stopped.

The daemon looks at the first event after a rest at once and leaves COALESCE (20 ms) between two looks, so that a
burst becomes one; the typed watcher waits COALESCE after each event.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kubernetes import client

from benchmarks.crowd import PER_NAMESPACE, Say, bench_cluster, fill, intents, namespaces
from benchmarks.figures import Figure, percentile, tell
from benchmarks.process import Program, daemon, program
from benchmarks.rest import wait_for_rest
from gym.ready import api_client

SECONDS = 20.0
"""For one event; a figure beyond it is a failure, not a sample."""
TURN = 10
"""Events of one before the other's: what a stopped watcher misses stays in its connection's buffers."""
ILL = {"reason": "ErrImagePull", "message": "not found"}

Victim = tuple[str, str, dict[str, Any]]
"""Namespace and name of a pod, and its status while well."""


@dataclass(slots=True)
class Taken:
    """One watcher's figures: milliseconds for each event, CPU seconds of all (recoveries included)."""

    events: list[float] = field(default_factory=list)
    writes: list[float] = field(default_factory=list)  # the API server's answer to the change
    cpu: float = 0.0
    restless: int = 0


def measure(instance: str, pods: int, events: int, output: str, say: Say) -> None:
    with bench_cluster(instance, say) as running, tempfile.TemporaryDirectory() as scratch:
        total = fill(running, pods, say)
        typed = [sys.executable, "-m", "benchmarks.typed_watcher", str(running.kubeconfig)]
        with (
            api_client(running.kubeconfig) as api,
            daemon(running, Path(scratch) / "intentd", intents(namespaces())) as ours,
            program(typed) as theirs,
        ):
            core = client.CoreV1Api(api)
            victims = _victims(core, events)
            theirs.wait_for(300, event="running")
            wait_for_rest(60)
            load = os.getloadavg()[0]
            mine, other = Taken(), Taken()
            for start in range(0, events, TURN):
                turn = victims[start : start + TURN]
                for measured, stopped, taken in ((ours, theirs, mine), (theirs, ours, other)):
                    with stopped.stopped():
                        _turn(core, measured, turn, taken)
                say(
                    f"{start + len(turn)} of each: {percentile(mine.events, 0.5):.0f} ms median, "
                    f"typed {percentile(other.events, 0.5):.0f} ms"
                )
            memory = ours.memory(), theirs.memory()
    a, b = mine.events, other.events
    tell(
        f"watch event to violation, {total:,} pods around",
        [
            Figure("p99", "ms", percentile(a, 0.99), percentile(b, 0.99), 50, None, len(a)),
            Figure("p95", "ms", percentile(a, 0.95), percentile(b, 0.95), samples=len(a)),
            Figure("median", "ms", percentile(a, 0.5), percentile(b, 0.5), samples=len(a)),
            Figure("worst", "ms", max(a), max(b), samples=len(a)),
            Figure("CPU an event", "ms", mine.cpu / len(a) * 1000, other.cpu / len(b) * 1000, samples=len(a)),
            Figure("RSS at the end", "MB", *memory),
        ],
        {
            "the API server's own answer to the change, before the clock starts (ms, median)": round(
                percentile(mine.writes, 0.5), 1
            ),
            "events that began while the machine was busy": [mine.restless, other.restless],
        },
        output=output,
        load=load,
    )


def _victims(core: client.CoreV1Api, events: int) -> list[Victim]:
    """One pod of each workload, with the status that it has while well, in an order that repeats."""
    first: dict[tuple[str, str], Any] = {}
    for namespace in namespaces():
        reply = core.list_namespaced_pod(namespace)
        for pod in reply.items:
            first.setdefault((namespace, pod.metadata.labels["app"]), pod)
    if events > len(first):
        raise SystemExit(
            f"there are {len(first)} workloads in {len(namespaces())} namespaces, {PER_NAMESPACE} each"
        )
    found = []
    for (namespace, _), pod in first.items():
        status = core.api_client.sanitize_for_serialization(pod.status)
        found.append((namespace, pod.metadata.name, status))
    random.Random(3).shuffle(found)
    return found[:events]


def _turn(core: client.CoreV1Api, watcher: Program, victims: list[Victim], taken: Taken) -> None:
    """Make each pod ill and well again; what the watcher answered is added to `taken`."""
    chance = random.Random(len(taken.events))
    wait_for_rest(10)
    cpu = watcher.cpu
    for namespace, name, well in victims:
        taken.restless += not wait_for_rest()
        time.sleep(0.2 * chance.random())  # at any moment between two of its rounds
        watcher.drain()
        sent = time.monotonic()
        ill = {"status": _ill(well)}
        reply = core.patch_namespaced_pod_status(name, namespace, ill, _preload_content=False)
        began = time.monotonic()
        reply.read()  # gives the connection back
        line = watcher.wait_for(SECONDS, event="case opened")
        taken.writes.append((began - sent) * 1000)
        taken.events.append((line.at - began) * 1000)
        core.patch_namespaced_pod_status(name, namespace, {"status": well}, _preload_content=False).read()
    wait_for_rest(10)
    taken.cpu += watcher.cpu - cpu


def _ill(well: dict[str, Any]) -> dict[str, Any]:
    conditions = [
        {**condition, "status": "False"} if condition["type"] in ("Ready", "ContainersReady") else condition
        for condition in well["conditions"]
    ]
    statuses = [
        {**status, "ready": False, "started": False, "state": {"running": None, "waiting": ILL}}
        for status in well["containerStatuses"]
    ]
    return {"conditions": conditions, "containerStatuses": statuses}
