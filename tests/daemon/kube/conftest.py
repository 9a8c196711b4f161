from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daemon.clock import SystemClock
from daemon.kube.cluster import KubeCluster
from daemon.kube.connect import connect
from daemon.kube.reflector import Pace
from tests.daemon.kube.chaos import ChaosServer

QUICK = Pace(watch=2, grace=1.0, stale=5.0, backoff_first=0.02, backoff_last=0.1)


@pytest.fixture
def server() -> Iterator[ChaosServer]:
    server = ChaosServer()
    yield server
    server.end()


@pytest.fixture
def make_cluster(tmp_path: Path, server: ChaosServer) -> Iterator[Callable[..., KubeCluster]]:
    made: list[KubeCluster] = []

    def make(pace: Pace = QUICK, **settings: float) -> KubeCluster:
        cluster = KubeCluster(connect(server.kubeconfig(tmp_path)), SystemClock(), pace=pace, **settings)
        made.append(cluster)
        return cluster

    yield make
    for cluster in made:
        cluster.stop()
