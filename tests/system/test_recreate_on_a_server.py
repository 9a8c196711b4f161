"""Recreation on a real API server, as the daemon's account with the rights of deploy/manifests: from the violation to
the fix for a StatefulSet, also killed around each request; and the two requests alone for a Job, a Pod and a claim."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from daemon.clock import SystemClock
from daemon.commands import Commands
from daemon.cycle import Cycle
from daemon.kube.cluster import KubeCluster
from daemon.kube.connect import connect
from daemon.kube.kinds import RESOURCES
from daemon.kube.transport import Transport
from daemon.ports import WriteResult
from daemon.recreate import BACK
from daemon.rounds import read_catalog, read_metrics, tell_people
from daemon.settings import Settings
from daemon.state import Memory, World
from daemon.telemetry import Telemetry
from daemon.write import Step, carries, finish, write
from detectors.model import ObjectRef
from gym.cluster import Cluster
from gym.rights import grant
from intents.catalog import Catalog
from intents.model import Intent, Mode
from remediation.model import Candidate, Json, NoPlan, Recreate
from remediation.plan import plan_change, still_valid
from remediation.saga import Event, State
from store.ledger import Entry, Ledger
from store.projection import SystemEvent
from store.queries import find_cases
from tests.attack.hostile.against import Ground, policies_in_force
from tests.fakes.cluster import Crash
from tests.fakes.metrics import FakeMetrics
from tests.fakes.model import FakeModel
from tests.fakes.notifier import FakeIntentSource, FakeNotifier
from tests.remediation.guards.ground import context

pytestmark = pytest.mark.cluster


class MortalCluster:
    """The real cluster; kills the caller before or after the n-th write in earnest that has this verb."""

    def __init__(self, real: KubeCluster) -> None:
        self._real = real
        self.die: tuple[str, str] | None = None
        self.writes: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def create(self, manifest: Json, *, operation_id: str, dry_run: bool, anew: bool = False) -> WriteResult:
        return self._write(
            "create",
            dry_run,
            lambda: self._real.create(manifest, operation_id=operation_id, dry_run=dry_run, anew=anew),
        )

    def delete(
        self, ref: ObjectRef, *, resource_version: str, dry_run: bool, orphan: bool = False
    ) -> WriteResult:
        return self._write(
            "delete",
            dry_run,
            lambda: self._real.delete(ref, resource_version=resource_version, dry_run=dry_run, orphan=orphan),
        )

    def _write(self, verb: str, dry_run: bool, send: Callable[[], WriteResult]) -> WriteResult:
        if dry_run:
            return send()
        self._perhaps_die(verb, "before")
        done = send()
        self.writes.append(verb)
        self._perhaps_die(verb, "after")
        return done

    def _perhaps_die(self, verb: str, when: str) -> None:
        if self.die == (verb, when):
            self.die = None
            raise Crash


class Scene:
    """A namespace, an administrator's hand, and the daemon's account with the opt-in rights in it."""

    def __init__(self, practice: Cluster, folder: Path, namespace: str) -> None:
        self.namespace, self.clock = namespace, SystemClock()
        self.admin = Transport(connect(practice.kubeconfig), self.clock)
        account = grant(practice.kubeconfig, folder / "kubeconfig").partition("/")
        self._bind("intentd-recreate", account[0], account[2])
        self._real = KubeCluster(connect(folder / "kubeconfig"), self.clock)
        self._real.start()
        assert self._real.wait_until_listed(20)
        self.cluster = MortalCluster(self._real)

    def _bind(self, role: str, namespace: str, name: str) -> None:
        body = {
            "metadata": {"name": role},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
        }
        path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{self.namespace}/rolebindings"
        assert self.admin.send("POST", path, (), body).ok

    def close(self) -> None:
        self._real.stop()
        self.admin.close()

    def put(self, kind: str, name: str, content: Json, **metadata: Any) -> Json:
        resource = RESOURCES[kind]
        body = {
            "apiVersion": resource.api_version,
            "kind": kind,
            "metadata": {"name": name, "namespace": self.namespace, "labels": {"app": name}, **metadata},
            **content,
        }
        reply = self.admin.send("POST", resource.collection(self.namespace), (), body)
        assert reply.ok, reply.body
        found: Json = msgspec.json.decode(reply.body)
        return found

    def get(self, kind: str, name: str) -> Json | None:
        reply = self.admin.get(RESOURCES[kind].item(self.namespace, name))
        found: Json | None = msgspec.json.decode(reply.body) if reply.ok else None
        return found

    def eventually(self, kind: str, name: str, check: Callable[[Json], bool]) -> Json:
        deadline = time.monotonic() + 40
        while True:
            found = self.get(kind, name)
            if found is not None and check(found):
                return found
            assert time.monotonic() < deadline, found
            time.sleep(0.1)


@pytest.fixture
def scene(practice: Cluster, tmp_path: Path, namespace: str) -> Iterator[Scene]:
    scene = Scene(practice, tmp_path, namespace)
    yield scene
    scene.close()


def pod_spec(**more: Any) -> Json:
    container = {"name": "app", "image": "example.com/app:1", "env": [{"name": "MODE", "value": "wrong"}]}
    return {"containers": [container], "nodeSelector": {"no-such-node": "true"}, **more}


# ------------------------------------------------------------ from the violation to the fix

WISH = """
apiVersion: intentd.io/v1alpha1
kind: Intent
metadata: {{name: db-as-written}}
spec:
  mode: auto
  scope: {{namespace: {namespace}, kind: StatefulSet, name: db}}
  expectations:
    - type: manifest
      manifest:
        apiVersion: apps/v1
        kind: StatefulSet
        metadata: {{name: db, namespace: {namespace}}}
        spec: {{serviceName: db}}
  recreate: [StatefulSet]
  cooldown: 0s
  verification: {{window: 2s, timeout: 60s}}
