"""One list and one judgement in a process of its own, so that its memory is its own: what `benchmarks scale` starts."""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path

from benchmarks.churn import wishes
from benchmarks.crowd import namespaces
from daemon.clock import SystemClock
from daemon.kube.cluster import KubeCluster
from daemon.kube.connect import connect
from detectors.judge import judge
from detectors.model import Observation
from detectors.triage import triage
from detectors.watched import kinds_needed

SECONDS = 120.0


def main(kubeconfig: Path) -> None:
    """From no connection to cases; tells what it took, and what it found."""
    intents = list(wishes(namespaces()))
    wall, cpu = time.perf_counter(), time.process_time()
    cluster = KubeCluster(connect(kubeconfig), SystemClock())
    cluster.watch(kinds_needed(intents))
    cluster.start()
    listed = cluster.wait_until_listed(SECONDS)
    observation = Observation(at=time.time(), objects=cluster.snapshot())
    judging = time.process_time()
    judgement = judge(intents, observation)
    cases = triage(judgement, observation)
    now = time.process_time()
    told = {
        "event": "judged",
        "wall": time.perf_counter() - wall,
        "cpu": now - cpu,
        "judging": now - judging,
        "listed": listed,
        "pods": len(observation.pods()),
        "unknown": [str(unknown.gap) for unknown in judgement.unknowns][:3],
        "cases": [str(case.key) for case in cases][:3],
    }
    sys.stderr.write(json.dumps(told) + "\n")
    sys.stderr.flush()
    threading.Event().wait()  # until whoever measures has read our memory


if __name__ == "__main__":
    main(Path(sys.argv[1]))
