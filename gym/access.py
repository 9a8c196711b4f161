"""Kubeconfigs for others than the administrator: a service account's, by a token that the API server signs."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import yaml
from kubernetes import client

from gym.ready import api_client

HOURS = 12
"""How long a token lasts; longer than any practice."""


def service_account_kubeconfig(admin: Path, namespace: str, name: str, path: Path) -> Path:
    """Write a kubeconfig that acts as that service account (which must exist) and return its path.

    This is how the daemon meets the practice cluster: with the rights that its manifests give it, no more.
    """
    with api_client(admin) as api:
        request = client.AuthenticationV1TokenRequest(
            spec=client.V1TokenRequestSpec(audiences=[], expiration_seconds=HOURS * 3600)
        )
        token = client.CoreV1Api(api).create_namespaced_service_account_token(name, namespace, request)
        cluster = {"server": api.configuration.host}
        if authority := api.configuration.ssl_ca_cert:
            cluster["certificate-authority-data"] = base64.b64encode(Path(authority).read_bytes()).decode()
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "practice", "cluster": cluster}],
        "users": [{"name": name, "user": {"token": token.status.token}}],
        "contexts": [
            {"name": name, "context": {"cluster": "practice", "user": name, "namespace": namespace}}
        ],
        "current-context": name,
    }
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(yaml.safe_dump(document))
    return path
