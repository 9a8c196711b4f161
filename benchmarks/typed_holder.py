"""Holds one look of a cluster as the client's model objects, the way an informer over typed calls would."""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path

from benchmarks import typed
from benchmarks.crowd import namespaces
from gym.ready import api_client


def main(kubeconfig: Path) -> None:
    wall, cpu = time.perf_counter(), time.process_time()
    with api_client(kubeconfig) as api:
        objects = typed.read(api)
        typed.judge(objects, frozenset(namespaces()))
        spent = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        sys.stderr.write(json.dumps({"event": "running", "pods": len(objects.pods), **spent}) + "\n")
        sys.stderr.flush()
        threading.Event().wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