"""


class Daemon:
    """The product's loops in this process, over the real cluster; `restart` is a new process on the same disk."""

    def __init__(self, scene: Scene, folder: Path) -> None:
        self._scene, self._folder = scene, folder
        self.source = FakeIntentSource({"db.yaml": WISH.format(namespace=scene.namespace).encode()})
        self.notifier, self.model = FakeNotifier(), FakeModel()
        self._start()
        row = {"fault_class": "*", "weights": "*", "mode": "auto", "until": None, "reason": "t", "by": "t"}
        self.store.record([Entry(SystemEvent.GRANTED, row)], at=scene.clock.now())

    def _start(self) -> None:
        places = {"database": self._folder / "ledger.db", "kill_switch": self._folder / "kill"}
        settings = Settings.model_validate({**places, "look_interval": "1s"})
        self.store = Ledger.open(settings.database)
        self.world = World(
            cluster=self._scene.cluster,
            metrics=FakeMetrics(),
            model=self.model,
            judge=self.model,
            clock=self._scene.clock,
            notifier=self.notifier,
            store=self.store,
            settings=settings,
        )
        self.memory = Memory(Catalog())
        self._cycle = Cycle(self.world, self.memory, Telemetry(self._scene.clock), beat=lambda: None)
        read_catalog(self.world, self.memory, self.source)

    def restart(self) -> None:
        self.store.close()
        self._start()

    def until(self, *states: State) -> Any:
        """Live on, one process after another, until the newest case is there."""
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            try:
                read_metrics(self.world, self.memory)
                self._cycle.look_once()
                self._cycle.think_once()
                self._cycle.act_once()
                tell_people(self.world)
            except Crash:
                self.restart()
            rows = find_cases(self.store)
            if rows and rows[0].state in states:
                return rows[0]
            time.sleep(0.1)
        raise AssertionError([(row.state, row.outcome, row.outcome_reason) for row in find_cases(self.store)])


