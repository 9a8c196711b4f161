"""A cluster full of pods: real Deployments on kwok's nodes, run by the real controllers.

300 Deployments in 50 namespaces, whatever the number of pods; a template as people write them (probes,
variables, volumes), because what a pod costs to read is its size. Idempotent: a second call only scales.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import yaml
from kubernetes import client

from gym import cluster
from gym.cluster import Cluster
from gym.kwok import add_nodes
from gym.paths import GymError
from gym.ready import api_client, wait_for

NAMESPACES = 50
PER_NAMESPACE = 6
DEPLOYMENTS = NAMESPACES * PER_NAMESPACE
PODS_A_NODE = 900
"""kwok's nodes here allow 1,000."""
LABEL = "benchmark"

Say = Callable[[str], None]


@contextmanager
def bench_cluster(instance: str, say: Say) -> Iterator[Cluster]:
    """The running kwok instance of that name, left up afterwards; otherwise a fresh one, taken down."""
    try:
        yield cluster.find(instance)
    except GymError:
        say(f"starting a kwok cluster `{instance}`")
        try:
            yield cluster.up(instance, provider="kwok", fresh=True)
        finally:
            cluster.down(instance)


def namespaces() -> list[str]:
    return [f"crowd-{number:02d}" for number in range(NAMESPACES)]


def fill(running: Cluster, pods: int, say: Say) -> int:
    """Scale the crowd to at least so many pods and wait until all are Ready; answers how many."""
    each = -(-pods // DEPLOYMENTS)
    total = each * DEPLOYMENTS
    add_nodes(running.kubeconfig, -(-total // PODS_A_NODE) + 1, tainted=False)
    with api_client(running.kubeconfig) as api, ThreadPoolExecutor(4) as pool:
        core, apps = client.CoreV1Api(api), client.AppsV1Api(api)
        list(pool.map(lambda name: _namespace(core, name), namespaces()))
        wanted = [(space, f"web-{number}") for space in namespaces() for number in range(PER_NAMESPACE)]
        list(pool.map(lambda where: _deployment(apps, where[0], where[1], each), wanted))

        def ready() -> int:
            found = apps.list_deployment_for_all_namespaces(label_selector=LABEL).items
            return sum(item.status.ready_replicas or 0 for item in found)

        def all_ready() -> bool:
            now = ready()
            say(f"{now:,} of {total:,} pods ready")
            return now == total

        wait_for(f"{total} pods", all_ready, 60 + total / 15, pause=2.0)
    return total


def intents(namespace_names: list[str]) -> dict[str, str]:
    """One observing intent a namespace, as file name to YAML."""
    return {
        f"{name}.yaml": yaml.safe_dump(
            {
                "apiVersion": "intentd.io/v1alpha1",
                "kind": "Intent",
                "metadata": {"name": name},
                "spec": {
                    "scope": {"namespace": name},
                    "expectations": [{"type": "workloadHealthy"}],
                    "mode": "observe",
                },
            }
        )
        for name in namespace_names
    }


def _namespace(core: client.CoreV1Api, name: str) -> None:
    _create(lambda: core.create_namespace({"metadata": {"name": name}}))


def _deployment(apps: client.AppsV1Api, namespace: str, name: str, replicas: int) -> None:
    body = deployment(name, replicas)
    if not _create(lambda: apps.create_namespaced_deployment(namespace, body)):
        apps.patch_namespaced_deployment_scale(name, namespace, {"spec": {"replicas": replicas}})


def _create(call: Callable[[], object]) -> bool:
    """False where it is there already."""
    try:
        call()
    except client.ApiException as error:
        if error.status != 409:
            raise
        return False
    return True


def deployment(name: str, replicas: int, image: str = "gym.intentd.io/workload:v1") -> dict[str, Any]:
    """A Deployment of the size that people write: its pods are about 6 KB of JSON."""
    labels = {
        "app": name,
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/part-of": "shop",
        "app.kubernetes.io/version": "1.4.2",
        LABEL: "yes",
    }
    env: list[dict[str, Any]] = [
        {"name": f"SETTING_{number}", "value": f"value-of-setting-{number}"} for number in range(8)
    ]
    env.append({"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}})
    probe = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 10, "timeoutSeconds": 2}
    container = {
        "name": "app",
        "image": image,
        "ports": [{"name": "http", "containerPort": 8080}, {"name": "metrics", "containerPort": 9090}],
        "env": env,
        "resources": {
            "requests": {"cpu": "10m", "memory": "32Mi"},
            "limits": {"cpu": "500m", "memory": "256Mi"},
        },
        "livenessProbe": probe,
        "readinessProbe": probe,
        "volumeMounts": [
            {"name": "settings", "mountPath": "/etc/app", "readOnly": True},
            {"name": "scratch", "mountPath": "/tmp/app"},
        ],
        "securityContext": {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True},
    }
    volumes = [
        {"name": "settings", "configMap": {"name": "settings", "optional": True}},
        {"name": "scratch", "emptyDir": {}},
    ]
    notes = {"prometheus.io/scrape": "true", "prometheus.io/port": "9090", "checksum/config": "0" * 64}
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": labels, "annotations": notes},
                "spec": {
                    "containers": [container],
                    "volumes": volumes,
                    "terminationGracePeriodSeconds": 0,
                    "topologySpreadConstraints": [
                        {
                            "maxSkew": 5,
                            "topologyKey": "kubernetes.io/hostname",
                            "whenUnsatisfiable": "ScheduleAnyway",
                            "labelSelector": {"matchLabels": {"app": name}},
                        }
                    ],
                },
            },
        },
    }
