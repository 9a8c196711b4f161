"""Rehearsals on a real API server: canaries with real containers, as the daemon's own account, under the policy."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client

from daemon.clock import SystemClock
from daemon.cycle import Cycle
from daemon.good_times import GoodTimes
from daemon.kube.cluster import KubeCluster
from daemon.kube.connect import connect
from daemon.kube.kinds import RESOURCES
from daemon.ports import OPERATION_ANNOTATION
from daemon.rounds import read_catalog
from daemon.settings import Settings
from daemon.state import Memory, World
from daemon.telemetry import Telemetry
from detectors.model import ObjectRef
from gym.cluster import Cluster
from gym.namespaces import create_namespace, delete_namespace
from gym.rights import grant
from intents.catalog import Catalog
from remediation.rehearsal import LABEL, canary
from remediation.saga import State
from store.ledger import Entry, Ledger
from store.projection import SystemEvent
from store.queries import CaseRow, find_cases, known_good_versions
from tests.attack.hostile.against import Ground, policies_in_force
from tests.fakes.metrics import FakeMetrics
from tests.fakes.model import FakeModel
from tests.fakes.notifier import FakeIntentSource, FakeNotifier
from tests.gym.workloads import IMAGE, deployment

BROKEN = "gym.intentd.io/workload:v4"
INTENT = """
apiVersion: intentd.io/v1alpha1
kind: Intent
metadata: {{name: web-runs}}
spec:
  mode: auto
  scope: {{namespace: {namespace}, kind: Deployment, name: web}}
  expectations: [{{type: workloadHealthy}}]
  editable:
    - path: spec.template.spec.containers[*].image
      pattern: gym\\.intentd\\.io/workload:v[0-9]+
  cooldown: 1s
  verification: {{window: 3s, timeout: 60s}}
  rehearsal: {{window: 4s, timeout: 40s}}
"""
SECONDS = 120.0


@pytest.fixture(scope="module")
def account(practice: Cluster, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A kubeconfig that acts as the daemon's account, and the account's name."""
    target = tmp_path_factory.mktemp("account") / "kubeconfig"
    return target, grant(practice.kubeconfig, target)


@pytest.fixture(scope="module")
def held(practice: Cluster, api: client.ApiClient, account: tuple[Path, str]) -> Iterator[Ground]:
    """A namespace in which the account may rehearse, and the policies in force everywhere."""
    name = create_namespace(api, practice.instance)
    bind(api, name, account[1])
    ground = Ground(practice.kubeconfig, account[0], name)
    with policies_in_force(practice.kubeconfig, ground):
        yield ground
    ground.close()
    delete_namespace(api, practice.instance, name)


def bind(api: client.ApiClient, namespace: str, account: str) -> None:
    """What deploy/manifests/rehearsal.yaml tells the operator to do."""
    where, _, name = account.partition("/")
    body = {
        "metadata": {"name": "intentd-rehearse", "namespace": namespace},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "intentd-rehearse",
        },
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": where}],
    }
    client.RbacAuthorizationV1Api(api).create_namespaced_role_binding(namespace, body)


# ---------------------------------------------------------------- what the API server lets the account create


def a_canary(ground: Ground) -> dict[str, Any]:
    live = ground.read("Deployment")
    for field in ("serviceAccountName", "serviceAccount"):  # that account is not there
        live["spec"]["template"]["spec"].pop(field, None)
    target = ObjectRef("Deployment", ground.namespace, "web", live["metadata"]["uid"])
    made = canary(target, live["spec"]["template"], case_id="c-1", operation_id="c-1.0", deadline=60).manifest
    made["metadata"]["annotations"][OPERATION_ANNOTATION] = "c-1.0"
    return made