@pytest.fixture
def database(scene: Scene, tmp_path: Path) -> Iterator[tuple[Daemon, Json]]:
    """A StatefulSet with a pod and a claim, whose governing Service has the wrong name."""
    labels = {"app": "db"}
    claim = {
        "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "no-such-class",
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    spec = {
        "replicas": 1,
        "serviceName": "wrong",
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod_spec()},
        "volumeClaimTemplates": [claim],
    }
    scene.put("StatefulSet", "db", {"spec": spec}, finalizers=[])
    scene.eventually("Pod", "db-0", lambda _: True)
    live = scene.eventually("StatefulSet", "db", lambda item: item.get("status", {}).get("replicas") == 1)
    daemon = Daemon(scene, tmp_path)
    yield daemon, live
    daemon.store.close()


def uid(item: Json | None) -> str:
    assert item is not None
    return str(item["metadata"]["uid"])


def adopted(scene: Scene, pod: str, claim: str) -> None:
    """The very pod and claim of before, the pod now owned by the StatefulSet of today."""
    owner = uid(scene.get("StatefulSet", "db"))
    found = scene.eventually(
        "Pod",
        "db-0",
        lambda item: [o["uid"] for o in item["metadata"].get("ownerReferences", ())] == [owner],
    )
    assert uid(found) == pod
    assert "deletionTimestamp" not in found["metadata"]
    assert uid(scene.get("PersistentVolumeClaim", "data-db-0")) == claim


@pytest.mark.parametrize(
    "die",
    [None, ("delete", "before"), ("delete", "after"), ("create", "before"), ("create", "after")],
    ids=lambda point: "-".join(point) if point else "not killed",
)
def test_a_stateful_set_is_mended_without_losing_a_pod_or_a_claim(
    scene: Scene, database: tuple[Daemon, Json], die: tuple[str, str] | None
) -> None:
    daemon, before = database
    pod, claim = uid(scene.get("Pod", "db-0")), uid(scene.get("PersistentVolumeClaim", "data-db-0"))
    scene.cluster.die = die
    case = daemon.until(State.CLOSED)
    assert case.outcome == "fixed", case.outcome_reason
    live = scene.get("StatefulSet", "db")
    assert live is not None
    assert live["spec"]["serviceName"] == "db"
    assert uid(live) != uid(before)
    assert scene.cluster.writes == ["delete", "create"]
    assert scene.cluster.die is None
    adopted(scene, pod, claim)
    if die is None:
        daemon.source.delete("db.yaml")
        read_catalog(daemon.world, daemon.memory, daemon.source)
        Commands(daemon.world, daemon.memory)("undo", {"case": case.case_id}, "ann")
        assert daemon.until(State.CLOSED).outcome == "rolled-back"
        back = scene.get("StatefulSet", "db")
        assert back is not None
        assert back["spec"]["serviceName"] == "wrong"
        adopted(scene, pod, claim)


# ------------------------------------------------------------ the two requests, for the other kinds

EDITABLE = [
    {"kind": "Job", "path": "spec.template.spec.containers[*].image", "pattern": "example.com/app:[0-9]"},
    {"kind": "Pod", "path": "spec.containers[*].env[*].value", "values": ["right"]},
    {"kind": "PersistentVolumeClaim", "path": "spec.storageClassName", "values": ["slow"]},
]
KINDS = {
    "a failed Job": (
        "Job",
        {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "example.com/app:2"}]}}}},
    ),
    "a suspended Job": (
        "Job",
        {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "example.com/app:2"}]}}}},
    ),
    "a Pod": (
        "Pod",
        {"spec": {"containers": [{"name": "app", "env": [{"name": "MODE", "value": "right"}]}]}},
    ),
    "a pending claim": ("PersistentVolumeClaim", {"spec": {"storageClassName": "slow"}}),
}


