"""A service account for the daemon with the rights of deploy/manifests, and a kubeconfig with its token.

The gym itself is the cluster's administrator; the daemon never is, so that a missing right shows here first.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client

from gym.paths import GymError
from gym.ready import api_client

Json = dict[str, Any]

MANIFESTS = Path(__file__).resolve().parent.parent / "deploy" / "manifests"
TOKEN_SECONDS = 24 * 3600
_SECONDS = 10
_EXISTS = 409


def grant(admin: Path, target: Path, *, manifests: Path = MANIFESTS) -> str:
    """Apply the account and its rights, write `target` (a kubeconfig, mode 0600) with a token that expires,
    and answer the account's name as `namespace/name`. GymError where the manifests hold no account."""
    documents = list(_documents(manifests))
    accounts = [d["metadata"] for d in documents if d["kind"] == "ServiceAccount"]
    if not accounts:
        raise GymError(f"{manifests} holds no ServiceAccount")
    namespace, name = accounts[0]["namespace"], accounts[0]["name"]
    with api_client(admin) as api:
        _apply(api, documents)
        request = {"spec": {"audiences": None, "expirationSeconds": TOKEN_SECONDS}}
        answer = client.CoreV1Api(api).create_namespaced_service_account_token(
            name, namespace, request, _request_timeout=_SECONDS
        )
    _write(target, yaml.safe_load(admin.read_text()), f"{namespace}/{name}", answer.status.token)
    return f"{namespace}/{name}"


def _documents(folder: Path) -> Iterator[Json]:
    """The objects that grant rights; what runs the daemon as a pod is left out."""
    for path in sorted(folder.glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            if isinstance(document, dict) and document.get("kind") in _CREATE:
                yield document


def _apply(api: client.ApiClient, documents: list[Json]) -> None:
    core, rbac = client.CoreV1Api(api), client.RbacAuthorizationV1Api(api)
    for kind in _CREATE:
        for document in (d for d in documents if d["kind"] == kind):
            namespace = document["metadata"].get("namespace")
            where = {} if namespace is None else {"namespace": namespace}
            method = getattr(core if kind in ("Namespace", "ServiceAccount") else rbac, _CREATE[kind])
            try:
                method(body=document, _request_timeout=_SECONDS, **where)
            except client.ApiException as error:
                if error.status != _EXISTS:
                    raise


_CREATE = {
    "Namespace": "create_namespace",
    "ServiceAccount": "create_namespaced_service_account",
    "ClusterRole": "create_cluster_role",
    "ClusterRoleBinding": "create_cluster_role_binding",
    "Role": "create_namespaced_role",
    "RoleBinding": "create_namespaced_role_binding",
}
"""How each kind is made, in the order in which they need one another."""


def _write(target: Path, admin: Json, user: str, token: str) -> None:
    """The administrator's kubeconfig with another user: same server, same authority."""
    context = {"cluster": admin["clusters"][0]["name"], "user": user}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": admin["clusters"][:1],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": user, "context": context}],
        "current-context": user,
    }
    target.touch(mode=0o600)
    target.write_text(yaml.safe_dump(document))
