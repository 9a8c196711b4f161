"""What deploy/manifests asks of a cluster is the least that intentd works with, and a real API server takes it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client

from daemon import doctor
from daemon.clock import SystemClock
from daemon.kube import rights
from daemon.kube.connect import connect
from daemon.kube.rights import MEND, PROVISION, READ, RECREATE, REHEARSE, Right
from daemon.kube.transport import Transport
from daemon.settings import Settings, load_settings
from gym.cluster import Cluster

DEPLOY = Path(__file__).parents[2] / "deploy"
MANIFESTS = DEPLOY / "manifests"

Json = dict[str, Any]


def documents() -> list[Json]:
    listed = yaml.safe_load((MANIFESTS / "kustomization.yaml").read_text())["resources"]
    return [d for name in listed for d in yaml.safe_load_all((MANIFESTS / name).read_text())]


def one(kind: str, name: str = "intentd") -> Json:
    (found,) = (d for d in documents() if (d["kind"], d["metadata"]["name"]) == (kind, name))
    return found


def granted(role: str) -> frozenset[Right]:
    return frozenset(
        Right(verb, group, resource)
        for rule in one("ClusterRole", role)["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    )


def test_every_file_is_listed_for_kustomize() -> None:
    listed = yaml.safe_load((MANIFESTS / "kustomization.yaml").read_text())["resources"]
    assert {path.name for path in MANIFESTS.glob("*.yaml")} == {*listed, "kustomization.yaml"}


ROLES = {
    "intentd-read": READ,
    "intentd-mend": MEND,
    "intentd-provision": PROVISION,
    "intentd-recreate": RECREATE,
    "intentd-rehearse": REHEARSE,
}


@pytest.mark.parametrize(("role", "table"), ROLES.items())
def test_each_role_grants_the_table_of_rights_and_nothing_else(role: str, table: frozenset[Right]) -> None:
    assert granted(role) == table


def test_no_role_has_a_wildcard_a_secret_or_a_word_about_rights_themselves() -> None:
    words = {
        word
        for d in documents()
        if d["kind"] in {"ClusterRole", "Role"}
        for rule in d["rules"]
        for part in rule.values()
        for word in part
    }
    assert not {word for word in words if "*" in word or word.startswith(("secrets", "serviceaccounts"))}
    assert not words & {"escalate", "bind", "impersonate", "pods/exec", "deletecollection"}
    about_nodes = {
        right.verb for role in ROLES for right in granted(role) if right.resource.startswith("nodes")
    }
    assert about_nodes == {"list", "watch"}
    assert not [
        rule
        for d in documents()
        if d["kind"] == "ClusterRole"
        for rule in d["rules"]
        if "nonResourceURLs" in rule
    ]


def test_nobody_is_bound_to_provisioning_rehearsing_or_recreating() -> None:
    bound = {d["roleRef"]["name"] for d in documents() if d["kind"].endswith("RoleBinding")}
    assert bound == {"intentd-read", "intentd-mend"}


def test_the_account_of_the_bindings_is_the_account_of_the_pod() -> None:
    pod = one("Deployment")["spec"]["template"]["spec"]
    subjects = [s for d in documents() if d["kind"].endswith("RoleBinding") for s in d["subjects"]]
    assert {(s["kind"], s["namespace"], s["name"]) for s in subjects} == {
        ("ServiceAccount", "intentd", pod["serviceAccountName"])
    }


def test_doctor_asks_for_the_same_table() -> None:
    assert (doctor.READ, doctor.MEND) == (rights.READ, rights.MEND)


def test_the_pod_is_what_the_restricted_standard_asks_for_and_cannot_write_its_own_files() -> None:
    pod = one("Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    assert one("Namespace")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_two_daemons_never_share_the_ledger_and_a_stop_has_time_to_drain() -> None:
    spec = one("Deployment")["spec"]
    assert (spec["replicas"], spec["strategy"]["type"]) == (1, "Recreate")
    assert one("PersistentVolumeClaim", "intentd-ledger")["spec"]["accessModes"] == ["ReadWriteOnce"]
    assert spec["template"]["spec"]["terminationGracePeriodSeconds"] > 10


def test_settings_of_the_config_map_are_settings_and_stand_where_the_pod_looks(tmp_path: Path) -> None:
    file = tmp_path / "intentd.yaml"
    file.write_text(one("ConfigMap", "intentd-settings")["data"]["intentd.yaml"])
    settings = load_settings(file)
    pod = one("Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    assert mounts[str(settings.intents)] == "intents"
    folders = {entry["name"]: entry["value"] for entry in container["env"]}
    assert mounts[folders["CONFIGURATION_DIRECTORY"]] == "settings"
    assert mounts[folders["STATE_DIRECTORY"]] == "ledger"
    assert container["ports"] == [{"name": "http", "containerPort": settings.http.port}]
    assert settings.http.host == "0.0.0.0"
    assert settings.limits.mode.value == "propose"


def test_the_hints_in_the_settings_are_settings_too(tmp_path: Path) -> None:
    text = one("ConfigMap", "intentd-settings")["data"]["intentd.yaml"]
    file = tmp_path / "intentd.yaml"
    file.write_text(re.sub(r"(?m)^# (?=(prometheus|model):|  (url|name):)", "", text))
    settings: Settings = load_settings(file)
    assert settings.prometheus.url
    assert settings.model.name


@pytest.mark.cluster
def test_a_real_api_server_takes_every_manifest_strictly_and_admits_the_pod_as_restricted(
    api: client.ApiClient, practice: Cluster
) -> None:
    core = client.CoreV1Api(api)
    transport = Transport(connect(kubeconfig=practice.kubeconfig), SystemClock())
    existed = any(item.metadata.name == "intentd" for item in core.list_namespace().items)
    if not existed:
        # The others are validated inside it, and admission looks for the pod's account.
        core.create_namespace(one("Namespace"))
        core.create_namespaced_service_account("intentd", one("ServiceAccount"))
    try:
        taken = [dry_run(transport, document) for document in [*documents(), pod()]]
    finally:
        if not existed:
            core.delete_namespace("intentd")
    assert taken == [(d["kind"], d["metadata"]["name"]) for d in [*documents(), pod()]]


def pod() -> Json:
    """The pod itself: pod security is enforced on pods, and only warned of on what makes them."""
    template = one("Deployment")["spec"]["template"]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "intentd-try"}, "spec": template["spec"]}


PATHS = {
    "Pod": "/api/v1/namespaces/intentd/pods",
    "Namespace": "/api/v1/namespaces",
    "ServiceAccount": "/api/v1/namespaces/intentd/serviceaccounts",
    "ConfigMap": "/api/v1/namespaces/intentd/configmaps",
    "Service": "/api/v1/namespaces/intentd/services",
    "PersistentVolumeClaim": "/api/v1/namespaces/intentd/persistentvolumeclaims",
    "Deployment": "/apis/apps/v1/namespaces/intentd/deployments",
    "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "ValidatingAdmissionPolicy": "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
}


def dry_run(transport: Transport, document: Json) -> tuple[str, str]:
    """Server-side apply: the same answer whether or not the object exists."""
    reply = transport.send(
        "PATCH",
        f"{PATHS[document['kind']]}/{document['metadata']['name']}",
        [("dryRun", "All"), ("fieldValidation", "Strict"), ("fieldManager", "test"), ("force", "true")],
        document,
        "application/apply-patch+yaml",
    )
    answer = json.loads(reply.body)
    assert reply.ok, answer
    return answer["kind"], answer["metadata"]["name"]
