"""The corpus against a real API server: through the guards, and without any guard against the policy alone."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client

from daemon.clock import SystemClock
from daemon.kube.cluster import KubeCluster
from daemon.kube.connect import connect
from daemon.kube.errors import ClusterError
from daemon.kube.kinds import RESOURCES
from daemon.kube.transport import Params, Reply, Transport
from daemon.ports import WriteResult, WriteStatus
from detectors.model import ObjectRef
from gym.ready import api_client
from remediation.model import Candidate, Operation, Patch
from remediation.plan import plan_change
from tests.attack.hostile.ground import objects
from tests.attack.hostile.row import Hostile
from tests.attack.hostile.walk import Walk
from tests.fakes.manifests import ref

Json = dict[str, Any]

POLICIES = Path(__file__).parents[3] / "deploy" / "manifests" / "policy.yaml"
PREFIX = "/apis/admissionregistration.k8s.io/v1"
PLURALS = {
    "ValidatingAdmissionPolicy": "validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": "validatingadmissionpolicybindings",
}
ACCOUNT = "system:serviceaccount:intentd:intentd"
STRATEGIC = "application/strategic-merge-patch+json"
_BOOKKEEPING = ("resourceVersion", "managedFields", "generation")
_MARKS = ("intentd.io/operation", "deployment.kubernetes.io/revision")
_IN_FORCE_WITHIN = 30.0
_SETTLED_WITHIN = 20.0


@dataclass
class Tally:
    """What became of each row: who refused it, and what came through."""

    refused: dict[str, int] = field(default_factory=dict)
    past: list[str] = field(default_factory=list)

    def count(self, by: str) -> None:
        self.refused[by] = self.refused.get(by, 0) + 1


class Ground:
    """The attacked objects in a namespace of a real cluster, the administrator's eye and the daemon's hand."""

    def __init__(self, admin: Path, account: Path, namespace: str) -> None:
        self.clock = SystemClock()
        self.admin = Transport(connect(kubeconfig=admin), self.clock)
        self.hand = Transport(connect(kubeconfig=account), self.clock)
        self.cluster = KubeCluster(connect(kubeconfig=account), self.clock)
        self.namespace = namespace
        for item in objects(namespace):
            self.create(item)
        self.live = {item["kind"]: self._settled(item["kind"]) for item in objects(namespace)}

    def close(self) -> None:
        self.admin.close()
        self.hand.close()

    def path(self, kind: str, name: str = "web") -> str:
        return RESOURCES[kind].item(self.namespace, name)

    def read(self, kind: str, name: str = "web") -> Json:
        reply = self.admin.get(self.path(kind, name))
        assert reply.ok, reply.body
        found: Json = json.loads(reply.body)
        return {"apiVersion": RESOURCES[kind].api_version, "kind": kind} | found

    def _settled(self, kind: str) -> Json:
        """The object once its controller has said its part about it."""
        deadline = time.monotonic() + _SETTLED_WITHIN
        while True:
            item = self.read(kind)
            observed = (item.get("status") or {}).get("observedGeneration")
            if kind != "Deployment" or observed == item["metadata"]["generation"]:
                return item
            assert time.monotonic() < deadline, item.get("status")
            time.sleep(0.05)

    def create(self, item: Json) -> None:
        collection = RESOURCES[item["kind"]].collection(self.namespace)
        reply = self.admin.send("POST", collection, (), item)
        assert reply.ok, reply.body

    def put_back(self, kind: str) -> None:
        """The object as it was, with a new resourceVersion; `live` is what stands there now."""
        before = copy.deepcopy(self.live[kind])
        for key in _BOOKKEEPING:
            before["metadata"].pop(key, None)
        reply = self.admin.send("PUT", self.path(kind), (), before)
        assert reply.ok, reply.body
        self.live[kind] = self._settled(kind)

    # ------------------------------------------------------------ with the guards

    def through_the_guards(self, rows: Iterable[Hostile], folder: Path) -> Tally:
        """Each answer on its whole way. `past` are those that were written, changed the object, or were
        stopped by something else than what the row names."""
        tally = Tally()
        walk = Walk(folder, self.cluster, self.clock, self.live)
        try:
            for row in rows:
                attempt = walk.try_(row)
                if attempt.written or self._changed(row.kind):
                    tally.past.append(row.name)
                elif row.stop not in attempt.refused:
                    tally.past.append(f"{row.name}: {sorted(attempt.refused)} {attempt.told}")
                tally.count(row.stop.partition(":")[0])
        finally:
            walk.close()
        return tally

    def _changed(self, kind: str) -> bool:
        return _content(self.read(kind)) != _content(self.live[kind])

    # ------------------------------------------------------------ without any guard

    def as_it_was_answered(self, rows: Iterable[Hostile]) -> Tally:
        """The manifest itself as a strategic merge patch, with the server's most lenient validation."""
        tally = Tally()
        for row in rows:
            try:
                body = json.loads(json.dumps(row.manifest, allow_nan=False).encode())
            except (ValueError, TypeError, RecursionError):
                tally.count("no JSON")
                continue
            try:
                reply = self.hand.send("PATCH", self.path(row.kind), _lenient(row), body, STRATEGIC)
            except (UnicodeEncodeError, ValueError, TypeError):
                tally.count("no JSON")
                continue
            except ClusterError:  # it hangs up on what is too large
                self._judge(row, "the server", tally)
                continue
            self._judge(row, _who(reply), tally)
        return tally

    def as_planned(self, rows: Iterable[Hostile]) -> Tally:
        """The plan's own operations through the daemon's writer: intentd with every guard taken out."""
        tally = Tally()
        for row in rows:
            live = self.live[row.kind]
            plan = plan_change(Candidate("model", "model", ref(live), "", row.manifest), live)
            if not isinstance(plan, Patch):
                tally.count("no plan")
                continue
            result = self.send(plan.target, plan.operations, dry_run=bool(row.guards_alone))
            by = "" if result.status is WriteStatus.DONE else _by(result.message)
            self._judge(row, by, tally)
        return tally

    def send(self, target: ObjectRef, operations: Sequence[Operation], *, dry_run: bool) -> WriteResult:
        """The daemon's writer as its account; again where a controller was quicker: it moves the resourceVersion with each status."""
        for _ in range(10):
            version = str(self.read(target.kind)["metadata"]["resourceVersion"])
            result = self.cluster.patch(
                target,
                operations,
                resource_version=version,
                operation_id="hostile",
                dry_run=dry_run,
            )
            if result.status is not WriteStatus.CONFLICT:
                break
        return result

    def _judge(self, row: Hostile, by: str, tally: Tally) -> None:
        """Rows that only guards can refuse were sent as a dry run."""
        changed = self._changed(row.kind)
        tally.count(by or ("let through, as the row says" if row.guards_alone else "changed nothing"))
        if changed:
            tally.past.append(row.name)
            self.put_back(row.kind)


