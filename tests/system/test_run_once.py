"""`intentd run --once` on a real cluster: it says what is wrong and writes nothing, by the API server's own audit log."""

import json
import os
import subprocess
import sys

import pytest

from gym.access import service_account_kubeconfig
from gym.ready import wait_for
from gym.rights import grant
from tests.gym.workloads import create, deployment, waiting_reason

WRITES = {"create", "update", "patch", "delete", "deletecollection"}


def intent(namespace):
    return f"""
apiVersion: intentd.io/v1alpha1
kind: Intent
metadata: {{name: web-runs}}
spec:
  mode: auto
  scope: {{namespace: {namespace}, kind: Deployment, name: web}}
  expectations:
    - type: workloadHealthy
  editable:
    - path: spec.template.spec.containers[*].image
"""


def run_once(folder, kubeconfig, *more):
    settings = folder / "settings.yaml"
    settings.write_text(
        json.dumps(
            {
                "intents": str(folder / "intents"),
                "database": str(folder / "state" / "ledger.db"),
                "kubernetes": {"kubeconfig": str(kubeconfig)},
            }
        )
    )
    command = [sys.executable, "-c", "from daemon.cli import main; main()", "run", "--once", "-o", "json"]
    return subprocess.run(
        [*command, "-f", settings, *more],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=os.environ,
    )


@pytest.mark.kubelet
def test_once_reports_the_violation_and_the_audit_log_shows_no_write(containers, api, namespace, tmp_path):
    create(api, namespace, deployment("web", image="gym.intentd.io/workload:no-such-tag"))
    wait_for(
        "the pull to fail",
        lambda: waiting_reason(api, namespace, "web") in ("ErrImagePull", "ImagePullBackOff"),
        60,
    )
    (tmp_path / "intents").mkdir()
    (tmp_path / "intents" / "web.yaml").write_text(intent(namespace))
    account = grant(containers.kubeconfig, tmp_path / "kubeconfig")

    before = containers.audit_log.stat().st_size  # other tests of the session act as this account too
    done = run_once(tmp_path, tmp_path / "kubeconfig")

    assert done.returncode == 1, done.stderr
    told = json.loads(done.stdout)
    assert [v["summary"].split(":")[0] for v in told["violations"]] == ["ImagePull"]
    assert told["proposals"][0]["proposal"] is None  # no model is configured
    assert not (tmp_path / "state").exists()
    seen = [
        entry
        for entry in audited(containers.audit_log, before)
        if entry["user"]["username"].endswith(account.replace("/", ":"))
    ]
    assert {entry["verb"] for entry in seen} >= {"list"}
    assert [entry for entry in seen if entry["verb"] in WRITES] == []


def audited(path, since):
    with path.open("rb") as log:
        log.seek(since)
        for line in log:
            yield json.loads(line)


@pytest.mark.cluster
def test_once_on_a_healthy_cluster_finds_nothing(practice, api, namespace, tmp_path):
    (tmp_path / "intents").mkdir()
    done = run_once(tmp_path, practice.kubeconfig)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["violations"] == []


@pytest.mark.cluster
def test_once_without_the_right_to_read_says_unknown_and_never_healthy(practice, api, namespace, tmp_path):
    from kubernetes import client

    client.CoreV1Api(api).create_namespaced_service_account(namespace, {"metadata": {"name": "nobody"}})
    (tmp_path / "intents").mkdir()
    (tmp_path / "intents" / "web.yaml").write_text(intent(namespace))
    kubeconfig = service_account_kubeconfig(practice.kubeconfig, namespace, "nobody", tmp_path / "kubeconfig")
    done = run_once(tmp_path, kubeconfig, "--wait", "5")
    assert done.returncode == 3, done.stderr
    told = json.loads(done.stdout)
    assert told["violations"] == []
    assert {item["reason"] for item in told["unknown"]} == {"Forbidden"}
    assert {item["turn"] for item in told["unknown"]} == {"operator"}
