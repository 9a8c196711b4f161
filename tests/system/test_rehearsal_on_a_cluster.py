"""Rehearsals on a real API server: canaries with real containers, as the daemon's own account, under the policy."""

from __future__ import annotations

import copy
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client

from daemon.clock import SystemClock
from daemon.cycle import Cycle
from daemon.good_times import GoodTimes
from daemon.kube.cluster import KubeCluster
from daemon.kube.connect import connect
from daemon.kube.kinds import RESOURCES
from daemon.rounds import read_catalog
from daemon.settings import Settings
from daemon.state import Memory, World
from daemon.telemetry import Telemetry
from detectors.model import ObjectRef
from gym.cluster import Cluster
from gym.namespaces import create_namespace, delete_namespace
from gym.rights import grant
from intents.catalog import Catalog
from remediation.model import OPERATION_ANNOTATION
from remediation.rehearsal import LABEL, canary
from remediation.saga import State
from store.engine import read_only_uri
from store.ledger import Entry, Ledger
from store.projection import SystemEvent
from store.queries import CaseRow, find_cases, known_good_versions
from tests.attack.hostile.against import Ground, policies_in_force
from tests.fakes.metrics import FakeMetrics
from tests.fakes.model import FakeModel
from tests.fakes.notifier import FakeIntentSource, FakeNotifier
from tests.gym.workloads import IMAGE, deployment
from tests.saga.scripted_model import scripted_model

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


# ---------------------------------------------------------------- killed, as a process


class Process:
    """`intentd run` as the account, on one ledger, however often it is killed."""

    def __init__(self, folder: Path, kubeconfig: Path, namespace: str, model: str) -> None:
        (folder / "intents").mkdir()
        (folder / "intents" / "web.yaml").write_text(INTENT.format(namespace=namespace))
        self.database = folder / "ledger.db"
        self._settings, self._log = folder / "settings.yaml", folder / "log"
        settings = {
            "intents": str(folder / "intents"),
            "database": str(self.database),
            "socket": str(folder / "c.sock"),
            "kill_switch": str(folder / "kill"),
            "look_interval": "200ms",
            "human_edit_grace": "0s",
            "kubernetes": {"kubeconfig": str(kubeconfig)},
            "model": {"url": model, "name": "scripted"},
            "http": {"enabled": False},
            "limits": {"namespaces": [namespace]},
        }
        self._settings.write_text(yaml.safe_dump(settings))
        store = Ledger.open(self.database)
        row = {"fault_class": "*", "weights": "*", "mode": "auto", "until": None, "reason": "t", "by": "t"}
        store.record([Entry(SystemEvent.GRANTED, row)], at=time.time())
        store.close()
        self.deaths = 0
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-c", "from daemon.cli import main; main()", "run"]
        with self._log.open("ab") as log:
            self._child = subprocess.Popen(
                [*command, "--settings", str(self._settings)], stdout=log, stderr=log
            )

    def kill(self) -> None:
        """-9, and a new process on the same disk."""
        self.end()
        self.deaths += 1
        self.start()

    def end(self) -> None:
        self._child.kill()
        self._child.wait()

    def until(self, query: str, *values: Any) -> None:
        """Until the ledger answers the query with something other than nothing."""
        end = time.monotonic() + SECONDS
        while not self.rows(query, *values):
            said = self._log.read_text()[-1500:]
            assert time.monotonic() < end, (query, values, said)
            assert self._child.poll() is None, said
            time.sleep(0.005)

    def rows(self, query: str, *values: Any) -> list[Any]:
        try:
            with closing(sqlite3.connect(read_only_uri(self.database), uri=True)) as connection:
                return list(connection.execute(query, values))
        except sqlite3.Error:
            return []


@pytest.mark.cluster
def test_killed_while_it_rehearses_the_fix_is_made_once_and_no_canary_is_left(
    practice: Cluster, held: Ground, api: client.ApiClient, account: tuple[Path, str]
) -> None:
    """-9 when the canary stands, when the verdict is on record, and when the canary is gone."""
    namespace = create_namespace(api, practice.instance)
    bind(api, namespace, account[1])
    apps = client.AppsV1Api(api)
    assert practice.audit_log is not None
    with tempfile.TemporaryDirectory(prefix="reh") as short, scripted_model() as model:
        process = Process(Path(short), account[0], namespace, model)
        try:
            apps.create_namespaced_deployment(namespace, deployment("web"))
            process.until("SELECT 1 FROM last_good WHERE kind = 'Deployment' AND name = 'web'")
            audited = practice.audit_log.stat().st_size
            patch = {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": BROKEN}]}}}}
            apps.patch_namespaced_deployment("web", namespace, patch)
            for event in ("canary-created", "rehearsed", "rehearsal-ended"):
                process.until("SELECT 1 FROM ledger WHERE event = ?", event)
                process.kill()
            process.until("SELECT 1 FROM cases WHERE outcome = 'fixed'")
        finally:
            process.end()
    assert process.deaths == 3
    found = apps.read_namespaced_deployment("web", namespace)
    assert found.spec.template.spec.containers[0].image == IMAGE
    left = client.CoreV1Api(api).list_namespaced_pod(namespace, label_selector=LABEL).items
    assert left == []
    time.sleep(1.0)  # the audit log is written in batches
    user = f"system:serviceaccount:{account[1].replace('/', ':')}"
    done = [
        f"{entry['verb']} {entry['objectRef']['resource']}"
        for entry in audited_since(practice.audit_log, audited)
        if entry["user"]["username"] == user
        and entry["objectRef"].get("namespace") == namespace
        and entry["verb"] in {"create", "update", "patch", "delete"}
        and "dryRun" not in entry["requestURI"]
        and entry["responseStatus"]["code"] < 300
    ]
    assert done == ["create pods", "delete pods", "patch deployments"]
    delete_namespace(api, practice.instance, namespace)


def audited_since(path: Path, start: int) -> list[dict[str, Any]]:
    with path.open("rb") as log:
        log.seek(start)
        return [json.loads(line) for line in log if line.strip()]
