"""Waits for things in the cluster, through the official client."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from kubernetes import client, config
from kubernetes.client import ApiException
from urllib3.exceptions import HTTPError

from gym.paths import GymError


def api_client(kubeconfig: Path) -> client.ApiClient:
    """A client for that kubeconfig and no other: neither KUBECONFIG nor a service account is looked at."""
    return config.new_client_from_config(config_file=str(kubeconfig))


def wait_for(what: str, true: Callable[[], bool], seconds: float, pause: float = 0.1) -> None:
    """Poll until true. API errors count as not yet; GymError names what did not come and the last error."""
    end = time.monotonic() + seconds
    last = ""
    while True:
        try:
            if true():
                return
        except (ApiException, HTTPError) as error:
            last = f"; the last answer was {str(error).strip().splitlines()[0]}"
        if time.monotonic() > end:
            raise GymError(f"{what} did not happen within {seconds:.0f} s{last}")
        time.sleep(pause)


def wait_for_node(kubeconfig: Path, name: str, seconds: float = 60) -> None:
    """Until the node is Ready, untainted, and a pod could be created in `default`."""
    with api_client(kubeconfig) as api:
        core = client.CoreV1Api(api)

        def node_ready() -> bool:
            node = core.read_node(name, _request_timeout=5)
            ready = any(c.type == "Ready" and c.status == "True" for c in node.status.conditions or [])
            return ready and not node.spec.taints

        wait_for(f"node {name} becoming ready", node_ready, seconds)
        wait_for_service_account(api, "default", seconds)


def wait_for_service_account(api: client.ApiClient, namespace: str, seconds: float = 30) -> None:
    """A pod can be created in a namespace once its default service account and the root CA are there."""
    core = client.CoreV1Api(api)

    def there() -> bool:
        core.read_namespaced_service_account("default", namespace, _request_timeout=5)
        core.read_namespaced_config_map("kube-root-ca.crt", namespace, _request_timeout=5)
        return True

    wait_for(f"the default service account of {namespace}", there, seconds)