def _content(item: Json) -> Json:
    meta = {key: value for key, value in item["metadata"].items() if key not in _BOOKKEEPING}
    marks = {k: v for k, v in (meta.pop("annotations", None) or {}).items() if k not in _MARKS}
    return {**item, "metadata": {**meta, "annotations": marks}, "status": None}


def _lenient(row: Hostile) -> Params:
    dry_run = [("dryRun", "All")] if row.guards_alone else []
    return [("fieldValidation", "Ignore"), *dry_run]


def _who(reply: Reply) -> str:
    return "" if reply.ok else _by(str(reply.error()))


def _by(message: str) -> str:
    return "the policy" if "ValidatingAdmissionPolicy" in message else "the server"


# ------------------------------------------------------------ the policies


@contextmanager
def policies_in_force(admin: Path, probe: Ground) -> Iterator[None]:
    """Apply deploy/manifests/policy.yaml, wait until it refuses; afterwards take it away, and wait until it
    refuses no more."""
    transport = Transport(connect(kubeconfig=admin), SystemClock())
    documents = list(yaml.safe_load_all(POLICIES.read_text()))
    try:
        for document in documents:
            reply = transport.send(
                "POST", f"{PREFIX}/{PLURALS[document['kind']]}", [("fieldValidation", "Strict")], document
            )
            assert reply.ok, reply.body
        _wait_until_refused(probe)
        yield
    finally:
        for document in reversed(documents):
            place = f"{PREFIX}/{PLURALS[document['kind']]}/{document['metadata']['name']}"
            transport.send("DELETE", place, (), None)
        transport.close()
        wait_until_gone(admin)


def _wait_until_refused(ground: Ground) -> None:
    """A policy is in force some moments after it is stored."""
    attempts = {
        "Deployment": {"spec": {"template": {"spec": {"hostPID": True}}}},
        "Service": {"spec": {"externalIPs": ["10.0.0.66"]}},
        "ConfigMap": {"binaryData": {"x": "AAAA"}},
    }
    deadline = time.monotonic() + _IN_FORCE_WITHIN
    for kind, body in attempts.items():
        while True:
            reply = ground.hand.send("PATCH", ground.path(kind), [("dryRun", "All")], body, STRATEGIC)
            if _who(reply) == "the policy":
                break
            assert time.monotonic() < deadline, reply.body
            time.sleep(0.1)


def wait_until_gone(admin: Path) -> None:
    """Until deleted policies refuse no more: the server looks at them once a second, and a test that began at once
    met them still. intentd-kinds, the first of the file, has to be the one that was deleted last."""
    with api_client(admin) as api:
        api.set_default_header("Impersonate-User", ACCOUNT)
        api.set_default_header("Impersonate-Group", "system:masters")  # so that nobody but the policy refuses
        deadline = time.monotonic() + _IN_FORCE_WITHIN
        while _refused(client.CoreV1Api(api)):
            assert time.monotonic() < deadline, "the policies are gone and refuse still"
            time.sleep(0.1)


def _refused(core: client.CoreV1Api) -> bool:
    """Whether the account is kept from a namespace that the policy says is not its own to change."""
    body = {"metadata": {"generateName": "intentd-probe-"}}
    try:
        core.create_namespaced_config_map("kube-system", body, dry_run="All")
    except client.ApiException as error:
        if "intentd kinds" in str(error.body):
            return True
        raise
    return False
