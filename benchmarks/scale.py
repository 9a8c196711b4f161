"""20,000 pods on 200 nodes: list and judge, steady events, a thousand intents.

The pods are those of a real kwok cluster, grown within their own workloads by the replaying server
(benchmarks/replay.py): a kwok cluster of that size would take two cores over ten minutes to fill. Every kind that the
intents need is watched: workloads, nodes, volumes, claims, classes, webhooks. Peak memory is the kernel's VmHWM.
"""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import yaml

from benchmarks.churn import wishes
from benchmarks.crowd import Say, bench_cluster, fill, namespaces
from benchmarks.figures import Figure, tell
from benchmarks.process import daemon, program
from intents.catalog import Catalog, compile_catalog

RECORDED = 1200
INTENTS = 1000
ROUNDS = 7
WARM = 60.0
"""Seconds of events before their cost is counted: what the pace of looks has saved up for a burst is spent by then, and
every workload is remembered as known good."""


def measure(instance: str, pods: int, nodes: int, events: int, seconds: float, output: str, say: Say) -> None:
    with bench_cluster(instance, say) as running, tempfile.TemporaryDirectory() as scratch:
        fill(running, RECORDED, say)
        folder = Path(scratch)
        kubeconfig = folder / "replay"
        replay = [sys.executable, "-m", "benchmarks.replay", str(running.kubeconfig)]
        replay += [str(pods), str(kubeconfig), str(nodes), str(events)]
        load = os.getloadavg()[0]
        with program(replay) as server:
            server.wait_for(600, event="running")
            say("list and judge")
            mine, peak = _once(kubeconfig, pods)
            say("the typed client")
            with program([sys.executable, "-m", "benchmarks.typed_holder", str(kubeconfig)]) as theirs:
                other = theirs.wait_for(600, event="running").content
                other_peak = theirs.memory("VmHWM")
            say(f"{events} events a second")
            texts = {f"{each.name}.yaml": _yaml(each) for each in wishes(namespaces())}
            with daemon(running, folder / "ours", texts, kubeconfig=kubeconfig) as ours:
                time.sleep(WARM)
                before, began = ours.cpu, time.monotonic()
                time.sleep(seconds)
                share = (ours.cpu - before) / (time.monotonic() - began) * 100
                daemon_peak = ours.memory("VmHWM")
    say("a thousand intents")
    reloaded, unchanged = _intents()
    tell(
        f"{pods:,} pods on {nodes} nodes",
        [
            Figure("list and judge, wall", "s", mine["wall"], other["wall"], 4.0),
            Figure("list and judge, CPU", "s", mine["cpu"], other["cpu"], 1.5),
            Figure("judging alone, CPU", "s", mine["judging"]),
            Figure("list and judge, peak RSS", "MB", peak, other_peak, 180),
            Figure("intentd run, peak RSS", "MB", daemon_peak, None, 180),
            Figure(f"CPU at {events} events a second", "% of a core", share, None, 2),
            Figure(
                f"{INTENTS:,} intents reloaded, all changed, CPU", "ms", reloaded, None, 200, samples=ROUNDS
            ),
            Figure(f"{INTENTS:,} intents unchanged, CPU", "ms", unchanged, None, 5, samples=ROUNDS),
        ],
        {"pods": f"{RECORDED:,} kwok pods recorded and grown to {pods:,}", "seconds of events": seconds},
        output=output,
        load=load,
    )


def _once(kubeconfig: Path, pods: int) -> tuple[dict[str, float], float]:
    with program([sys.executable, "-m", "benchmarks.scale_judge", str(kubeconfig)]) as ours:
        told = ours.wait_for(300, event="judged").content
        peak = ours.memory("VmHWM")
    if told["pods"] != pods or told["unknown"] or told["cases"] or not told["listed"]:
        raise SystemExit(f"it saw something else than {pods} healthy pods: {told}")
    return told, peak


def _yaml(intent: object) -> str:
    dumped = intent.model_dump(mode="json", by_alias=True, exclude_defaults=True)  # type: ignore[attr-defined]
    return yaml.safe_dump(dumped)


def _intents() -> tuple[float, float]:
    """Milliseconds of CPU, the median of the rounds: every file changed, and none."""
    texts = [_files(round_) for round_ in range(2)]
    changed, same = [], []
    catalog: Catalog | None = None
    for number in range(2 * ROUNDS):
        gc.collect()
        began = time.process_time()
        catalog = compile_catalog(texts[number % 2], catalog)
        middle = time.process_time()
        if compile_catalog(texts[number % 2], catalog) is not catalog:
            raise SystemExit("an unchanged directory made another catalog")
        changed.append(middle - began)
        same.append(time.process_time() - middle)
    return median(changed) * 1000, median(same) * 1000


def _files(round_: int) -> dict[str, bytes]:
    files = {}
    for number, intent in enumerate(wishes([f"team-{number:04d}" for number in range(INTENTS)])):
        files[f"{number:04d}.yaml"] = f"# {round_}\n{_yaml(intent)}".encode()
    return files
