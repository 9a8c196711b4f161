"""The account that the manifests make, on a real API server: it can do its work, and nothing beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.clock import SystemClock
from daemon.doctor import State, _cluster
from daemon.kube.cluster import KubeCluster
from daemon.kube.connect import connect
from daemon.kube.rights import MEND, PROVISION, READ, REHEARSE
from daemon.kube.transport import Transport
from daemon.settings import Kubernetes, Settings
from detectors.model import Gap
from gym.cluster import Cluster
from gym.rights import grant

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def account(practice: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A kubeconfig that acts as the daemon's account."""
    target = tmp_path_factory.mktemp("account") / "kubeconfig"
    grant(practice.kubeconfig, target)
    yield target
    target.unlink()


def status(account: Path, method: str, path: str) -> int:
    transport = Transport(connect(kubeconfig=account), SystemClock())
    if method == "GET":
        return transport.get(path).status
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}
    return transport.send(method, path, [("dryRun", "All")], body, "application/json").status


def test_doctor_finds_every_right_that_is_needed_and_none_to_secrets(account: Path) -> None:
    findings = list(_cluster(Settings(kubernetes=Kubernetes(kubeconfig=account))))
    assert [(found.check, found.state) for found in findings] == [
        ("cluster", State.OK),
        ("read rights", State.OK),
        ("write rights", State.OK),
        ("no right to Secrets", State.OK),
    ]
    assert [found.message for found in findings[1:3]] == [f"{len(READ)} checked", f"{len(MEND)} checked"]


def test_every_kind_that_is_watched_can_be_listed(account: Path) -> None:
    cluster = KubeCluster(connect(kubeconfig=account), SystemClock())
    cluster.start()
    try:
        assert cluster.wait_until_listed(20)
        assert [part for part in cluster.snapshot().values() if isinstance(part, Gap)] == []
    finally:
        assert cluster.stop()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/secrets"),
        ("GET", "/api/v1/namespaces/kube-system/secrets/any"),
        ("GET", "/api/v1/nodes/any"),
        ("GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles"),
        ("POST", "/api/v1/namespaces/default/configmaps"),
        ("DELETE", "/api/v1/namespaces/default/pods/any"),
        ("DELETE", "/apis/apps/v1/namespaces/default/deployments/any"),
        ("POST", "/api/v1/namespaces/intentd/serviceaccounts/intentd/token"),
    ],
)
def test_what_is_not_its_work_is_refused_by_the_server(account: Path, method: str, path: str) -> None:
    assert status(account, method, path) == 403


def test_provisioning_is_not_among_the_rights_that_are_bound() -> None:
    assert not (PROVISION | REHEARSE) & (READ | MEND)
