"""The daemon's service account with exactly the rights that deploy/manifests gives it.

The gym itself is the cluster's administrator; the daemon never is, so that a missing right shows here first.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client

from gym.access import service_account_kubeconfig
from gym.paths import GymError
from gym.ready import api_client

Json = dict[str, Any]

MANIFESTS = Path(__file__).resolve().parent.parent / "deploy" / "manifests"
_SECONDS = 10
_EXISTS = 409


def grant(admin: Path, target: Path, *, manifests: Path = MANIFESTS) -> str:
    """Apply the account and its rights, write `target` (a kubeconfig that acts as it), and answer the
    account's name as `namespace/name`. GymError where the manifests hold no account."""
    documents = list(_documents(manifests))
    accounts = [d["metadata"] for d in documents if d["kind"] == "ServiceAccount"]
    if not accounts:
        raise GymError(f"{manifests} holds no ServiceAccount")
    namespace, name = accounts[0]["namespace"], accounts[0]["name"]
    with api_client(admin) as api:
        _apply(api, documents)
    service_account_kubeconfig(admin, namespace, name, target)
    return f"{namespace}/{name}"


def _documents(folder: Path) -> Iterator[Json]:
    """The objects that grant rights; what runs the daemon as a pod is left out."""
    for path in sorted(folder.glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            if isinstance(document, dict) and document.get("kind") in _CREATE:
                yield document


def _apply(api: client.ApiClient, documents: list[Json]) -> None:
    core, rbac = client.CoreV1Api(api), client.RbacAuthorizationV1Api(api)
    for kind, create in _CREATE.items():
        for document in (d for d in documents if d["kind"] == kind):
            namespace = document["metadata"].get("namespace")
            where = {} if namespace is None else {"namespace": namespace}
            method = getattr(core if kind in ("Namespace", "ServiceAccount") else rbac, create)
            try:
                method(body=document, _request_timeout=_SECONDS, **where)
            except client.ApiException as error:
                if error.status != _EXISTS:
                    raise
                if kind == "ClusterRole":  # of an earlier version, on a cluster that still runs
                    rbac.replace_cluster_role(
                        document["metadata"]["name"], document, _request_timeout=_SECONDS
                    )


_CREATE = {
    "Namespace": "create_namespace",
    "ServiceAccount": "create_namespaced_service_account",
    "ClusterRole": "create_cluster_role",
    "ClusterRoleBinding": "create_cluster_role_binding",
    "Role": "create_namespaced_role",
    "RoleBinding": "create_namespaced_role_binding",
}
"""How each kind is made, in the order in which they need one another."""
