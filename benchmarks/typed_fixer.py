"""The typed way to mend an image: `watch.Watch` over pods, and for each one that cannot pull the calls of one
fix with the official client. A process of its own; writes a JSON line for each fix.

A floor, not a daemon: no ledger, no guards, no candidates, no judgement; only its own pods are watched. What is
right it is told. The calls are those that intentd makes for the same fault, one after the other.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from kubernetes import client, watch

from detectors.pods import IMAGE_REASONS
from gym.ready import api_client

OVERTAKEN = (409, 422)
"""A controller wrote between our read and our write, whose precondition then fails: read again."""


def main(kubeconfig: Path, label: str, good: str) -> None:
    with api_client(kubeconfig) as api:
        _say({"event": "running"})
        done: set[str] = set()
        core = client.CoreV1Api(api)
        for event in watch.Watch().stream(core.list_pod_for_all_namespaces, label_selector=label):
            pod = event["object"]
            began = time.perf_counter()
            if pod.metadata.uid in done or not _cannot_pull(pod):
                continue
            done.add(pod.metadata.uid)
            _fix(api, pod.metadata.namespace, pod.metadata.labels["app"], good)
            _say({"event": "fixed", "ms": (time.perf_counter() - began) * 1000})


def _cannot_pull(pod: Any) -> bool:
    states = [status.state for status in pod.status.container_statuses or [] if status.state]
    return any(state.waiting and state.waiting.reason in IMAGE_REASONS for state in states)


def _fix(api: client.ApiClient, namespace: str, name: str, good: str) -> None:
    core, apps = client.CoreV1Api(api), client.AppsV1Api(api)
    labels = f"app={name}"
    live = apps.read_namespaced_deployment(name, namespace)
    apps.list_namespaced_replica_set(namespace, label_selector=labels, limit=100)
    pods = core.list_namespaced_pod(namespace, label_selector=labels, limit=100).items
    for volume in live.spec.template.spec.volumes or []:
        if volume.config_map is not None:
            with suppress(client.ApiException):  # it need not exist
                core.read_namespaced_config_map(volume.config_map.name, namespace)
    client.AutoscalingV2Api(api).list_namespaced_horizontal_pod_autoscaler(namespace, limit=100)
    core.list_namespaced_event(namespace, limit=500)
    apps.list_namespaced_deployment(namespace, limit=100)
    for pod in pods[:3]:
        with suppress(client.ApiException):  # its container may never have run
            core.read_namespaced_pod_log(pod.metadata.name, namespace, tail_lines=60)
    while not _written(apps, namespace, name, good):
        pass


def _written(apps: client.AppsV1Api, namespace: str, name: str, good: str) -> bool:
    """Dry run and write; false where a controller overtook us."""
    try:
        live = apps.read_namespaced_deployment(name, namespace)
        patch = [
            {"op": "test", "path": "/metadata/resourceVersion", "value": live.metadata.resource_version},
            {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": good},
        ]
        for dry_run in ({"dry_run": "All"}, {}):
            apps.patch_namespaced_deployment(name, namespace, patch, field_validation="Strict", **dry_run)
    except client.ApiException as error:
        if error.status not in OVERTAKEN:
            raise
        return False
    return True


def _say(line: dict[str, Any]) -> None:
    sys.stderr.write(json.dumps(line) + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
