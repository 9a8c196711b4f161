"""A Prometheus and a kube-state-metrics for one instance, on loopback, with rights of their own.

Scraped every second: pods that carry `prometheus.io/scrape: "true"` (over the bridge), kube-state-metrics,
and the kubelet with its cAdvisor. The user `gym-metrics` may read those and nothing else; no Secrets.
"""

from __future__ import annotations

import urllib.request
from typing import Any

import yaml
from kubernetes import client

from gym.build import build, program
from gym.instance import Instance, free_ports
from gym.pki import Authority, write_kubeconfig
from gym.processes import start, stop, wait_ready
from gym.providers.base import Report
from gym.ready import api_client

USER = "gym-metrics"
PARTS = ("prometheus", "kube-state-metrics")

INTERVAL = "1s"
"""A person waits for the practice; a real cluster scrapes 15 to 60 times more slowly."""

_KSM_RESOURCES = {
    "": ("configmaps", "namespaces", "nodes", "persistentvolumeclaims", "pods", "resourcequotas", "services"),
    "apps": ("daemonsets", "deployments", "replicasets", "statefulsets"),
    "autoscaling": ("horizontalpodautoscalers",),
    "batch": ("cronjobs", "jobs"),
    "discovery.k8s.io": ("endpointslices",),
    "policy": ("poddisruptionbudgets",),
}


def start_prometheus(instance: Instance, report: Report) -> str:
    """Start both and return Prometheus's address; the first scrape is about a second away."""
    build(PARTS)
    report("Prometheus and kube-state-metrics")
    _grant(instance)
    ksm_port, ksm_telemetry, port = free_ports(3)
    url = f"http://127.0.0.1:{port}"
    start(
        instance,
        "kube-state-metrics",
        [
            program("kube-state-metrics"),
            f"--kubeconfig={_kubeconfig(instance)}",
            "--host=127.0.0.1",
            f"--port={ksm_port}",
            "--telemetry-host=127.0.0.1",
            f"--telemetry-port={ksm_telemetry}",
            f"--resources={','.join(sorted(r for names in _KSM_RESOURCES.values() for r in names))}",
        ],
    )
    config = instance.path("prometheus.yaml")
    config.write_text(yaml.safe_dump(_config(instance, f"127.0.0.1:{ksm_port}"), sort_keys=False))
    process = start(
        instance,
        "prometheus",
        [
            program("prometheus"),
            f"--config.file={config}",
            f"--storage.tsdb.path={instance.path('prometheus')}",
            "--storage.tsdb.retention.time=6h",
            f"--web.listen-address=127.0.0.1:{port}",
            "--query.lookback-delta=15s",  # five minutes would show pods long after they are gone
            "--log.level=warn",
        ],
    )
    wait_ready(instance, process, lambda: _says_ok(f"{url}/-/ready"), 30)
    instance.update(prometheus=url)
    return url


def stop_prometheus(instance: Instance) -> None:
    for name in PARTS:
        stop(instance, name)
    instance.update(prometheus=None)


def _grant(instance: Instance) -> None:
    """The user's certificate, kubeconfig and cluster role (made again where they exist)."""
    pki = instance.path("pki")
    Authority.load(pki).issue(USER, USER)
    server = str(instance.read()["server"])
    write_kubeconfig(_kubeconfig(instance), server=server, pki=pki, user=USER, context=f"gym-{instance.name}")
    read = ["get", "list", "watch"]
    rules = [
        client.V1PolicyRule(api_groups=[group], resources=list(resources), verbs=read)
        for group, resources in _KSM_RESOURCES.items()
    ]
    rules.append(client.V1PolicyRule(api_groups=[""], resources=["nodes/metrics"], verbs=["get"]))
    role = client.V1ClusterRole(metadata=client.V1ObjectMeta(name=USER), rules=rules)
    binding = client.V1ClusterRoleBinding(
        metadata=client.V1ObjectMeta(name=USER),
        role_ref=client.V1RoleRef(api_group="rbac.authorization.k8s.io", kind="ClusterRole", name=USER),
        subjects=[client.RbacV1Subject(api_group="rbac.authorization.k8s.io", kind="User", name=USER)],
    )
    with api_client(instance.path("kubeconfig")) as api:
        rbac = client.RbacAuthorizationV1Api(api)
        for create, body in (
            (rbac.create_cluster_role, role),
            (rbac.create_cluster_role_binding, binding),
        ):
            try:
                create(body, _request_timeout=10)
            except client.ApiException as error:
                if error.status != 409:  # there from a Prometheus started before
                    raise


def _kubeconfig(instance: Instance) -> Any:
    return instance.path("pki", f"{USER}.kubeconfig")


def _config(instance: Instance, kube_state_metrics: str) -> dict[str, Any]:
    jobs = [
        _pods_job(instance),
        {
            "job_name": "kube-state-metrics",
            "honor_labels": True,  # namespace and pod are those it speaks of, not its own
            "static_configs": [{"targets": [kube_state_metrics]}],
        },
    ]
    if kubelet := instance.read().get("kubelet"):
        jobs += [_kubelet_job(instance, kubelet, "kubelet", "/metrics")]
        jobs += [_kubelet_job(instance, kubelet, "cadvisor", "/metrics/cadvisor")]
    return {
        "global": {"scrape_interval": INTERVAL, "scrape_timeout": INTERVAL, "evaluation_interval": INTERVAL},
        "scrape_configs": jobs,
    }


def _pods_job(instance: Instance) -> dict[str, Any]:
    """Pods by annotation; the target's labels are those that most clusters use: namespace, pod, node, app."""
    meta = "__meta_kubernetes_pod"
    note = f"{meta}_annotation_prometheus_io"
    relabel = [
        {"source_labels": [f"{note}_scrape"], "action": "keep", "regex": "true"},
        {"source_labels": [f"{meta}_phase"], "action": "drop", "regex": "Pending|Succeeded|Failed"},
        # One target a pod: its address with the annotated port, whatever ports its containers declare.
        {
            "source_labels": [f"{meta}_ip", f"{note}_port"],
            "separator": ":",
            "regex": "(.+:\\d+)",
            "target_label": "__address__",
        },
        {"source_labels": [f"{note}_path"], "regex": "(.+)", "target_label": "__metrics_path__"},
        {"source_labels": ["__meta_kubernetes_namespace"], "target_label": "namespace"},
        {"source_labels": [f"{meta}_name"], "target_label": "pod"},
        {"source_labels": [f"{meta}_node_name"], "target_label": "node"},
        {"source_labels": [f"{meta}_label_app"], "target_label": "app"},
    ]
    discovery = {"role": "pod", "kubeconfig_file": str(_kubeconfig(instance))}
    return {"job_name": "pods", "kubernetes_sd_configs": [discovery], "relabel_configs": relabel}


def _kubelet_job(instance: Instance, address: str, name: str, path: str) -> dict[str, Any]:
    pki = instance.path("pki")
    return {
        "job_name": name,
        "scheme": "https",
        "metrics_path": path,
        "honor_timestamps": False,  # cAdvisor's are older than our interval
        "tls_config": {
            "ca_file": str(pki / "ca.crt"),
            "cert_file": str(pki / f"{USER}.crt"),
            "key_file": str(pki / f"{USER}.key"),
        },
        "static_configs": [{"targets": [address], "labels": {"node": instance.node}}],
    }


def _says_ok(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
