"""List and judge 5,000 pods, from no connection to a judgement: KubeCluster and `detectors.judge` against the
typed client and the same judgement on its objects.

Both sides run in this process, in turn, `rounds` times each. CPU is the whole process's (all threads). The
best of the rounds counts for CPU and wall on both sides, because what disturbs here only ever adds; the
medians are in the details. All seven watched kinds are read on both sides.
"""

from __future__ import annotations

import gc
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubernetes import client

from benchmarks import typed
from benchmarks.crowd import Say, bench_cluster, fill, intents, namespaces
from benchmarks.figures import Figure, tell
from daemon.clock import SystemClock
from daemon.kube.cluster import KubeCluster
from daemon.kube.connect import connect
from detectors.judge import judge
from detectors.model import Gap, Observation
from gym.ready import api_client, wait_for
from intents.catalog import compile_catalog
from intents.model import Intent

BROKEN_IMAGE = "gym.intentd.io/workload:v9"
BROKEN = (("crowd-03", "web-1", "ImagePull"), ("crowd-27", "web-4", "OOMKilled"))
"""What both sides must find: a tag that does not exist, and a container that ends OOMKilled."""


@dataclass(frozen=True, slots=True)
class Spent:
    """One round of one side, in seconds. `judging` is the part after the last byte was read (wall)."""

    wall: float
    cpu: float
    judging: float
    found: dict[tuple[str, str], str]


def measure(instance: str, pods: int, rounds: int, output: str, say: Say) -> None:
    with bench_cluster(instance, say) as running:
        total = fill(running, pods, say)
        with api_client(running.kubeconfig) as api, _broken(api):
            time.sleep(5)  # the controllers' last words
            say("measuring")
            catalog = _intents()
            load = os.getloadavg()[0]
            ours, theirs = [], []
            for _ in range(rounds):
                ours.append(_timed(lambda: _ours(running.kubeconfig, catalog)))
                theirs.append(_timed(lambda: _theirs(running.kubeconfig)))
            bytes_listed = _size(api)
    expected = {(namespace, name): reason for namespace, name, reason in BROKEN}
    for each in [*ours, *theirs]:
        if each.found != expected:
            raise SystemExit(f"a side found {each.found} instead of {expected}")
    tell(
        f"list and judge {total:,} pods",
        [
            Figure("CPU", "s", _best(ours, "cpu"), _best(theirs, "cpu"), 0.4, 20, rounds),
            Figure("wall", "s", _best(ours, "wall"), _best(theirs, "wall"), 1.0, None, rounds),
            Figure(
                "judging alone, wall", "s", _best(ours, "judging"), _best(theirs, "judging"), samples=rounds
            ),
        ],
        {
            "bytes of the pod list": bytes_listed,
            "median CPU (s), intentd and typed": [_median(ours, "cpu"), _median(theirs, "cpu")],
            "median wall (s), intentd and typed": [_median(ours, "wall"), _median(theirs, "wall")],
            "worst CPU (s), intentd and typed": [_worst(ours, "cpu"), _worst(theirs, "cpu")],
            "found by both": [" ".join(each) for each in BROKEN],
        },
        output=output,
        load=load,
    )


def _ours(kubeconfig: Path, catalog: list[Intent]) -> tuple[float, dict[tuple[str, str], str]]:
    cluster = KubeCluster(connect(kubeconfig), SystemClock())
    cluster.start()
    try:
        if not cluster.wait_until_listed(60):
            raise SystemExit("not listed within a minute")
        began = time.perf_counter()
        observation = Observation(at=time.time(), objects=cluster.snapshot())
        judgement = judge(catalog, observation)
        judging = time.perf_counter() - began
        _MARK.append((time.perf_counter(), time.process_time()))
    finally:
        cluster.stop()
    if gaps := [part for part in observation.objects.values() if isinstance(part, Gap)]:
        raise SystemExit(f"could not be read: {gaps}")
    telling = {"ImagePull", "OOMKilled", "CrashLoop"}
    found: dict[tuple[str, str], str] = {
        (v.target.namespace, v.target.name): v.fault_class.value
        for v in judgement.violations
        if v.fault_class.value in telling
    }
    return judging, found


def _theirs(kubeconfig: Path) -> tuple[float, dict[tuple[str, str], str]]:
    with api_client(kubeconfig) as api:
        objects = typed.read(api)
        began = time.perf_counter()
        found = typed.judge(objects, frozenset(namespaces()))
        judging = time.perf_counter() - began
        _MARK.append((time.perf_counter(), time.process_time()))
    return judging, {(namespace, name): reason for (_, namespace, name), reason in found.items()}


_MARK: list[tuple[float, float]] = []
"""Wall and CPU at the moment that a side had its answer: taking the connections down is not counted."""


def _timed(side: Callable[[], tuple[float, dict[tuple[str, str], str]]]) -> Spent:
    gc.collect()
    _MARK.clear()
    wall, cpu = time.perf_counter(), time.process_time()
    judging, found = side()
    return Spent(_MARK[0][0] - wall, _MARK[0][1] - cpu, judging, found)


def _intents() -> list[Intent]:
    files = {name: text.encode() for name, text in intents(namespaces()).items()}
    return list(compile_catalog(files).intents.values())


@contextmanager
def _broken(api: client.ApiClient) -> Iterator[None]:
    """Two workloads that are ill in ways that both sides name; mended afterwards."""
    apps = client.AppsV1Api(api)
    (first, web1, _), (second, web4, _) = BROKEN
    _template(apps, first, web1, image=BROKEN_IMAGE)
    _template(apps, second, web4, symptom="OOMKilled")

    def ill() -> bool:
        pods = client.CoreV1Api(api).list_namespaced_pod(second, label_selector=f"app={web4}").items
        return any(s.last_state.terminated for pod in pods for s in pod.status.container_statuses or [])

    try:
        wait_for("the broken workloads", ill, 60)
        yield
    finally:
        _template(apps, first, web1, image="gym.intentd.io/workload:v1")
        _template(apps, second, web4, symptom=None)


def _template(apps: client.AppsV1Api, namespace: str, name: str, **change: str | None) -> None:
    template: dict[str, Any] = {}
    if "image" in change:
        template["spec"] = {"containers": [{"name": "app", "image": change["image"]}]}
    if "symptom" in change:
        template["metadata"] = {"annotations": {"gym.intentd.io/symptom": change["symptom"]}}
    apps.patch_namespaced_deployment(name, namespace, {"spec": {"template": template}})


def _size(api: client.ApiClient) -> int:
    reply = client.CoreV1Api(api).list_pod_for_all_namespaces(_preload_content=False)
    return len(reply.data)


def _best(spent: list[Spent], part: str) -> float:
    return float(min(getattr(each, part) for each in spent))


def _median(spent: list[Spent], part: str) -> float:
    return round(float(statistics.median(getattr(each, part) for each in spent)), 3)


def _worst(spent: list[Spent], part: str) -> float:
    return round(float(max(getattr(each, part) for each in spent)), 3)