def set_at(item: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.split("/")
    here: Any = item
    for name in parents:
        here = here[int(name)] if name.isdecimal() else here.setdefault(name, {})
    here[int(last) if last.isdecimal() else last] = value


SPOILT = {
    "without our label": ("metadata/labels", {}),
    "with the workload's labels": ("metadata/labels", {LABEL: "c-1", "app": "web"}),
    "without the mark": ("metadata/annotations", {}),
    "without an owner": ("metadata/ownerReferences", []),
    "controlled": ("metadata/ownerReferences/0/controller", True),
    "owned by a Node": ("metadata/ownerReferences/0/kind", "Node"),
    "without an end": ("spec/activeDeadlineSeconds", None),
    "in the node's network": ("spec/hostNetwork", True),
    "with an init container": ("spec/initContainers", [{"name": "i", "image": "shop/web:1"}]),
    "on a node by name": ("spec/nodeName", "node-1"),
    "with a claim": ("spec/volumes/1", {"name": "keys", "persistentVolumeClaim": {"claimName": "d"}}),
    "with a path of the node": ("spec/volumes/1", {"name": "keys", "hostPath": {"path": "/"}}),
    "with a port of the node": ("spec/containers/0/ports", [{"containerPort": 80, "hostPort": 80}]),
    "privileged": ("spec/containers/0/securityContext", {"privileged": True}),
    "with capabilities": ("spec/containers/0/securityContext", {"capabilities": {"add": ["SYS_ADMIN"]}}),
}


@pytest.mark.cluster
def test_the_policy_lets_a_canary_through(held: Ground) -> None:
    reply = held.hand.send(
        "POST", RESOURCES["Pod"].collection(held.namespace), [("dryRun", "All")], a_canary(held)
    )
    assert reply.ok, reply.body


@pytest.mark.cluster
@pytest.mark.parametrize("what", SPOILT)
def test_the_policy_refuses_every_other_pod(held: Ground, what: str) -> None:
    spoilt = copy.deepcopy(a_canary(held))
    set_at(spoilt, *SPOILT[what])
    reply = held.hand.send("POST", RESOURCES["Pod"].collection(held.namespace), [("dryRun", "All")], spoilt)
    assert reply.status == 403, reply.body
    assert b"ValidatingAdmissionPolicy" in reply.body


@pytest.mark.cluster
def test_the_policy_lets_the_account_delete_no_pod_but_a_canary(held: Ground, api: client.ApiClient) -> None:
    core = client.CoreV1Api(api)
    body = {
        "metadata": {"name": "theirs", "annotations": {OPERATION_ANNOTATION: "forged"}},
        "spec": {"containers": [{"name": "app", "image": "shop/web:1"}], "nodeSelector": {"no": "where"}},
    }
    core.create_namespaced_pod(held.namespace, body)
    reply = held.hand.send("DELETE", RESOURCES["Pod"].item(held.namespace, "theirs"), (), None)
    assert reply.status == 403, reply.body
    assert b"no pod but a canary" in reply.body
    core.delete_namespaced_pod("theirs", held.namespace, grace_period_seconds=0)


# ---------------------------------------------------------------- the whole way, with real containers


class Life:
    """The daemon's own loops over the real cluster, one turn at a time, and an eye on the Service."""

    def __init__(self, folder: Path, kubeconfig: Path, api: client.ApiClient, namespace: str) -> None:
        self.namespace, self._clock = namespace, SystemClock()
        self._core, self._apps = client.CoreV1Api(api), client.AppsV1Api(api)
        self._slices = client.DiscoveryV1Api(api)
        settings = Settings.model_validate({"database": folder / "ledger.db", "kill_switch": folder / "kill"})
        self.store = Ledger.open(settings.database)
        self._cluster = KubeCluster(connect(kubeconfig=kubeconfig), self._clock, namespaces=(namespace,))
        model = FakeModel()
        self.world = World(
            self._cluster, FakeMetrics(), model, model, self._clock, FakeNotifier(), self.store, settings
        )
        self.memory = Memory(Catalog())
        self._cycle = Cycle(self.world, self.memory, Telemetry(self._clock), beat=lambda: None)
        self._good = GoodTimes(lasting=2.0)
        self.canaries: set[str] = set()
        self.endpoints: set[str] = set()
        self._cluster.start()
        assert self._cluster.wait_until_listed(20)
        source = FakeIntentSource({"web.yaml": INTENT.format(namespace=namespace).encode()})
        read_catalog(self.world, self.memory, source)
        row = {"fault_class": "*", "weights": "*", "mode": "auto", "until": None, "reason": "t", "by": "t"}
        self.store.record([Entry(SystemEvent.GRANTED, row)], at=self._clock.now())

    def close(self) -> None:
        self._cluster.stop()
        self.store.close()

    def turn(self) -> None:
        self._cycle.look_once()
        self._cycle.think_once()
        self._cycle.act_once()
        self._good.note(self.world, self.memory)
        self.canaries |= {pod.metadata.name for pod in self.standing()}
        for part in self._slices.list_namespaced_endpoint_slice(self.namespace).items:
            self.endpoints |= {found.target_ref.name for found in part.endpoints or [] if found.target_ref}
        time.sleep(0.2)

    def standing(self) -> list[Any]:
        return list(self._core.list_namespaced_pod(self.namespace, label_selector=LABEL).items)

    def begin(self) -> None:
        """A healthy workload behind a Service, known as such."""
        service = {
            "metadata": {"name": "web"},
            "spec": {"selector": {"app": "web"}, "ports": [{"port": 8080}]},
        }
        self._core.create_namespaced_service(self.namespace, service)
        self._apps.create_namespaced_deployment(self.namespace, deployment("web"))
        self._until(lambda: any(key[2] == "web" for key in known_good_versions(self.store)))

    def break_it(self, **container: Any) -> None:
        body = {
            "spec": {"template": {"spec": {"containers": [{"name": "app", "image": BROKEN, **container}]}}}
        }
        self._apps.patch_namespaced_deployment("web", self.namespace, body)

    def until_closed(self) -> CaseRow:
        self._until(lambda: bool(rows := find_cases(self.store)) and rows[0].state is State.CLOSED)
        return find_cases(self.store)[0]

    def image(self) -> str:
        found = self._apps.read_namespaced_deployment("web", self.namespace)
        return str(found.spec.template.spec.containers[0].image)

    def _until(self, done: Any) -> None:
        deadline = time.monotonic() + SECONDS
        while not done():
            rows = [(row.state, row.outcome, row.summary) for row in find_cases(self.store)]
            assert time.monotonic() < deadline, (rows, self.canaries)
            self.turn()


@pytest.fixture
def life(
    containers: Cluster, held: Ground, api: client.ApiClient, account: tuple[Path, str], tmp_path: Path
) -> Iterator[Life]:
    namespace = create_namespace(api, containers.instance)
    bind(api, namespace, account[1])
    life = Life(tmp_path, account[0], api, namespace)
    yield life
    life.close()
    delete_namespace(api, containers.instance, namespace)


@pytest.mark.kubelet
def test_a_good_canary_runs_serves_nobody_and_is_gone_before_the_fix_is_written(life: Life) -> None:
    life.begin()
    life.break_it()
    case = life.until_closed()
    assert (case.outcome, life.image()) == ("fixed", IMAGE)
    assert len(life.canaries) == 1
    assert life.standing() == []
    assert life.endpoints
    assert not life.canaries & life.endpoints


@pytest.mark.kubelet
def test_a_canary_that_crashes_leaves_the_workload_as_it_is(life: Life) -> None:
    """The old image would run; but the environment that came with the new one ends it."""
    life.begin()
    life.break_it(env=[{"name": "EXIT_CODE", "value": "3"}])
    case = life.until_closed()
    assert (case.outcome, life.image()) == ("escalated", BROKEN)
    assert "canary did not come up healthy" in case.outcome_reason
    assert len(life.canaries) == 1
    assert life.standing() == []
    assert not life.canaries & life.endpoints
