"""The table of rights is what the daemon really asks of an API server: no verb more, and none missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from daemon.clock import SystemClock
from daemon.kube.cluster import KubeCluster
from daemon.kube.connect import connect
from daemon.kube.kinds import RESOURCES, WRITABLE, path_of
from daemon.kube.rights import MEND, PROVISION, READ, RECREATE, REHEARSE, Right
from detectors.model import Case, CaseKey, CaseReason, FaultClass, ObjectRef, Severity, Violation
from detectors.watched import FACT_TYPES
from remediation.merge_keys import RECREATED
from remediation.model import Json, Operation
from remediation.rehearsal import LABEL
from remediation.users import WORKLOADS
from tests.daemon.kube.chaos import ChaosServer, answer, status

TARGETS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Service", "Pod")
"""What a case can be about: a workload, a Service, and a bare ReplicaSet or Pod that nobody owns."""


def ref(kind: str) -> ObjectRef:
    outside = kind in RESOURCES and not RESOURCES[kind].namespaced
    return ObjectRef(kind, "" if outside else "shop", "web", f"uid-{kind}")


def manifest(kind: str) -> Json:
    template = {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "app", "envFrom": [{"configMapRef": {"name": "absent"}}]}]},
    }
    selector = {"app": "web"} if kind == "Service" else {"matchLabels": {"app": "web"}}
    return {
        "apiVersion": RESOURCES[kind].api_version,
        "kind": kind,
        "metadata": {"name": "web", "namespace": "shop", "uid": f"uid-{kind}", "resourceVersion": "1"},
        "spec": {"selector": selector, "template": template},
    }


@pytest.fixture
def server() -> Iterator[ChaosServer]:
    """It has one object of each kind, and not the ConfigMap that they name."""
    server = ChaosServer()
    for kind in RESOURCES:
        path = path_of(ref(kind))
        assert path
        server.routes[path] = answer(200, manifest(kind))
    owners = [{"kind": kind, "name": "web", "uid": f"uid-{kind}", "controller": True} for kind in TARGETS]
    crashed = {"name": "app", "ready": False, "restartCount": 2, "state": {"waiting": {}}}
    members = [
        {
            "metadata": {"name": f"web-{number}", "namespace": "shop", "ownerReferences": [owner]},
            "status": {"containerStatuses": [crashed]},
        }
        for number, owner in enumerate(owners)
    ]
    pods = RESOURCES["Pod"].collection("shop")
    server.routes[pods] = answer(200, {"metadata": {"resourceVersion": "1"}, "items": members})
    server.routes["/api/v1/namespaces/shop/configmaps/absent"] = status(404, "NotFound", "not found")
    yield server
    server.end()


@pytest.fixture
def cluster(server: ChaosServer, tmp_path: Path) -> Iterator[KubeCluster]:
    cluster = KubeCluster(connect(server.kubeconfig(tmp_path)), SystemClock())
    yield cluster
    cluster.stop()


def asked(verb: str, path: str) -> Right:
    """The right that a request needs, by the API's own layout of paths."""
    parts = path.strip("/").split("/")
    group, rest = ("", parts[2:]) if parts[0] == "api" else (parts[1], parts[3:])
    if rest[0] == "namespaces" and len(rest) > 2:
        rest = rest[2:]
    if verb == "GET":
        verb = "get" if len(rest) > 1 else "list"
    return Right(verb.lower(), group, "/".join(rest[::2]))


def reads(server: ChaosServer) -> frozenset[Right]:
    return frozenset(
        asked("watch" if query.get("watch") else "GET", path) for path, query, _ in server.requests
    )


def case_about(kind: str) -> Case:
    target = ref(kind)
    violation = Violation(
        "i", 0, "d", FaultClass.IMAGE_PULL, Severity.CRITICAL, target, target._replace(kind="Pod"), "r", "m"
    )
    return Case(CaseKey("i", *target.key), target, CaseReason.MENDABLE, (violation,))


def read_everything(cluster: KubeCluster, server: ChaosServer, targets: Iterable[str]) -> None:
    cluster.watch(frozenset(FACT_TYPES))
    cluster.start()
    assert cluster.wait_until_listed(10)
    for kind in targets:
        cluster.gather(case_about(kind))
    for kind in WRITABLE:  # before and after a write, and for desired manifests
        cluster.read(ref(kind))
    cluster.list_now("PodDisruptionBudget", "shop")  # before a write that restarts pods
    cluster.list_now("VerticalPodAutoscaler", "shop")  # before a write that sizes them
    for kind in WORKLOADS:  # before a write to a ConfigMap or a Service
        cluster.list_now(kind, "shop")
    cluster.read(ref("Namespace"))  # before a write, where owners have to opt in


def test_every_right_to_read_is_used_and_every_read_has_its_right(
    cluster: KubeCluster, server: ChaosServer
) -> None:
    read_everything(cluster, server, TARGETS)
    assert reads(server) == READ


def write_everything(cluster: KubeCluster, server: ChaosServer) -> list[tuple[str, str]]:
    for kind in sorted(WRITABLE):
        server.write_answers.extend(answer(200, manifest(kind)) for _ in range(3))
        change = Operation("replace", "/metadata/labels", {"a": "b"})
        cluster.patch(ref(kind), [change], resource_version="1", operation_id="o", dry_run=True)
        cluster.create(manifest(kind), operation_id="o", dry_run=True)
        cluster.delete(ref(kind), resource_version="1", dry_run=True)
    server.write_answers.extend(answer(200, manifest("Pod")) for _ in range(2))
    canary = manifest("Pod")
    canary["metadata"]["labels"] = {LABEL: "case-1"}
    cluster.create(canary, operation_id="o", dry_run=True)
    cluster.delete(ref("Pod"), resource_version="1", dry_run=True)
    return [(method, path) for method, path, _ in server.writes]


def test_every_right_to_write_is_used_and_every_write_has_its_right(
    cluster: KubeCluster, server: ChaosServer
) -> None:
    verbs = {"PATCH": "patch", "POST": "create", "DELETE": "delete"}
    used = {asked(verbs[method], path) for method, path in write_everything(cluster, server)}
    assert used == MEND | PROVISION | REHEARSE
    assert reads(server) <= READ  # what is read before a write


def test_every_right_to_recreate_is_used_and_every_request_has_its_right(
    cluster: KubeCluster, server: ChaosServer
) -> None:
    for kind in sorted(RECREATED):
        cluster.read(ref(kind))
        server.write_answers.extend(answer(200, manifest(kind)) for _ in range(2))
        cluster.create(manifest(kind), operation_id="o", dry_run=True, anew=True)
        cluster.delete(ref(kind), resource_version="1", dry_run=True, orphan=kind == "StatefulSet")
    verbs = {"POST": "create", "DELETE": "delete"}
    used = {asked(verbs[method], path) for method, path, _ in server.writes}
    assert used | (reads(server) - READ) == RECREATE


def test_a_kind_outside_the_table_is_neither_read_nor_written(
    cluster: KubeCluster, server: ChaosServer
) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "web", "namespace": "shop"}}
    cluster.read(ref("Pod")._replace(kind="Secret"))
    cluster.gather(case_about("Secret"))
    cluster.create(secret, operation_id="o", dry_run=True)
    cluster.create(manifest("Pod"), operation_id="o", dry_run=True)  # not the canary of a rehearsal
    cluster.patch(
        ref("Pod"),
        [Operation("replace", "/metadata/labels", {})],
        resource_version="1",
        operation_id="o",
        dry_run=True,
    )
    assert not [path for path, _, _ in server.requests if "secrets" in path]
    assert server.writes == []