def arranged(scene: Scene, what: str) -> Json:
    match what:
        case "a failed Job":
            spec = {"activeDeadlineSeconds": 1, "template": {"spec": pod_spec(restartPolicy="Never")}}
            scene.put("Job", "it", {"spec": spec})
            return scene.eventually("Job", "it", failed)
        case "a suspended Job":
            spec = {"suspend": True, "template": {"spec": pod_spec(restartPolicy="Never")}}
            scene.put("Job", "it", {"spec": spec})
            return scene.eventually("Job", "it", lambda item: bool(item.get("status", {}).get("conditions")))
        case "a Pod":
            scene.put("Pod", "it", {"spec": pod_spec(terminationGracePeriodSeconds=0)})
            return scene.eventually("Pod", "it", lambda item: bool(item["status"].get("conditions")))
        case _:
            wants = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
            scene.put("PersistentVolumeClaim", "it", {"spec": {**wants, "storageClassName": "fast"}})
            return scene.eventually("PersistentVolumeClaim", "it", lambda item: "phase" in item["status"])


def failed(job: Json) -> bool:
    conditions = job.get("status", {}).get("conditions", ())
    return any(item["type"] == "Failed" and item["status"] == "True" for item in conditions)


class Rows:
    """Where a write is announced."""

    def __init__(self) -> None:
        self.rows: list[Entry] = []

    def record(self, entries: list[Entry], *, at: float) -> None:
        self.rows += entries


def world_of(scene: Scene, rows: Rows) -> World:
    model = FakeModel()
    return World(scene.cluster, FakeMetrics(), model, model, scene.clock, FakeNotifier(), rows, None)


def intent_of(namespace: str) -> Intent:
    return Intent.model_validate(
        {
            "apiVersion": "intentd.io/v1alpha1",
            "kind": "Intent",
            "metadata": {"name": "it"},
            "spec": {
                "scope": {"namespace": namespace},
                "expectations": [{"type": "workloadHealthy"}],
                "mode": "auto",
                "editable": EDITABLE,
                "recreate": ["Job", "Pod", "PersistentVolumeClaim"],
            },
        }
    )


def plan_for(live: Json, what: str) -> Recreate:
    kind, change = KINDS[what]
    target = ObjectRef(kind, live["metadata"]["namespace"], "it")
    plan = plan_change(Candidate("c1", "test", target, "", change), live)
    assert isinstance(plan, Recreate), plan
    return plan


@pytest.mark.parametrize("what", KINDS)
@pytest.mark.parametrize("killed", [None, ("delete", "after")], ids=["not killed", "killed between"])
def test_it_is_deleted_and_created_anew_with_the_change(
    scene: Scene, what: str, killed: tuple[str, str] | None
) -> None:
    live = arranged(scene, what)
    plan, rows = plan_for(live, what), Rows()
    world, intent = world_of(scene, rows), intent_of(scene.namespace)

    def allowing(p: Any, found: Json | None, *, stops_only: bool = False) -> Any:
        return context(
            live=found, plan=p, intent=intent, target=plan.target, now=scene.clock.now(), mode=Mode.AUTO
        )

    def current(found: Json | None) -> Any:
        return plan if still_valid(plan, found) else None

    scene.cluster.die = killed
    try:
        done = write(world, "case-1", plan.target, current, allowing, event=Event.APPLY_STARTED)
        assert done.step is Step.WRITTEN, done.detail
    except Crash:
        scene_gone(scene, plan)
    began = rows.rows[-1].payload
    again = finish(world, plan, allowing, operation_id=began["operation_id"])  # also a repeat changes nothing
    assert again.status.value == "done", again.message
    anew = scene.get(plan.target.kind, "it")
    assert anew is not None
    assert uid(anew) != plan.target.uid
    assert carries(anew, began["operation_id"])
    for leaf in plan.touched:
        from intents.fields import get

        assert get(anew, leaf.path) == leaf.after
    assert anew["metadata"]["labels"]["app"] == "it"


