"""Each way in which a cluster cannot be reached is a sentence that says whose turn it is."""

from __future__ import annotations

import json
import socket
import ssl
import stat
import subprocess
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from daemon.clock import SystemClock
from daemon.kube.cluster import KubeCluster
from daemon.kube.connect import connect
from daemon.kube.errors import ClusterError
from detectors.model import Gap, ObjectRef, Turn
from tests.daemon.kube.chaos import answer, page, pod, status

WEB = ObjectRef("Pod", "shop", "web")


def kubeconfig(folder: Path, server: str, user: dict | None = None, **cluster) -> Path:
    path = folder / "config"
    path.write_text(
        json.dumps(
            {
                "current-context": "here",
                "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
                "clusters": [{"name": "c", "cluster": {"server": server, **cluster}}],
                "users": [{"name": "u", "user": user or {"token": "t"}}],
            }
        )
    )
    return path


def read(path: Path, **settings) -> Gap:
    cluster = KubeCluster(connect(path), SystemClock(), **settings)
    found = cluster.read(WEB)
    assert isinstance(found, Gap)
    return found


@pytest.mark.parametrize(
    ("content", "said", "remedy"),
    [
        (None, "no kubeconfig at", "kubernetes.kubeconfig"),
        ("", "is empty", "kubectl config view"),
        ("a: [", "ParserError", "kubectl config view"),
        ("just text", "cannot be used", "kubectl config view"),
        ("current-context: nowhere\ncontexts: []\nclusters: []\nusers: []", "nowhere", "get-contexts"),
        ("contexts: []\nclusters: []\nusers: []", "current-context", "use-context"),
    ],
)
def test_an_unusable_kubeconfig_names_the_file_and_the_remedy(tmp_path, content, said, remedy):
    path = tmp_path / "config"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ClusterError) as caught:
        connect(path)
    assert str(path) in str(caught.value)
    assert said in str(caught.value)
    assert remedy in caught.value.remedy
    assert caught.value.turn is Turn.OPERATOR


def test_an_unknown_context_names_itself(tmp_path):
    with pytest.raises(ClusterError, match="prod"):
        connect(kubeconfig(tmp_path, "https://127.0.0.1:1"), context="prod")


def test_a_refused_connection_is_ours_to_retry(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    gap = read(kubeconfig(tmp_path, f"http://127.0.0.1:{port}"))
    assert (gap.reason, gap.turn) == ("Unreachable", Turn.OURS)
    assert "refuses connections" in gap.message


def test_a_server_that_never_answers_times_out(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        path = kubeconfig(tmp_path, f"http://127.0.0.1:{mute.getsockname()[1]}")
        gap = read(path, read_timeout=0.3)
    assert (gap.reason, gap.turn) == ("TimedOut", Turn.OURS)


def test_an_untrusted_certificate_is_the_operator_s_turn(tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *subject]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with suppress(OSError):
                context.wrap_socket(listening.accept()[0], server_side=True)

        threading.Thread(target=serve, daemon=True).start()
        gap = read(kubeconfig(tmp_path, f"https://127.0.0.1:{listening.getsockname()[1]}"))
    assert gap.turn is Turn.OPERATOR
    assert "no trusted connection" in gap.message
    assert "certificate-authority-data" in gap.message


def test_rights_that_are_missing_are_told_in_the_server_s_words(server, tmp_path):
    server.lists.append(status(403, "Forbidden", 'User "intentd" cannot get pods'))
    gap = read(kubeconfig(tmp_path, server.url))
    assert (gap.reason, gap.turn) == ("Forbidden", Turn.OPERATOR)
    assert 'User "intentd" cannot get pods' in gap.message


def test_a_token_that_was_renewed_on_disk_is_used_after_one_401(server, tmp_path):
    token = tmp_path / "token"
    token.write_text("old")

    def check(handler):
        if handler.headers["Authorization"] == "Bearer new":
            answer(200, pod("web", "1"))(handler)
        else:
            token.write_text("new")
            status(401, "Unauthorized", "expired")(handler)

    server.lists.extend([check, check])
    cluster = KubeCluster(connect(kubeconfig(tmp_path, server.url, {"tokenFile": str(token)})), SystemClock())
    assert cluster.read(WEB)["metadata"]["name"] == "web"


def test_a_token_that_stays_expired_is_asked_about_twice_and_not_more(server, tmp_path):
    server.lists.extend([status(401, "Unauthorized", "expired")] * 5)
    gap = read(kubeconfig(tmp_path, server.url))
    assert (gap.reason, gap.turn) == ("Unauthorized", Turn.OPERATOR)
    assert len(server.requests) == 2


def exec_plugin(folder: Path, script: str) -> dict:
    plugin = folder / "plugin"
    plugin.write_text(f"#!/bin/sh\n{script}\n")
    plugin.chmod(plugin.stat().st_mode | stat.S_IXUSR)
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin), "args": []}}


def test_an_exec_plugin_gives_the_token(server, tmp_path):
    credential = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": "from-plugin"},
    }
    user = exec_plugin(tmp_path, f"echo '{json.dumps(credential)}'")
    server.lists.append(page([], "1"))
    KubeCluster(connect(kubeconfig(tmp_path, server.url, user)), SystemClock()).read(WEB)
    assert server.requests[0][2] == "Bearer from-plugin"


def test_an_exec_plugin_that_fails_is_named_as_the_reason(server, tmp_path):
    user = exec_plugin(tmp_path, "echo 'sso session has expired' >&2; exit 1")
    server.lists.append(status(403, "Forbidden", 'User "system:anonymous" cannot get pods'))
    gap = read(kubeconfig(tmp_path, server.url, user))
    assert (gap.reason, gap.turn) == ("Unauthorized", Turn.OPERATOR)
    assert "sso session has expired" in gap.message


def test_the_operator_s_kubeconfig_is_not_rewritten(server, tmp_path):
    path = kubeconfig(tmp_path, server.url)
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    connect(path)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
