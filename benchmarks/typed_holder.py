"""Holds one look of a cluster as the client's model objects, the way an informer over typed calls would."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path

from benchmarks import typed
from gym.ready import api_client


def main(kubeconfig: Path) -> None:
    with api_client(kubeconfig) as api:
        objects = typed.read(api)
        sys.stderr.write(json.dumps({"event": "running", "pods": len(objects.pods)}) + "\n")
        sys.stderr.flush()
        threading.Event().wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
