"""The image as a pod of a real cluster, from `kubectl apply -k deploy/manifests` to a fault that it sees."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from kubernetes import client

from gym import debian
from gym.cluster import Cluster
from gym.processes import wait_until
from store.projection import SystemEvent
from tests.attack.hostile.against import wait_until_gone
from tests.gym.workloads import create, deployment
from tests.system.pod_credentials import Forwarder

pytestmark = [pytest.mark.kubelet, pytest.mark.timeout(900)]  # a first build fetches a Debian

ROOT = Path(__file__).parents[2]
MANIFESTS = ROOT / "deploy" / "manifests"
USER = 65532
INTENT = """
apiVersion: intentd.io/v1alpha1
kind: Intent
metadata: {{name: web-runs}}
spec:
  scope: {{namespace: {namespace}, kind: Deployment, name: web}}
  expectations: [{{type: workloadHealthy}}]
"""


@dataclass(frozen=True, slots=True)
class Operator:
    """Somebody with kubectl and an administrator's kubeconfig."""

    kubeconfig: Path

    def kubectl(self, *arguments: str | Path, seconds: float = 60) -> str:
        """Its output; AssertionError with its words where it fails."""
        done = self.try_kubectl(*arguments, seconds=seconds)
        assert done.returncode == 0, f"kubectl {arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def try_kubectl(self, *arguments: str | Path, seconds: float = 60) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["kubectl", *arguments],
            env={**os.environ, "KUBECONFIG": str(self.kubeconfig)},
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )

    def inside(self, *command: str) -> subprocess.CompletedProcess[str]:
        """What docs/install.md says: the daemon's own program beside the daemon."""
        return self.try_kubectl("--namespace=intentd", "exec", "deploy/intentd", "--", *command)

    def intentd(self, *arguments: str) -> Any:
        """The answer of a listing."""
        done = self.inside("intentd", *arguments, "--output=json")
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def rollout(self) -> None:
        self.kubectl(
            "--namespace=intentd", "rollout", "status", "deploy/intentd", "--timeout=120s", seconds=150
        )


@pytest.fixture(scope="module")
def way(containers: Cluster, api: client.ApiClient) -> Iterator[Forwarder]:
    """From the pods' network to the API server, which listens on the host's loopback only: the practice cluster
    has no service proxy."""
    server = urlsplit(api.configuration.host)
    gateway = str(containers.instance.read().get("kubelet", "")).partition(":")[0]
    if not gateway or not server.hostname or not server.port:
        pytest.skip(f"the provider {containers.provider.name} tells no address that pods reach")
    forwarder = Forwarder((server.hostname, server.port), host=gateway)
    yield forwarder
    forwarder.close()


@pytest.fixture(scope="module")
def operator(
    containers: Cluster,
    api: client.ApiClient,
    way: Forwarder,
    image_archive: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Operator]:
    """The manifests applied as they are; then what an operator must say of this cluster."""
    if shutil.which("kubectl") is None:
        if reason := debian.why_not():
            pytest.skip(f"there is no kubectl, and {reason}")
        debian.ensure(("kubernetes-client",))
    containers.load_image(image_archive)
    folder = tmp_path_factory.mktemp("volume")
    os.chown(folder, USER, USER)  # a cluster's provisioner makes a volume that the pod's group owns
    core = client.CoreV1Api(api)
    core.create_persistent_volume(volume(folder))
    operator = Operator(containers.kubeconfig)
    where = (f"KUBERNETES_SERVICE_HOST={way.host}", f"KUBERNETES_SERVICE_PORT={way.port}")
    try:
        operator.kubectl("apply", "--kustomize", MANIFESTS)
        operator.kubectl("--namespace=intentd", "set", "env", "deploy/intentd", *where)
        operator.rollout()
        yield operator
    finally:
        # The namespace and the account stay: other tests of the session act as the account.
        for kind in ("deployment/intentd", "service/intentd", "persistentvolumeclaim/intentd-ledger"):
            operator.try_kubectl("--namespace=intentd", "delete", kind, "--ignore-not-found", "--timeout=60s")
        for policy in reversed(list(yaml.safe_load_all((MANIFESTS / "policy.yaml").read_text()))):
            operator.try_kubectl("delete", policy["kind"], policy["metadata"]["name"], "--ignore-not-found")
        wait_until_gone(containers.kubeconfig)
        core.delete_persistent_volume("intentd-ledger")


