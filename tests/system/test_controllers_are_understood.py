"""The objects of a real API server, as its controllers, its scheduler and a kubelet write them, show the faults that they
are: what the detectors' own tests write down as JSON is what these components say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client

from daemon.clock import SystemClock
from daemon.kube.cluster import KubeCluster
from daemon.kube.connect import connect
from detectors.base import Patience
from detectors.judge import judge
from detectors.model import FaultClass, Observation
from detectors.watched import kinds_needed
from detectors.world import World
from gym.cluster import Cluster
from gym.ready import wait_for
from intents.model import Intent
from tests.fakes.world import intent
from tests.gym import workloads as w

AT_ONCE = Patience(unschedulable=0, setup=1, missing=0, gated=0, terminating=0, creating=1)
F = FaultClass
Fault = tuple[str, FaultClass, str]


class Eyes:
    """The daemon's watches and detectors over one namespace, with little patience."""

    def __init__(self, practice: Cluster, namespace: str) -> None:
        self.clock, self.world = SystemClock(), World(Observation(0.0, {}))
        self.intent = self._intent(namespace)
        self.cluster = KubeCluster(connect(practice.kubeconfig), self.clock)
        self.cluster.watch(kinds_needed([self.intent]))
        self.cluster.start()
        assert self.cluster.wait_until_listed(20)

    def _intent(self, namespace: str) -> Intent:
        sets = {"type": "objectsHealthy", "kinds": ["StatefulSet"]}
        return intent({"type": "workloadHealthy"}, sets, namespace=namespace)

    def faults(self) -> set[Fault]:
        """Name of the workload, class and reason of all that is broken. A crash loop's reason comes and goes with
        the back-off, and is left out."""
        self.world = self.world.then(Observation(self.clock.now(), self.cluster.snapshot()))
        found = judge([self.intent], self.world.observation, AT_ONCE, world=self.world)
        restarts = ("CrashLoopBackOff", "Restarting")
        return {
            (one.target.name, one.fault_class, "" if one.reason in restarts else one.reason)
            for one in found.violations
        }


@pytest.fixture
def eyes(practice: Cluster, namespace: str) -> Iterator[Eyes]:
    made = Eyes(practice, namespace)
    yield made
    made.cluster.stop()


def sees(eyes: Eyes, *expected: Fault, seconds: float = 30) -> None:
    seen: set[Fault] = set()

    def all_there() -> bool:
        seen.update(eyes.faults())
        return seen >= set(expected)

    try:
        wait_for(f"{len(expected)} faults seen", all_there, seconds, pause=0.5)
    finally:
        assert set(expected) - seen == set(), sorted(seen)


def deployment(name: str, *, deadline: int = 600, **spec: Any) -> dict[str, Any]:
    """A Deployment whose pods differ from a common one in these fields."""
    app = {"name": "app", "image": w.IMAGE, "resources": {"requests": {"cpu": "1m"}}}
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [app], **spec}}
    return {
        "metadata": {"name": name},
        "spec": {
            "replicas": 1,
            "progressDeadlineSeconds": deadline,
            "selector": {"matchLabels": {"app": name}},
            "template": template,
        },
    }


NOWHERE = {"nodeSelector": {"no-such-node": "true"}}
KEPT = "example.com/kept-by-a-test"


@pytest.mark.cluster
def test_what_the_real_controllers_say_is_seen_as_the_fault_that_it_is(
    eyes: Eyes, api: client.ApiClient, namespace: str
) -> None:
    core, apps = client.CoreV1Api(api), client.AppsV1Api(api)
    quota = {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}, "scopes": ["BestEffort"]}}
    core.create_namespaced_resource_quota(namespace, quota)
    best_effort = deployment("quota")
    del best_effort["spec"]["template"]["spec"]["containers"][0]["resources"]
    huge = deployment("huge")
    huge["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "100000"
    bodies = (
        best_effort,
        huge,
        deployment("account", serviceAccountName="nobody"),
        deployment("nowhere", deadline=1, **NOWHERE),
        deployment("gated", schedulingGates=[{"name": "example.com/wait"}]),
        deployment("kept", **NOWHERE),
    )
    for body in bodies:
        w.create(api, namespace, body)
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    stateful = deployment("db", **NOWHERE)
    del stateful["spec"]["progressDeadlineSeconds"]
    stateful["spec"]["serviceName"] = "nothing"
    stateful["spec"]["volumeClaimTemplates"] = [
        {"metadata": {"name": "data"}, "spec": {**claim, "storageClassName": "no-such-class"}}
    ]
    apps.create_namespaced_stateful_set(namespace, stateful)
    wait_for("the pod that will be kept", lambda: bool(w.pods(api, namespace, "kept")), 20)
    kept = w.pods(api, namespace, "kept")[0].metadata.name
    core.patch_namespaced_pod(kept, namespace, {"metadata": {"finalizers": [KEPT]}})
    core.delete_namespaced_pod(kept, namespace)
    try:
        sees(
            eyes,
            ("quota", F.FAILED_CREATE, "QuotaExceeded"),
            ("account", F.FAILED_CREATE, "ServiceAccount"),
            ("huge", F.UNSCHEDULABLE, "Insufficient"),
            ("nowhere", F.UNSCHEDULABLE, "NodeAffinity"),
            ("nowhere", F.ROLLOUT_STUCK, "ProgressDeadlineExceeded"),
            ("gated", F.SCHEDULING_GATED, "SchedulingGated"),
            ("kept", F.STUCK_TERMINATING, "Finalizers"),
            ("db", F.GOVERNING_SERVICE, "ServiceNotFound"),
            ("db", F.CLAIM_PENDING, "StorageClassNotFound"),
            ("db", F.UNSCHEDULABLE, "ClaimUnbound"),
        )
    finally:
        core.patch_namespaced_pod(kept, namespace, {"metadata": {"finalizers": None}})


@pytest.mark.kubelet
def test_what_a_real_kubelet_says_is_seen_as_the_fault_that_it_is(
    containers: Cluster, eyes: Eyes, api: client.ApiClient, namespace: str
) -> None:
    liveness = {"httpGet": {"path": "/healthz", "port": 9}, "periodSeconds": 1, "failureThreshold": 2}
    startup = {"httpGet": {"path": "/healthz", "port": 9}, "periodSeconds": 1, "failureThreshold": 2}
    missing = {"secretRef": {"name": "no-such-secret"}}
    init = w.deployment("init")
    failing = {"name": "migrate", "image": w.IMAGE, "env": [{"name": "EXIT_CODE", "value": "3"}]}
    init["spec"]["template"]["spec"]["initContainers"] = [failing]
    bodies = (
        w.deployment("liveness", livenessProbe=liveness),
        w.deployment("startup", startupProbe=startup),
        w.deployment("secret", envFrom=[missing]),
        w.deployment("name", image="gym.intentd.io/Workload:v1"),
        w.deployment("never", image="gym.intentd.io/workload:v9", imagePullPolicy="Never"),
        init,
    )
    for body in bodies:
        # The grace belongs to the time that a probe's ending may take: a busy machine needs more than a second.
        body["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 30
        w.create(api, namespace, body)
    sees(
        eyes,
        ("liveness", F.LIVENESS_PROBE, ""),
        ("startup", F.STARTUP_PROBE, ""),
        ("secret", F.SECRET_REFERENCE, "CreateContainerConfigError"),
        ("name", F.IMAGE_PULL, "InvalidImageName"),
        ("never", F.IMAGE_PULL, "ErrImageNeverPull"),
        ("init", F.INIT_CONTAINER, ""),
        seconds=60,
    )
