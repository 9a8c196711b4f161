"""Objects of the practice cluster, written and read as plain JSON through the official client."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kubernetes import client

from gym.paths import GymError
from gym.ready import wait_for_service_account

Json = dict[str, Any]

SECONDS = 10
"""Limit of one call."""

_GROUPS: Mapping[str, tuple[type, str]] = {
    "ConfigMap": (client.CoreV1Api, "config_map"),
    "Service": (client.CoreV1Api, "service"),
    "Pod": (client.CoreV1Api, "pod"),
    "ServiceAccount": (client.CoreV1Api, "service_account"),
    "Deployment": (client.AppsV1Api, "deployment"),
}
_NOT_FOUND, _EXISTS = 404, 409


class Objects:
    """Namespaced objects by kind and name."""

    def __init__(self, api: client.ApiClient) -> None:
        self.api = api

    def create(self, manifest: Json) -> None:
        """Create an object that must not exist yet. Raises ApiException."""
        self._call("create", manifest["kind"], manifest["metadata"]["namespace"], manifest)

    def patch(self, kind: str, namespace: str, name: str, change: Json) -> None:
        """Strategic merge, so that a change may name one container of several. Raises ApiException."""
        self._call("patch", kind, name, namespace, change)

    def read(self, kind: str, namespace: str, name: str) -> Json | None:
        """The object as the server has it; None where there is none. Raises ApiException otherwise."""
        try:
            answer = self._call("read", kind, name, namespace, _preload_content=False)
        except client.ApiException as error:
            if error.status == _NOT_FOUND:
                return None
            raise
        found: Json = json.loads(answer.data)
        return found

    def delete(self, kind: str, namespace: str, name: str) -> None:
        """Delete an object; nothing happens where there is none."""
        try:
            self._call("delete", kind, name, namespace)
        except client.ApiException as error:
            if error.status != _NOT_FOUND:
                raise

    def tell_pods(self, namespace: str, labels: str, path: str, port: int = 8080) -> None:
        """POST to every pod with these labels, through the API server. GymError where there is none,
        ApiException where one refuses."""
        core = client.CoreV1Api(self.api)
        pods = core.list_namespaced_pod(namespace, label_selector=labels, _request_timeout=SECONDS).items
        if not pods:
            raise GymError(f"no pod in {namespace} has the labels {labels}")
        for pod in pods:
            core.connect_post_namespaced_pod_proxy_with_path(
                f"{pod.metadata.name}:{port}", namespace, path, _request_timeout=SECONDS
            )

    def namespace(self, name: str) -> None:
        """Make a namespace (it may exist) and wait until pods can be created in it."""
        try:
            client.CoreV1Api(self.api).create_namespace(
                {"metadata": {"name": name}}, _request_timeout=SECONDS
            )
        except client.ApiException as error:
            if error.status != _EXISTS:
                raise
        wait_for_service_account(self.api, name)

    def _call(self, verb: str, kind: str, *arguments: Any, **options: Any) -> Any:
        group, noun = _GROUPS[kind]
        method = getattr(group(self.api), f"{verb}_namespaced_{noun}")
        return method(*arguments, _request_timeout=SECONDS, **options)
