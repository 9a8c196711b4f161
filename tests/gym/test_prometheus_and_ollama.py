"""The servers beside the cluster: metrics arrive in seconds, and the model server answers and can be ended."""

from __future__ import annotations

import json
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from kubernetes import client

from daemon.clock import SystemClock
from daemon.prometheus_metrics import PrometheusMetrics
from detectors.comparisons import metric_queries
from detectors.model import MetricReading
from gym.cluster import Cluster
from gym.instance import Instance
from gym.ollama import answers, start_ollama, stop_ollama
from gym.processes import recorded
from gym.ready import wait_for
from tests.fakes.world import intent
from tests.gym import workloads as w


def query(url: str, expression: str) -> list[float]:
    asked = f"{url}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
    with urllib.request.urlopen(asked, timeout=5) as answer:
        return [float(row["value"][1]) for row in json.load(answer)["data"]["result"]]


@pytest.mark.cluster
@pytest.mark.kubelet
@pytest.mark.prometheus
def test_an_error_ratio_is_seen_without_any_client(
    containers: Cluster, prometheus_url: str, api: client.ApiClient, namespace: str
) -> None:
    w.create(api, namespace, w.deployment("web", env={"FAIL_RATE": "0.5", "REQUESTS_PER_S": "100"}))
    mine = f'requests_total{{namespace="{namespace}"'
    ratio = f'sum(rate({mine},code="500"}}[10s])) / sum(rate({mine}}}[10s]))'
    wait_for(
        "an error ratio near one half", lambda: any(0.3 < v < 0.7 for v in query(prometheus_url, ratio)), 40
    )


@pytest.mark.cluster
@pytest.mark.kubelet
@pytest.mark.prometheus
def test_a_containers_memory_and_a_deployments_replicas_are_metrics(
    containers: Cluster, prometheus_url: str, api: client.ApiClient, namespace: str
) -> None:
    limits = {"limits": {"memory": "256Mi", "cpu": "500m"}}
    w.create(api, namespace, w.deployment("web", env={"ALLOCATE_MIB": "40"}, resources=limits))
    memory = f'container_memory_working_set_bytes{{namespace="{namespace}",container="app"}}'
    wait_for("40 MiB in use", lambda: any(v > 40 * 2**20 for v in query(prometheus_url, memory)), 40)
    replicas = f'kube_deployment_status_replicas_available{{namespace="{namespace}",deployment="web"}}'
    wait_for("one available replica", lambda: query(prometheus_url, replicas) == [1.0], 20)
    # The kubelet's own series, as the ready-made expectations about containers ask for them.
    wishes = [
        {"type": "memoryNearLimit", "atMost": 0.1, "for": "0s"},
        {"type": "cpuThrottling", "window": "15s", "for": "0s"},
    ]
    asked = metric_queries([intent(*wishes, name="web", namespace=namespace, target="web")])
    port = PrometheusMetrics(prometheus_url, SystemClock())

    def told() -> bool:
        near, throttled = port.read(asked).values()
        return (
            isinstance(near, MetricReading)
            and isinstance(throttled, MetricReading)
            and [dict(sample.labels)["container"] for sample in near.broken] == ["app"]
        )

    wait_for("a container near its limit, and whether it is throttled", told, 40)
    port.close()


@pytest.mark.cluster
@pytest.mark.prometheus
def test_prometheus_and_kube_state_metrics_may_not_read_secrets(
    prometheus_url: str, practice: Cluster
) -> None:
    from gym.ready import api_client

    with api_client(practice.instance.path("pki", "gym-metrics.kubeconfig")) as limited:
        core = client.CoreV1Api(limited)
        core.list_pod_for_all_namespaces(limit=1)
        with pytest.raises(client.ApiException) as refused:
            core.list_secret_for_all_namespaces()
    assert refused.value.status == 403


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder whose path leaves room for the names of sockets."""
    with tempfile.TemporaryDirectory(prefix="gym-") as folder:
        yield Path(folder)


@pytest.mark.model
def test_ollama_answers_and_ends_with_its_children(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OLLAMA_HOST", raising=False)
    instance = Instance.named("answers", short)
    instance.home.mkdir(parents=True)
    url = start_ollama(instance, lambda _: None)
    process = next(p for p in recorded(instance) if p.name == "ollama")
    assert answers(url)
    assert process.alive
    assert b"OLLAMA_NUM_PARALLEL=1" in Path(f"/proc/{process.pid}/environ").read_bytes()
    stop_ollama(instance)
    assert not answers(url)
    assert not process.alive
    assert instance.read().get("ollama") is None
