"""What the contract suite needs around a Cluster: a way to arrange the world, the same for fake and real."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from daemon.clock import SystemClock
from daemon.kube.cluster import KubeCluster
from daemon.kube.connect import connect
from daemon.kube.kinds import RESOURCES
from daemon.kube.reflector import Pace
from daemon.kube.transport import Transport
from daemon.ports import Cluster
from remediation.model import Json
from tests.fakes.cluster import FakeCluster

KUBECONFIG = "INTENTD_TEST_KUBECONFIG"
"""Names a kubeconfig of a cluster that tests may use, instead of starting one."""


@dataclass(frozen=True)
class World:
    """A Cluster under contract, and how to arrange what it sees."""

    cluster: Cluster
    namespace: str
    put: Callable[[Json], Json]
    remove: Callable[[str, str], None]

    def eventually(self, check: Callable[[], bool], seconds: float = 10.0) -> None:
        """Watches take a moment; the fake none."""
        deadline = time.monotonic() + seconds
        while not check():
            assert time.monotonic() < deadline, "it did not come to pass"
            time.sleep(0.005)


@contextmanager
def fake_world() -> Iterator[World]:
    cluster = FakeCluster()
    yield World(cluster, "shop", cluster.put, lambda kind, name: cluster.remove(kind, "shop", name))


@contextmanager
def real_world(kubeconfig: Path) -> Iterator[World]:
    """A namespace of its own on a real API server."""
    clock = SystemClock()
    admin = Transport(connect(kubeconfig), clock)
    namespace = f"contract-{uuid.uuid4().hex[:8]}"
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    assert admin.send("POST", "/api/v1/namespaces", (), body).ok

    def put(item: Json) -> Json:
        resource = RESOURCES[item["kind"]]
        path = resource.item(namespace, item["metadata"]["name"])
        there = admin.get(path).ok
        item = {"apiVersion": resource.api_version, **item}
        reply = admin.send(
            "PUT" if there else "POST", path if there else resource.collection(namespace), (), item
        )
        assert reply.ok, reply.body
        found: Json = msgspec.json.decode(reply.body)
        return found

    def remove(kind: str, name: str) -> None:
        assert admin.send("DELETE", RESOURCES[kind].item(namespace, name), (), None).ok

    cluster = KubeCluster(connect(kubeconfig), clock, pace=Pace(watch=20))
    cluster.start()
    try:
        assert cluster.wait_until_listed(20)
        yield World(cluster, namespace, put, remove)
    finally:
        assert cluster.stop()
        admin.send("DELETE", f"/api/v1/namespaces/{namespace}", (), None)
        admin.close()


def named_kubeconfig() -> Path | None:
    path = os.environ.get(KUBECONFIG)
    return Path(path) if path else None
