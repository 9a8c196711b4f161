"""What a real API server and its controllers write of claims, nodes and webhooks is decoded, judged and read as
evidence, with no more rights than deploy/manifests grants. Time is an argument: the faults are looked at later."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from kubernetes import client

from daemon.clock import SystemClock
from daemon.kube.cluster import KubeCluster
from daemon.kube.connect import connect
from detectors.judge import judge
from detectors.model import Observation, Violation
from detectors.triage import triage
from detectors.watched import kinds_needed
from gym.cluster import Cluster
from gym.ready import api_client, wait_for
from gym.rights import grant
from intents.model import Intent
from tests.fakes.world import intent

pytestmark = pytest.mark.cluster

NODE, HOOK = "ground-node", "ground-hook"
LATER = 3 * 3600.0
"""Seconds after which every patience is over."""


@contextmanager
def broken_ground(api: client.ApiClient, namespace: str) -> Iterator[None]:
    core, admission = client.CoreV1Api(api), client.AdmissionregistrationV1Api(api)
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
        "storageClassName": "no-such-class",
    }
    core.create_namespaced_persistent_volume_claim(namespace, {"metadata": {"name": "data"}, "spec": spec})
    hook = {
        "name": "hook.example.com",
        "failurePolicy": "Ignore",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "clientConfig": {"service": {"namespace": namespace, "name": "no-such-service"}},
        "rules": [
            {
                "apiGroups": ["example.com"],
                "apiVersions": ["v1"],
                "operations": ["CREATE"],
                "resources": ["none"],
            }
        ],
    }
    admission.create_validating_webhook_configuration({"metadata": {"name": HOOK}, "webhooks": [hook]})
    core.create_node({"metadata": {"name": NODE}, "spec": {"unschedulable": True}})
    try:
        yield
    finally:
        core.delete_node(NODE)
        admission.delete_validating_webhook_configuration(HOOK)


def test_the_servers_own_objects_show_what_is_broken(
    practice: Cluster, namespace: str, tmp_path: Path
) -> None:
    wishes = [
        intent({"type": "objectsHealthy", "kinds": ["PersistentVolumeClaim"]}, name="o", namespace=namespace),
        intent({"type": "clusterHealthy"}, name="c", namespace=namespace),
    ]
    grant(practice.kubeconfig, tmp_path / "kubeconfig")
    cluster = KubeCluster(connect(tmp_path / "kubeconfig"), SystemClock())
    cluster.watch(kinds_needed(wishes))
    cluster.start()
    try:
        with api_client(practice.kubeconfig) as api, broken_ground(api, namespace):
            assert cluster.wait_until_listed(30)
            wanted = {
                ("ClaimPending", "ClassNotFound", "data"),
                ("NodeNotReady", "NodeStatusNeverUpdated", NODE),
                ("NodeCordoned", "Cordoned", NODE),
                ("WebhookBackend", "ServiceNotFound", HOOK),
            }
            wait_for(
                "the faults", lambda: wanted <= {_said(v) for v in _seen(cluster, wishes)}, 30, pause=0.2
            )
            observation = _observation(cluster)
            for case in triage(judge(wishes, observation), observation):
                if case.target.name in ("data", NODE, HOOK):
                    raw = cluster.gather(case)
                    assert raw.live is not None
                    assert (raw.live["kind"], raw.gaps) == (case.target.kind, ())
    finally:
        cluster.stop()


def _observation(cluster: KubeCluster) -> Observation:
    return Observation(at=time.time() + LATER, objects=cluster.snapshot())


def _seen(cluster: KubeCluster, wishes: list[Intent]) -> tuple[Violation, ...]:
    return judge(wishes, _observation(cluster)).violations


def _said(violation: Violation) -> tuple[str, str, str]:
    return violation.fault_class.value, violation.reason, violation.target.name
