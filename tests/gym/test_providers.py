"""The providers that need no root: simulated nodes, and a cluster that belongs to somebody else."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from kubernetes import client

from gym import cluster
from gym.access import service_account_kubeconfig
from gym.cluster import Cluster
from gym.kwok import add_nodes, start_kwok
from gym.namespaces import create_namespace, delete_namespace
from gym.paths import GymError
from gym.processes import marked
from gym.providers import existing
from gym.ready import api_client, wait_for
from tests.gym import workloads as w

pytestmark = pytest.mark.cluster


@pytest.fixture
def state() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="itd", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def test_kwok_pods_become_ready_fail_by_image_and_heal_by_image(state: Path) -> None:
    c = cluster.up("k", provider="kwok", state=state)
    try:
        with api_client(c.kubeconfig) as api:
            w.create(api, "default", w.deployment("good"))
            w.create(api, "default", w.deployment("bad", image="gym.intentd.io/workload:v8"))
            wait_for("ready", lambda: bool((s := w.container_status(api, "default", "good")) and s.ready), 20)
            wait_for("ErrImagePull", lambda: w.waiting_reason(api, "default", "bad") == "ErrImagePull", 20)
            fixed = {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": w.IMAGE}]}}}}
            apps = client.AppsV1Api(api)
            apps.patch_namespaced_deployment("bad", "default", fixed)

            def healed() -> bool:
                now = apps.read_namespaced_deployment("bad", "default").status
                return now.updated_replicas == 1 and now.available_replicas == 1 and now.replicas == 1

            wait_for("the patched image healing it", healed, 20)
        assert not c.capabilities.real_containers
    finally:
        cluster.down("k", state=state)
    assert marked(c.instance) == []
    assert not c.instance.exists


@pytest.mark.kubelet
def test_kwok_nodes_stand_beside_a_real_one_and_take_only_pods_that_tolerate_them(
    containers: Cluster, api: client.ApiClient, namespace: str
) -> None:
    start_kwok(containers.instance)
    add_nodes(containers.kubeconfig, 2, tainted=True)
    body = w.deployment("simulated")
    body["spec"]["replicas"] = 20
    pod = body["spec"]["template"]["spec"]
    pod["tolerations"] = [{"key": "kwok.x-k8s.io/node", "operator": "Exists"}]
    pod["nodeSelector"] = {"type": "kwok"}
    w.create(api, namespace, body)
    w.create(api, namespace, w.deployment("real"))
    apps = client.AppsV1Api(api)

    def available(name: str) -> int:
        return apps.read_namespaced_deployment(name, namespace).status.available_replicas or 0

    wait_for(
        "20 simulated pods and a real one", lambda: (available("simulated"), available("real")) == (20, 1), 40
    )
    assert w.pods(api, namespace, "real")[0].spec.node_name == containers.instance.node
    for node in ("kwok-0", "kwok-1"):
        client.CoreV1Api(api).delete_node(node)


def test_an_existing_cluster_keeps_everything_that_we_did_not_make(
    practice: Cluster, api: client.ApiClient, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(existing.KUBECONFIG, str(practice.kubeconfig))
    monkeypatch.setenv(existing.PREFIX, "practice-")
    core = client.CoreV1Api(api)
    core.create_namespace({"metadata": {"name": "practice-of-somebody-else"}})
    borrowed = cluster.up("borrowed", provider="existing", state=state)
    mine = create_namespace(api, borrowed.instance)
    assert mine.startswith("practice-")
    with pytest.raises(GymError, match="was not made by borrowed"):
        delete_namespace(api, borrowed.instance, "practice-of-somebody-else")
    cluster.down("borrowed", state=state)

    def gone() -> bool:
        names = {n.metadata.name for n in core.list_namespace().items if not n.metadata.deletion_timestamp}
        assert {"default", "practice-of-somebody-else"} <= names
        return mine not in names

    wait_for("our namespace going", gone, 20)
    assert practice.status().up
    core.delete_namespace("practice-of-somebody-else")


def test_an_existing_cluster_needs_both_words_of_the_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(existing.PREFIX, raising=False)
    monkeypatch.setenv(existing.KUBECONFIG, "somewhere")
    with pytest.raises(GymError, match=existing.PREFIX):
        cluster.choose("existing")


def test_an_existing_cluster_that_does_not_answer_is_a_sentence(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(existing.KUBECONFIG, str(tmp_path / "absent"))
    monkeypatch.setenv(existing.PREFIX, "practice-")
    with pytest.raises(GymError, match="does not answer"):
        cluster.up("borrowed", provider="existing", state=state)


def test_a_service_accounts_kubeconfig_has_its_rights_and_no_more(
    practice: Cluster, api: client.ApiClient, namespace: str, tmp_path: Path
) -> None:
    core = client.CoreV1Api(api)
    core.create_namespaced_service_account(namespace, {"metadata": {"name": "limited"}})
    path = service_account_kubeconfig(practice.kubeconfig, namespace, "limited", tmp_path / "kubeconfig")
    assert path.stat().st_mode & 0o077 == 0
    with api_client(path) as limited:
        me = client.AuthenticationV1Api(limited).create_self_subject_review({})
        assert me.status.user_info.username == f"system:serviceaccount:{namespace}:limited"
        with pytest.raises(client.ApiException) as refused:
            client.CoreV1Api(limited).list_namespaced_pod(namespace)
    assert refused.value.status == 403
