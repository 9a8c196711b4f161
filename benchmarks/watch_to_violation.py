"""From a change in the cluster to a violation, with 5,000 pods around: the real `intentd run` as a process.

One pod of a healthy workload is made ill through the API server, then well again, `events` times, each time
in another workload. The clock starts when the API server has answered the change and stops when this process
reads the daemon's line "case opened", so the look, the ledger's fsync and the log line are inside. Watch
delivery is inside as well. The typed watcher (benchmarks/typed_watcher.py) gets the same events.

The daemon waits COALESCE (20 ms) after the first event so that a burst becomes one look; the typed watcher
here does the same.
"""

from __future__ import annotations

import os
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from kubernetes import client

from benchmarks.crowd import PER_NAMESPACE, Say, bench_cluster, fill, intents, namespaces
from benchmarks.figures import Figure, percentile, tell
from benchmarks.process import Program, daemon, program
from gym.ready import api_client

SECONDS = 20.0
"""For one event; a figure beyond it is a failure, not a sample."""
ILL = {"reason": "ErrImagePull", "message": "not found"}


def measure(instance: str, pods: int, events: int, output: str, say: Say) -> None:
    with bench_cluster(instance, say) as running, tempfile.TemporaryDirectory() as scratch:
        total = fill(running, pods, say)
        with api_client(running.kubeconfig) as api:
            core = client.CoreV1Api(api)
            victims = _victims(core, events)
            load = os.getloadavg()[0]
            with daemon(running, Path(scratch) / "intentd", intents(namespaces())) as ours:
                time.sleep(10)
                say("measuring intentd")
                mine, my_cpu = _run(core, ours, victims)
                my_memory = ours.memory()
            typed_command = [sys.executable, "-m", "benchmarks.typed_watcher", str(running.kubeconfig)]
            with program(typed_command) as theirs:
                theirs.wait_for(300, event="running")
                time.sleep(10)
                say("measuring the typed watcher")
                other, other_cpu = _run(core, theirs, victims)
                other_memory = theirs.memory()
    tell(
        f"watch event to violation, {total:,} pods around",
        [
            Figure("p99", "ms", percentile(mine, 0.99), percentile(other, 0.99), 50, None, len(mine)),
            Figure("median", "ms", percentile(mine, 0.5), percentile(other, 0.5), samples=len(mine)),
            Figure("worst", "ms", max(mine), max(other), samples=len(mine)),
            Figure(
                "CPU an event", "ms", my_cpu / events * 1000, other_cpu / events * 1000, samples=len(mine)
            ),
            Figure("RSS at the end", "MB", my_memory, other_memory),
        ],
        {"mean (ms), intentd and typed": [round(statistics.fmean(each), 1) for each in (mine, other)]},
        output=output,
        load=load,
    )


def _victims(core: client.CoreV1Api, events: int) -> list[tuple[str, str, dict[str, Any]]]:
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


def _run(
    core: client.CoreV1Api, watcher: Program, victims: list[tuple[str, str, dict[str, Any]]]
) -> tuple[list[float], float]:
    """Milliseconds for each event, and the watcher's CPU seconds for all of them, recoveries included."""
    taken = []
    chance = random.Random(7)
    cpu = watcher.cpu
    for namespace, name, well in victims:
        watcher.drain()
        core.patch_namespaced_pod_status(name, namespace, {"status": _ill(well)})
        began = time.monotonic()
        line = watcher.wait_for(SECONDS, event="case opened")
        taken.append((line.at - began) * 1000)
        core.patch_namespaced_pod_status(name, namespace, {"status": well})
        time.sleep(0.15 + 0.1 * chance.random())
    return taken, watcher.cpu - cpu


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
