"""What a real node does to a real workload: the symptoms that everything else is built to heal."""

from __future__ import annotations

import json

import pytest
from kubernetes import client

from gym.cluster import Cluster
from gym.ready import wait_for
from tests.gym import workloads as w

pytestmark = [pytest.mark.cluster, pytest.mark.kubelet]


def test_a_deployment_becomes_available_and_its_log_can_be_read(
    containers: Cluster, api: client.ApiClient, namespace: str
) -> None:
    w.create(api, namespace, w.deployment("web", env={"SERVICE": "checkout"}))
    apps = client.AppsV1Api(api)
    wait_for(
        "one available replica",
        lambda: apps.read_namespaced_deployment("web", namespace).status.available_replicas == 1,
        20,
    )
    pod = w.pods(api, namespace, "web")[0]
    log = client.CoreV1Api(api).read_namespaced_pod_log(pod.metadata.name, namespace)
    assert "starting checkout v1" in log
    assert "listening on :8080" in log


def test_an_image_tag_that_does_not_exist_is_a_true_errimagepull(
    containers: Cluster, api: client.ApiClient, namespace: str
) -> None:
    w.create(api, namespace, w.deployment("web", image="gym.intentd.io/workload:v1.0.9"))
    wait_for("ErrImagePull", lambda: w.waiting_reason(api, namespace, "web") == "ErrImagePull", 20)
    message = w.container_status(api, namespace, "web").state.waiting.message
    assert "gym.intentd.io/workload:v1.0.9: not found" in message


def test_a_limit_below_the_working_set_ends_in_oomkilled(
    containers: Cluster, api: client.ApiClient, namespace: str
) -> None:
    limits = {"resources": {"limits": {"memory": "64Mi"}}}
    w.create(api, namespace, w.deployment("web", env={"ALLOCATE_MIB": "200"}, **limits))
    wait_for("OOMKilled", lambda: w.last_end(api, namespace, "web") == ("OOMKilled", 137), 20)
    wait_for("CrashLoopBackOff", lambda: w.waiting_reason(api, namespace, "web") == "CrashLoopBackOff", 20)


def test_a_missing_configmap_key_is_a_createcontainerconfigerror(
    containers: Cluster, api: client.ApiClient, namespace: str
) -> None:
    core = client.CoreV1Api(api)
    core.create_namespaced_config_map(namespace, {"metadata": {"name": "settings"}, "data": {"db_url": "x"}})
    wanted = {"configMapKeyRef": {"name": "settings", "key": "database_url"}}
    body = w.deployment("api")
    body["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "DB", "valueFrom": wanted}]
    w.create(api, namespace, body)
    wait_for(
        "CreateContainerConfigError",
        lambda: w.waiting_reason(api, namespace, "api") == "CreateContainerConfigError",
        20,
    )
    message = w.container_status(api, namespace, "api").state.waiting.message
    assert "couldn't find key database_url in ConfigMap" in message


def test_a_crash_leaves_its_exit_code_and_its_previous_log(
    containers: Cluster, api: client.ApiClient, namespace: str
) -> None:
    w.create(api, namespace, w.deployment("web", env={"REQUIRE_ENV": "DATABASE_URL"}))
    wait_for("CrashLoopBackOff", lambda: w.waiting_reason(api, namespace, "web") == "CrashLoopBackOff", 20)
    assert w.last_end(api, namespace, "web") == ("Error", 1)
    pod = w.pods(api, namespace, "web")[0]
    log = client.CoreV1Api(api).read_namespaced_pod_log(pod.metadata.name, namespace, previous=True)
    assert "fatal: required environment variable DATABASE_URL is not set" in log


def test_a_pod_that_is_never_ready_stays_out_of_the_endpoints(
    containers: Cluster, api: client.ApiClient, namespace: str
) -> None:
    w.create(api, namespace, w.deployment("web", env={"READY_AFTER": "3600"}))
    service = {"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 8080}]}}
    client.CoreV1Api(api).create_namespaced_service(namespace, service)
    discovery = client.DiscoveryV1Api(api)

    def unready_endpoint() -> bool:
        slices = discovery.list_namespaced_endpoint_slice(namespace).items
        return any(e.conditions.ready is False for s in slices for e in s.endpoints or [])

    wait_for("an endpoint that is not ready", unready_endpoint, 20)


def test_every_write_is_in_the_audit_log_with_its_user(
    containers: Cluster, api: client.ApiClient, namespace: str
) -> None:
    body = {"metadata": {"name": "marked"}, "data": {}}
    client.CoreV1Api(api).create_namespaced_config_map(namespace, body)
    assert containers.audit_log is not None
    entries = [json.loads(line) for line in containers.audit_log.read_text().splitlines()]
    mine = [e for e in entries if (e.get("objectRef") or {}).get("name") == "marked"]
    assert [(e["verb"], e["user"]["username"]) for e in mine] == [("create", "gym-admin")]