def scene_gone(scene: Scene, plan: Recreate) -> None:
    deadline = time.monotonic() + 20
    while scene.get(plan.target.kind, "it") is not None:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_the_old_object_is_put_back_where_the_server_refuses_the_new_one(scene: Scene) -> None:
    plan, rows = plan_for(arranged(scene, "a suspended Job"), "a suspended Job"), Rows()
    world, intent = world_of(scene, rows), intent_of(scene.namespace)
    scene.cluster.delete(
        plan.target,
        resource_version=scene.get("Job", "it")["metadata"]["resourceVersion"],  # type: ignore[index]
        dry_run=False,
    )
    scene_gone(scene, plan)
    broken = {**plan.manifest, "spec": {**plan.manifest["spec"], "completionMode": "NoSuchMode"}}
    from dataclasses import replace

    from remediation.digest import plan_digest

    bad = replace(plan, manifest=broken)
    bad = replace(bad, digest=plan_digest(bad))

    def allowing(p: Any, found: Json | None, *, stops_only: bool = False) -> Any:
        return context(live=found, plan=p, intent=intent, target=plan.target, now=scene.clock.now())

    done = finish(world, bad, allowing, operation_id="op-1")
    assert done.status.value == "refused"
    assert "it was put back as it was" in done.message
    back = scene.get("Job", "it")
    assert carries(back, f"op-1{BACK}")
    assert back is not None
    assert back["spec"]["template"]["spec"]["containers"][0]["image"] == "example.com/app:1"


def test_a_job_that_runs_is_a_persons(scene: Scene) -> None:
    scene.put("Job", "it", {"spec": {"template": {"spec": pod_spec(restartPolicy="Never")}}})
    live = scene.eventually("Job", "it", lambda item: item.get("status", {}).get("active") == 1)
    kind, change = KINDS["a failed Job"]
    plan = plan_change(Candidate("c1", "test", ObjectRef(kind, scene.namespace, "it"), "", change), live)
    assert isinstance(plan, NoPlan)
    assert plan.reason == "JobRuns"


# ------------------------------------------------------------ held by the API server too


def test_the_policy_lets_the_account_recreate_only_what_a_person_marked(
    practice: Cluster, scene: Scene, tmp_path: Path
) -> None:
    ground = Ground(practice.kubeconfig, tmp_path / "kubeconfig", scene.namespace)
    marks = {"intentd.io/may-recreate": "true"}
    spec = {"suspend": True, "template": {"spec": pod_spec(restartPolicy="Never")}}
    for name, metadata in (("closed", {}), ("open", {"annotations": marks})):
        scene.put("Job", name, {"spec": spec}, **metadata)
    with policies_in_force(practice.kubeconfig, ground):
        answers = {
            name: scene.cluster.delete(
                ObjectRef("Job", scene.namespace, name, uid(live)),
                resource_version=live["metadata"]["resourceVersion"],
                dry_run=True,
            ).status.value
            for name in ("closed", "open")
            if (live := scene.get("Job", name))
        }
        privileged = pod_spec(restartPolicy="Never")
        privileged["containers"][0]["securityContext"] = {"privileged": True}
        for name, found in (("plain", spec["template"]["spec"]), ("privileged", privileged)):
            manifest = {
                "apiVersion": "batch/v1",
                "kind": "Job",
                "metadata": {"name": name, "namespace": scene.namespace},
                "spec": {"template": {"spec": found}},
            }
            answers[name] = scene.cluster.create(manifest, operation_id="o", dry_run=True).status.value
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": scene.namespace}}
        pod["metadata"]["annotations"] = marks
        answers["a pod"] = scene.cluster.create(
            {**pod, "spec": pod_spec()}, operation_id="o", dry_run=True, anew=True
        ).status.value
    ground.close()
    assert answers == {
        "closed": "refused",
        "open": "done",
        "plain": "done",
        "privileged": "refused",
        "a pod": "refused",
    }
