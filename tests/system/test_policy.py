"""The corpus on a real API server: past the guards comes nothing, and with the guards taken out the policy holds."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from kubernetes import client

from daemon.ports import WriteStatus
from gym.cluster import Cluster
from gym.namespaces import create_namespace, delete_namespace
from gym.rights import grant
from remediation.model import Candidate, Patch
from remediation.plan import plan_change, undo_plan
from tests.attack.hostile.against import STRATEGIC, Ground, policies_in_force
from tests.attack.hostile.corpus import ROWS, some
from tests.attack.hostile.ground import REGISTRY
from tests.attack.hostile.ordinary import ONE_WAY, ORDINARY
from tests.attack.hostile.row import Hostile, app, pod
from tests.attack.hostile.walk import Walk
from tests.fakes.manifests import ref

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def account(practice: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kubeconfig that acts as the daemon's account, with the rights of deploy/manifests and no other."""
    target = tmp_path_factory.mktemp("account") / "kubeconfig"
    grant(practice.kubeconfig, target)
    return target


@pytest.fixture
def ground(practice: Cluster, account: Path, namespace: str) -> Iterator[Ground]:
    ground = Ground(practice.kubeconfig, account, namespace)
    yield ground
    ground.close()


@pytest.fixture(scope="module")
def held(practice: Cluster, api: client.ApiClient, account: Path) -> Iterator[Ground]:
    """The ground with the policies in force."""
    name = create_namespace(api, practice.instance)
    ground = Ground(practice.kubeconfig, account, name)
    with policies_in_force(practice.kubeconfig, ground):
        yield ground
    ground.close()
    delete_namespace(api, practice.instance, name)


def test_no_hostile_answer_comes_past_the_guards(ground: Ground, tmp_path: Path) -> None:
    tally = ground.through_the_guards(some(60), tmp_path)
    assert tally.past == []
    assert sum(tally.refused.values()) == 60


def test_with_every_guard_taken_out_the_api_server_refuses_the_plans(held: Ground) -> None:
    tally = held.as_planned(ROWS)
    assert tally.past == []
    assert tally.refused["the policy"] >= 100


def test_with_the_planner_taken_out_too_it_refuses_the_answers_themselves(held: Ground) -> None:
    tally = held.as_it_was_answered(ROWS)
    assert tally.past == []
    assert tally.refused["the policy"] >= 100


@pytest.mark.parametrize("change", ORDINARY)
def test_an_ordinary_change_and_its_undo_are_let_through(held: Ground, change: str) -> None:
    kind = (
        "Service" if "Service" in change else "ConfigMap" if change == "a ConfigMap's value" else "Deployment"
    )
    live = held.read(kind)
    plan = plan_change(Candidate("c1", "test", ref(live), "", ORDINARY[change]), live)
    assert isinstance(plan, Patch)
    done = held.send(plan.target, plan.operations, dry_run=False)
    assert done.status is WriteStatus.DONE, done.message
    if change not in ONE_WAY:
        undo = undo_plan(plan, held.read(kind))
        assert isinstance(undo, Patch)
        done = held.send(undo.target, undo.operations, dry_run=False)
        assert done.status is WriteStatus.DONE, done.message
    held.put_back(kind)


def test_a_fix_passes_guards_and_policy(held: Ground, tmp_path: Path) -> None:
    walk = Walk(tmp_path, held.cluster, held.clock, {kind: held.read(kind) for kind in held.live})
    attempt = walk.try_(Hostile("a fix", app(image=f"{REGISTRY}/web:1.4"), "", bounded=True))
    walk.close()
    assert (attempt.refused, attempt.written) == (frozenset(), True)
    held.put_back("Deployment")


def test_a_field_that_a_person_names_on_the_object_may_be_restored_but_never_what_hands_over_the_node(
    held: Ground,
) -> None:
    allow = {"metadata": {"annotations": {"intentd.io/may-restore": "args,securityContext,hostPID"}}}
    assert held.admin.send("PATCH", held.path("Deployment"), (), allow, STRATEGIC).ok
    wanted = {
        "args": (app(args=["--quiet"]), 200),
        "command": (app(command=["sh"]), 403),
        "securityContext": (app(securityContext={"readOnlyRootFilesystem": False}), 403),
        "hostPID": (pod(hostPID=True), 403),
    }
    answers = {
        name: held.hand.send("PATCH", held.path("Deployment"), [("dryRun", "All")], body, STRATEGIC).status
        for name, (body, _) in wanted.items()
    }
    held.put_back("Deployment")
    assert answers == {name: status for name, (_, status) in wanted.items()}