def volume(folder: Path) -> dict[str, Any]:
    """What the claim of the manifests finds, there being no provisioner here."""
    return {
        "metadata": {"name": "intentd-ledger"},
        "spec": {
            "capacity": {"storage": "2Gi"},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "hostPath": {"path": str(folder)},
            "claimRef": {"namespace": "intentd", "name": "intentd-ledger"},
        },
    }


def the_pod(api: client.ApiClient) -> Any:
    """The one that is not on its way out."""
    found = client.CoreV1Api(api).list_namespaced_pod(
        "intentd", label_selector="app.kubernetes.io/name=intentd"
    )
    (pod,) = (pod for pod in found.items if pod.metadata.deletion_timestamp is None)
    return pod


def test_the_pod_is_ready_and_its_daemon_reads_the_whole_cluster_by_its_own_account(
    operator: Operator, api: client.ApiClient
) -> None:
    status = the_pod(api).status.container_statuses[0]
    assert (status.ready, status.restart_count) == (True, 0)
    told = operator.intentd("status")
    assert (told["running"], told["unknown"], told["mode_ceiling"]) == (True, [], "propose")
    states = {finding["check"]: finding["state"] for finding in operator.intentd("doctor")}
    for check in ("cluster", "read rights", "write rights", "no right to Secrets"):
        assert states[check] == "ok", states


def test_it_runs_as_its_user_without_capabilities_on_files_that_it_cannot_write(operator: Operator) -> None:
    assert operator.inside("id", "-u").stdout.strip() == str(USER)
    status = dict(
        line.split(":\t", 1)
        for line in operator.inside("cat", "/proc/1/status").stdout.splitlines()
        if ":\t" in line
    )
    assert int(status["CapBnd"], 16) == 0
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert "Read-only file system" in operator.inside("touch", "/opt/intentd/x").stderr
    assert "Read-only file system" in operator.inside("touch", "/etc/intentd/x").stderr


def test_its_metrics_are_served_to_the_cluster(operator: Operator, api: client.ApiClient) -> None:
    path = f"/api/v1/namespaces/intentd/pods/{the_pod(api).metadata.name}:9464/proxy/metrics"
    told = operator.kubectl("get", f"--raw={path}")
    assert "intentd_" in told


def test_an_intent_of_the_config_map_is_taken_up_and_a_real_fault_becomes_a_case(
    operator: Operator, api: client.ApiClient, namespace: str
) -> None:
    change = json.dumps({"data": {"web.yaml": INTENT.format(namespace=namespace)}})
    operator.kubectl(
        "--namespace=intentd", "patch", "configmap", "intentd-intents", "--type=merge", f"--patch={change}"
    )
    create(api, namespace, deployment("web", image="gym.intentd.io/workload:no-such-tag"))
    # The kubelet looks at ConfigMaps once a minute.
    assert wait_until(lambda: operator.intentd("status")["intents"] == 1, 120, 1)

    def seen() -> bool:
        return [case["name"] for case in operator.intentd("cases") if case["namespace"] == namespace] == [
            "web"
        ]

    assert wait_until(seen, 60, 1)
    operator.kubectl(
        "--namespace=intentd",
        "patch",
        "configmap",
        "intentd-intents",
        "--type=json",
        '--patch=[{"op": "remove", "path": "/data/web.yaml"}]',
    )


def test_a_pod_that_is_deleted_drains_and_the_next_one_goes_on_with_its_ledger(
    operator: Operator, api: client.ApiClient
) -> None:
    before = the_pod(api).metadata.name
    operator.kubectl("--namespace=intentd", "delete", "pod", before, "--timeout=60s", seconds=90)
    operator.rollout()
    assert the_pod(api).metadata.name != before
    events = [step["event"] for step in operator.intentd("ledger", "tail", "-n1000")]
    turns = [event for event in events if event in (SystemEvent.STARTED, SystemEvent.STOPPED)]
    assert turns[-3:] == [SystemEvent.STARTED, SystemEvent.STOPPED, SystemEvent.STARTED]
    assert operator.inside("intentd", "ledger", "verify").returncode == 0
