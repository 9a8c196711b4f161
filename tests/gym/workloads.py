"""Deployments of the practice workload for tests, and what their pods say."""

from __future__ import annotations

from typing import Any

from kubernetes import client

IMAGE = "gym.intentd.io/workload:v1"


def deployment(
    name: str, *, image: str = IMAGE, env: dict[str, str] | None = None, **container: Any
) -> dict[str, Any]:
    """A Deployment with one pod of the workload; `container` adds fields to its only container."""
    app = {
        "name": "app",
        "image": image,
        "env": [{"name": key, "value": value} for key, value in (env or {}).items()],
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1},
    }
    for key, value in container.items():
        app[key] = app.get(key, []) + value if isinstance(value, list) else value
    template = {
        "metadata": {
            "labels": {"app": name},
            "annotations": {"prometheus.io/scrape": "true", "prometheus.io/port": "8080"},
        },
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [app]},
    }
    selector = {"matchLabels": {"app": name}}
    return {"metadata": {"name": name}, "spec": {"replicas": 1, "selector": selector, "template": template}}


def create(api: client.ApiClient, namespace: str, body: dict[str, Any]) -> None:
    client.AppsV1Api(api).create_namespaced_deployment(namespace, body)


def pods(api: client.ApiClient, namespace: str, app: str) -> list[Any]:
    found = client.CoreV1Api(api).list_namespaced_pod(namespace, label_selector=f"app={app}")
    return list(found.items)


def container_status(api: client.ApiClient, namespace: str, app: str) -> Any:
    """The only container's status, None before there is one."""
    for pod in pods(api, namespace, app):
        for status in pod.status.container_statuses or []:
            return status
    return None


def waiting_reason(api: client.ApiClient, namespace: str, app: str) -> str | None:
    status = container_status(api, namespace, app)
    return status.state.waiting.reason if status and status.state.waiting else None


def last_end(api: client.ApiClient, namespace: str, app: str) -> tuple[str, int] | None:
    """Reason and exit code of the container's last end."""
    status = container_status(api, namespace, app)
    for state in (status.state, status.last_state) if status else ():
        if state.terminated:
            return state.terminated.reason, state.terminated.exit_code
    return None