def test_a_large_workload_is_judged_within_the_api_servers_cost_limit(held: Ground) -> None:
    item = copy.deepcopy(held.live["Deployment"])
    item["metadata"] = {"name": "large", "namespace": held.namespace}
    containers = item["spec"]["template"]["spec"]["containers"]
    variables = [{"name": f"VARIABLE_{n}", "value": "x" * 60} for n in range(100)]
    containers += [{**containers[0], "name": f"c{n}", "env": variables, "ports": []} for n in range(8)]
    held.create(item)
    change = pod(
        containers=[{"name": f"c{n}", "env": [{"name": "VARIABLE_99", "value": "y"}]} for n in range(8)]
    )
    reply = held.hand.send("PATCH", held.path("Deployment", "large"), (), change, STRATEGIC)
    assert reply.ok, reply.error()
    hostile = pod(containers=[{"name": "c7", "env": [{"name": "LD_PRELOAD", "value": "/tmp/x"}]}])
    reply = held.hand.send("PATCH", held.path("Deployment", "large"), (), hostile, STRATEGIC)
    assert (reply.status, "loads code" in str(reply.error())) == (403, True)


@pytest.fixture
def almighty(held: Ground) -> Iterator[Ground]:
    """The account with every right that a cluster can give: only the policy is left."""
    bindings = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
    body = {
        "metadata": {"name": "intentd-almighty"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": "intentd", "namespace": "intentd"}],
    }
    assert held.admin.send("POST", bindings, (), body).ok
    deadline = time.monotonic() + 20
    while not held.hand.get("/api/v1/secrets").ok:  # rights arrive some moments after they are bound
        assert time.monotonic() < deadline
        time.sleep(0.05)
    yield held
    assert held.admin.send("DELETE", f"{bindings}/intentd-almighty", (), None).ok


def test_even_with_every_right_the_account_writes_no_other_kind_place_or_part(almighty: Ground) -> None:
    here = f"/api/v1/namespaces/{almighty.namespace}"
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {}}
    named = {"metadata": {"name": "x"}}
    privileged = copy.deepcopy(almighty.live["Deployment"])
    privileged["metadata"] = {"name": "y", "annotations": {"intentd.io/operation": "x"}}
    privileged["spec"]["template"]["spec"]["hostNetwork"] = True
    apps = f"/apis/apps/v1/namespaces/{almighty.namespace}/deployments"
    tries = {
        "a Secret": ("POST", f"{here}/secrets", named),
        "a role binding": (
            "POST",
            "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
            {
                **named,
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
            },
        ),
        "a namespace": ("POST", "/api/v1/namespaces", named),
        "a ConfigMap of kube-system": ("POST", "/api/v1/namespaces/kube-system/configmaps", config),
        "a ConfigMap of its own namespace": ("POST", "/api/v1/namespaces/intentd/configmaps", config),
        "the cluster's authority": ("DELETE", f"{here}/configmaps/kube-root-ca.crt", None),
        "an object that it never wrote to": ("DELETE", f"{here}/configmaps/web", None),
        "a token": ("POST", f"{here}/serviceaccounts/default/token", {"spec": {}}),
        "a privileged workload": ("POST", apps, privileged),
    }
    answers = {}
    for name, (method, path, body) in tries.items():
        reply = almighty.hand.send(method, path, [("dryRun", "All")] if method == "POST" else (), body)
        answers[name] = (
            reply.status,
            "ValidatingAdmissionPolicy" in str(reply.error()) if not reply.ok else False,
        )
    scale = {"spec": {"replicas": 3}}
    reply = almighty.hand.send("PATCH", f"{apps}/web/scale", (), scale, "application/merge-patch+json")
    answers["the scale of a workload"] = (reply.status, "ValidatingAdmissionPolicy" in str(reply.error()))
    assert answers == dict.fromkeys(answers, (403, True))


def test_it_does_not_touch_what_it_is_made_of(held: Ground) -> None:
    item = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "ours",
            "namespace": held.namespace,
            "labels": {"app.kubernetes.io/name": "intentd"},
        },
        "data": {"kill": "true"},
    }
    held.create(item)
    change = {"data": {"kill": "false"}}
    reply = held.hand.send("PATCH", held.path("ConfigMap", "ours"), (), change, STRATEGIC)
    assert (reply.status, "part of intentd" in str(reply.error())) == (403, True)
