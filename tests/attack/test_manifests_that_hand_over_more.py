"""An intent's own manifest, written by somebody who wants the node, the cluster's traffic, or a secret told."""

import sqlite3

import pytest

from daemon.rounds import read_catalog
from remediation.model import Candidate, Create, NoPlan
from remediation.plan import plan_change
from remediation.saga import State
from tests.fakes.manifests import ref
from tests.fakes.rig import Rig
from tests.remediation.guards.ground import context, intent, verdict

POD = {"containers": [{"name": "app", "image": "shop/web:1.4"}]}
WINDOWS = {"windowsOptions": {"hostProcess": True, "runAsUserName": "NT AUTHORITY\\SYSTEM"}}


def deployment(**pod):
    spec = {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": pod},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": spec,
    }


def service(**spec):
    ports = [{"port": 443, "targetPort": 8443}]
    meta = {"name": "web", "namespace": "shop"}
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"ports": ports, **spec}}


def created(manifest):
    from detectors.model import ObjectRef

    target = ObjectRef(manifest["kind"], "shop", "web", "")
    return plan_change(Candidate("c1", "desired", target, "", manifest), None, manifest)


def judged(manifest):
    plan = created(manifest)
    assert isinstance(plan, Create), plan
    wish = intent(expectations=[{"type": "manifest", "manifest": manifest}])
    return verdict("sensitive", context(plan=plan, live=None, intent=wish, target=plan.target))


@pytest.mark.parametrize(
    "pod",
    [
        {**POD, "securityContext": WINDOWS},
        {"containers": [{**POD["containers"][0], "securityContext": WINDOWS}]},
    ],
    ids=["pod", "container"],
)
def test_no_manifest_creates_a_windows_host_process(pod):
    found = judged(deployment(**pod))
    assert (found.allowed, found.reason) == (False, "HandsOverTheNode")


def test_no_manifest_takes_other_peoples_addresses():
    found = judged(service(externalIPs=["8.8.8.8"]))
    assert (found.allowed, found.reason) == (False, "Traffic")


def test_a_plain_manifest_is_created():
    assert judged(deployment(**POD)).allowed
    assert judged(service()).allowed


def test_a_secret_in_a_manifest_becomes_no_plan_that_ledger_and_notices_would_tell():
    env = [{"name": "DB_PASSWORD", "value": "hunter2-Xq9"}]
    found = created(deployment(containers=[{**POD["containers"][0], "env": env}]))
    assert isinstance(found, NoPlan)
    assert found.reason == "HoldsSecret"
    assert "hunter2" not in str(found)


SECRET = "hunter2-Xq9"
WISH = f"""
apiVersion: intentd.io/v1alpha1
kind: Intent
metadata: {{name: settings-exist}}
spec:
  mode: auto
  scope: {{namespace: shop}}
  expectations:
    - type: manifest
      manifest:
        apiVersion: v1
        kind: ConfigMap
        metadata: {{name: web-config, namespace: shop}}
        data: {{level: info, db_password: {SECRET}}}
  editable: [{{kind: ConfigMap, path: data.level}}]
  cooldown: 1s
"""


@pytest.mark.parametrize("there", [None, {"level": "debug"}, {"level": "info", "db_password": "***"}])
def test_a_secret_in_a_manifest_reaches_neither_ledger_nor_notice_by_creation_or_by_drift(tmp_path, there):
    rig = Rig(tmp_path)
    live = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web-config", "namespace": "shop"}}
    if there is not None:
        rig.cluster.put(live | {"data": there})
    rig.source.write("wish.yaml", WISH.encode())
    read_catalog(rig.world, rig.memory, rig.source)
    case = rig.until(State.CLOSED)
    rig.turn(5)
    assert (case.outcome, rig.cluster.written) == ("escalated", [])
    assert " a secret" in "".join(notice.body for notice in rig.notifier.sent)
    rig.store.close()
    dump = "\n".join(sqlite3.connect(tmp_path / "ledger.db").iterdump())
    assert SECRET not in dump
    assert SECRET not in "".join(notice.title + notice.body for notice in rig.notifier.sent)


def test_a_patch_that_would_bring_a_secret_in_is_no_plan():
    live = deployment(**POD)
    live["metadata"]["uid"] = "uid-1"
    wish = deployment(
        containers=[{**POD["containers"][0], "env": [{"name": "DB_PASSWORD", "value": SECRET}]}]
    )
    found = plan_change(Candidate("c1", "desired", ref(live), "", wish), live, wish)
    assert isinstance(found, NoPlan)
    assert found.reason == "HoldsSecret"
    assert SECRET not in str(found)
