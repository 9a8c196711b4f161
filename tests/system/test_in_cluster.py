"""With the credentials of a pod instead of a kubeconfig: it works, with the declared rights and not one more, and
goes on with the next token when the kubelet has replaced the file."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from kubernetes import client

from daemon.kube.rights import MEND, READ, Right
from gym.cluster import Cluster
from gym.processes import wait_until
from gym.ready import wait_for
from gym.rights import grant
from tests.gym.workloads import create, deployment
from tests.system.pod_credentials import (
    Credentials,
    Forwarder,
    bound_token,
    credential_id,
    in_pod,
    pod_environment,
    why_not,
)

pytestmark = pytest.mark.cluster
INTENTD = (sys.executable, "-c", "from daemon.cli import main; main()")
EVER = datetime.min.replace(tzinfo=UTC)
INTENT = """
apiVersion: intentd.io/v1alpha1
kind: Intent
metadata: {{name: web-runs}}
spec:
  scope: {{namespace: {namespace}, kind: Deployment, name: web}}
  expectations: [{{type: workloadHealthy}}]
"""


@pytest.fixture
def way(practice: Cluster, api: client.ApiClient) -> Iterator[Forwarder]:
    """To the API server by an address that its certificate names."""
    if reason := why_not():
        pytest.skip(reason)
    if not practice.capabilities.own_cluster:
        pytest.skip("the certificate of an operator's cluster need not name this machine's loopback address")
    server = urlsplit(api.configuration.host)
    assert server.hostname
    assert server.port
    forwarder = Forwarder((server.hostname, server.port))
    yield forwarder
    forwarder.close()


@pytest.fixture
def first_token(practice: Cluster, api: client.ApiClient, tmp_path: Path) -> Iterator[str]:
    """A token of the account of deploy/manifests, which exists on the cluster from now on."""
    grant(practice.kubeconfig, tmp_path / "unused")
    yield bound_token(api, "token-1")
    core = client.CoreV1Api(api)
    for secret in core.list_namespaced_secret("intentd").items:
        core.delete_namespaced_secret(secret.metadata.name, "intentd")


@pytest.fixture
def credentials(api: client.ApiClient, first_token: str, tmp_path: Path) -> Credentials:
    authority = Path(api.configuration.ssl_ca_cert).read_bytes()
    return Credentials(tmp_path / "serviceaccount", authority, first_token)


@pytest.fixture
def settings(tmp_path: Path, namespace: str, api: client.ApiClient) -> Path:
    """Nothing about the cluster; one intent for a Deployment that wants no pod, so that all is well."""
    create(api, namespace, {**deployment("web"), "spec": {**deployment("web")["spec"], "replicas": 0}})
    (tmp_path / "intents").mkdir()
    (tmp_path / "intents" / "web.yaml").write_text(INTENT.format(namespace=namespace))
    chosen = {
        "intents": str(tmp_path / "intents"),
        "database": str(tmp_path / "ledger.db"),
        "socket": str(tmp_path / "c.sock"),
        "kill_switch": str(tmp_path / "kill-switch"),
        "look_interval": "1s",
        "http": {"port": 0},
    }
    (tmp_path / "settings.yaml").write_text(yaml.safe_dump(chosen))
    return tmp_path / "settings.yaml"


def run(way: Forwarder, credentials: Credentials, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        in_pod(credentials.folder, *INTENTD, *arguments),
        env=pod_environment("127.0.0.1", way.port),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_once_looks_at_the_cluster_and_can_read_all_that_it_needs(
    way: Forwarder, credentials: Credentials, settings: Path
) -> None:
    done = run(way, credentials, "run", "--once", "-o", "json", "-f", settings)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert (told["violations"], told["unknown"]) == ([], [])


def test_doctor_finds_the_cluster_and_its_rights(
    way: Forwarder, credentials: Credentials, settings: Path
) -> None:
    done = run(way, credentials, "doctor", "-o", "json", "-f", settings)
    found = {finding["check"]: finding for finding in json.loads(done.stdout)}
    for check in ("cluster", "read rights", "write rights", "no right to Secrets"):
        assert found[check]["state"] == "ok", done.stdout
    assert f"127.0.0.1:{way.port}" in found["cluster"]["message"]


def test_the_server_says_that_the_account_may_do_what_is_declared_and_nothing_else(
    api: client.ApiClient, first_token: str
) -> None:
    theirs = client.Configuration()
    theirs.host, theirs.ssl_ca_cert = api.configuration.host, api.configuration.ssl_ca_cert
    theirs.api_key = {"authorization": f"Bearer {first_token}"}
    with client.ApiClient(theirs) as account:
        asked = {"spec": {"namespace": "default"}}
        answer = client.AuthorizationV1Api(account).create_self_subject_rules_review(asked)
    rules = answer.status.resource_rules
    # What every account may do, by the server's own role system:basic-user: ask about itself.
    ours = [
        rule for rule in rules if not {"authorization.k8s.io", "authentication.k8s.io"} & {*rule.api_groups}
    ]
    may = {
        Right(verb, group, resource)
        for rule in ours
        for verb in rule.verbs
        for group in rule.api_groups
        for resource in rule.resources
    }
    assert may == READ | MEND
    assert not answer.status.incomplete


@contextmanager
def daemon(way: Forwarder, credentials: Credentials, settings: Path) -> Iterator[Callable[[], Any]]:
    """The daemon in its pod; the value asks for its status, None while it does not answer."""
    with (settings.parent / "log").open("wb") as log:
        process = subprocess.Popen(
            in_pod(credentials.folder, *INTENTD, "run", "-f", settings),
            env=pod_environment("127.0.0.1", way.port),
            stderr=log,
        )

    def status() -> Any:
        told = subprocess.run(
            [*INTENTD, "status", "-o", "json", "-f", settings], capture_output=True, timeout=30, check=False
        )
        return json.loads(told.stdout) if told.returncode == 0 else None

    try:
        yield status
        process.terminate()
        assert process.wait(15) == 0
    finally:
        process.kill()
        process.wait()


def reads_all(status: Callable[[], Any]) -> bool:
    told: Mapping[str, Any] | None = status()
    return told is not None and told["intents"] == 1 and told["unknown"] == []


def asked_with(audit_log: Path, token: str, since: datetime = EVER) -> int:
    """How many requests that came since then the server let through for this very token."""
    name = credential_id(token)
    entries = [
        json.loads(line) for line in audit_log.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")
    ]
    return sum(
        name in _credential_ids(entry)
        and entry.get("responseStatus", {}).get("code", 500) < 400
        and datetime.fromisoformat(entry["requestReceivedTimestamp"])
        > since  # a watch ends long after it came
        for entry in entries
    )


def _credential_ids(entry: Mapping[str, Any]) -> list[str]:
    extra: Mapping[str, list[str]] = entry["user"].get("extra") or {}
    return extra.get("authentication.kubernetes.io/credential-id", [])


def refused(api: client.ApiClient, token: str) -> bool:
    theirs = client.Configuration()
    theirs.host, theirs.ssl_ca_cert = api.configuration.host, api.configuration.ssl_ca_cert
    theirs.api_key = {"authorization": f"Bearer {token}"}
    with client.ApiClient(theirs) as account:
        try:
            client.CoreV1Api(account).list_pod_for_all_namespaces(limit=1)
        except client.ApiException as error:
            return bool(error.status == 401)
    return False


def test_a_token_that_was_replaced_and_revoked_is_followed_by_the_next_one(
    practice: Cluster,
    api: client.ApiClient,
    way: Forwarder,
    credentials: Credentials,
    first_token: str,
    settings: Path,
) -> None:
    audit_log = practice.audit_log
    if audit_log is None:
        pytest.skip(f"the provider {practice.provider.name} has no audit log")
    log = settings.parent / "log"
    with daemon(way, credentials, settings) as status:
        assert wait_until(lambda: reads_all(status), 60, 0.5), log.read_text()
        assert asked_with(audit_log, first_token) > 0

        second_token = bound_token(api, "token-2")
        credentials.replace(second_token)
        client.CoreV1Api(api).delete_namespaced_secret("token-1", "intentd")  # its token dies with it
        wait_for("the end of the first token", lambda: refused(api, first_token), 60, 0.5)
        cut_at = datetime.now(UTC)
        way.cut()

        assert wait_until(lambda: asked_with(audit_log, second_token, cut_at) > 0, 60, 0.5), log.read_text()
        assert wait_until(lambda: reads_all(status), 60, 0.5), log.read_text()
    assert asked_with(audit_log, first_token, cut_at) == 0


def test_without_a_token_it_says_what_to_mount(way: Forwarder, settings: Path, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    done = subprocess.run(
        in_pod(tmp_path / "nothing", *INTENTD, "run", "--once", "-f", settings),
        env=pod_environment("127.0.0.1", way.port),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 3
    assert "automountServiceAccountToken" in done.stderr
    assert "Traceback" not in done.stderr
