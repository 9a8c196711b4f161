"""The typed way to watch: `watch.Watch` over model objects, and the typed judgement of the whole world for each
burst of events, as our look does. A process of its own; writes a JSON line for each newly broken workload.

As simple as it can be: no ledger, no bookmarks, no recovery, pods alone are watched.
"""

from __future__ import annotations

import json
import queue
import sys
import threading
from pathlib import Path

from kubernetes import client, watch

from benchmarks import typed
from benchmarks.crowd import namespaces
from daemon.pace import COALESCE
from gym.ready import api_client


def main(kubeconfig: Path) -> None:
    with api_client(kubeconfig) as api:
        objects = typed.read(api)
        events: queue.Queue[tuple[str, client.V1Pod]] = queue.Queue()
        threading.Thread(target=_watch, args=(api, objects.versions["Pod"], events), daemon=True).start()
        known = typed.judge(objects, frozenset(namespaces()))
        _say({"event": "running"})
        pause = threading.Event()
        while True:
            _take(objects, *events.get())
            pause.wait(COALESCE)
            while not events.empty():
                _take(objects, *events.get_nowait())
            broken = typed.judge(objects, frozenset(namespaces()))
            for where in broken.keys() - known.keys():
                _say({"event": "case opened", "where": "/".join(where)})
            known = broken


def _watch(api: client.ApiClient, version: str, events: queue.Queue[tuple[str, client.V1Pod]]) -> None:
    stream = watch.Watch().stream(
        client.CoreV1Api(api).list_pod_for_all_namespaces, resource_version=version, timeout_seconds=3600
    )
    for event in stream:
        events.put((event["type"], event["object"]))


def _take(objects: typed.Objects, kind: str, pod: client.V1Pod) -> None:
    name = (pod.metadata.namespace, pod.metadata.name)
    if kind == "DELETED":
        objects.pods.pop(name, None)
    else:
        objects.pods[name] = pod


def _say(line: dict[str, str]) -> None:
    sys.stderr.write(json.dumps(line) + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
