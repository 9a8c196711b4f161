"""Namespaces for practice: marked as ours when made, and only marked ones are ever deleted."""

from __future__ import annotations

import uuid

from kubernetes import client

from gym.instance import Instance
from gym.paths import GymError
from gym.ready import wait_for_service_account

LABEL = "gym.intentd.io/instance"


def create_namespace(
    api: client.ApiClient, instance: Instance, purpose: str = "t", *, seconds: float = 30
) -> str:
    """A new namespace, usable at once: PREFIX + purpose + six random digits.

    The prefix is the one that the operator named for an existing cluster, nothing on a cluster of our own.
    """
    name = f"{prefix_of(instance)}{purpose}-{uuid.uuid4().hex[:6]}"
    labels = {LABEL: instance.tag}
    body = client.V1Namespace(metadata=client.V1ObjectMeta(name=name, labels=labels))
    client.CoreV1Api(api).create_namespace(body)
    wait_for_service_account(api, name, seconds)
    return name


def delete_namespace(api: client.ApiClient, instance: Instance, name: str) -> None:
    """Delete one of ours (the cluster finishes it later). GymError for any other; nothing where it is gone."""
    core = client.CoreV1Api(api)
    try:
        found = core.read_namespace(name)
    except client.ApiException as error:
        if error.status == 404:
            return
        raise
    if (found.metadata.labels or {}).get(LABEL) != instance.tag or not name.startswith(prefix_of(instance)):
        raise GymError(f"the namespace {name} was not made by {instance.name}, so it is not deleted")
    core.delete_namespace(name, grace_period_seconds=0)


def our_namespaces(api: client.ApiClient, instance: Instance) -> list[str]:
    found = client.CoreV1Api(api).list_namespace(label_selector=f"{LABEL}={instance.tag}")
    return [n.metadata.name for n in found.items if n.metadata.name.startswith(prefix_of(instance))]


def prefix_of(instance: Instance) -> str:
    return str(instance.read().get("prefix", ""))
