"""What a kubelet gives to a pod, made by hand: a service account's token in a folder that is swapped at once, and
a process that finds it at the usual place, in a mount namespace of its own."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from kubernetes import client

NAMESPACE, ACCOUNT = "intentd", "intentd"
_ENTER = """
mount -t tmpfs -o mode=755 run /run
mkdir -p /var/run/secrets/kubernetes.io/serviceaccount
mount --bind "$1" /var/run/secrets/kubernetes.io/serviceaccount
shift
exec "$@"
"""


def why_not() -> str | None:
    """Why no process here can have the files of a pod, None where one can."""
    if os.geteuid() != 0:
        return "a mount namespace of one's own needs root"
    if shutil.which("unshare") is None:
        return "unshare is missing (apt-get install util-linux)"
    return None


def in_pod(credentials: Path, *command: str | Path) -> Sequence[str | Path]:
    """The command with these credentials mounted where a pod has them; /run is empty besides."""
    apart = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", _ENTER, "sh"]
    return [*apart, credentials, *command]


def pod_environment(host: str, port: int) -> Mapping[str, str]:
    """As a kubelet sets it; neither a kubeconfig nor a home that could hold one."""
    kept = {name: value for name, value in os.environ.items() if name not in ("KUBECONFIG", "HOME")}
    return {
        **kept,
        "KUBERNETES_SERVICE_HOST": host,
        "KUBERNETES_SERVICE_PORT": str(port),
        "HOME": "/nonexistent",
    }


def bound_token(api: client.ApiClient, secret: str) -> str:
    """A token of the daemon's account that lives as long as this Secret, which is made."""
    core = client.CoreV1Api(api)
    made = core.create_namespaced_secret(NAMESPACE, {"metadata": {"name": secret}})
    bound = {"apiVersion": "v1", "kind": "Secret", "name": secret, "uid": made.metadata.uid}
    asked = {"spec": {"audiences": [], "expirationSeconds": 3600, "boundObjectRef": bound}}
    given = core.create_namespaced_service_account_token(ACCOUNT, NAMESPACE, asked)
    return str(given.status.token)


def credential_id(token: str) -> str:
    """How the audit log names the token (authentication.kubernetes.io/credential-id)."""
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return f"JTI={claims['jti']}"


class Credentials:
    """The mounted folder. Like the kubelet's it is a set of links through `..data`, replaced as one."""

    def __init__(self, folder: Path, authority: bytes, token: str) -> None:
        self.folder, self._authority, self._generation = folder, authority, 0
        folder.mkdir()
        self.replace(token)
        for name in ("token", "ca.crt", "namespace"):
            (folder / name).symlink_to(f"..data/{name}")

    def replace(self, token: str) -> None:
        """Rotate: a whole new folder, then one rename."""
        self._generation += 1
        fresh = self.folder / f"..{self._generation}"
        fresh.mkdir()
        (fresh / "token").write_text(token)
        (fresh / "ca.crt").write_bytes(self._authority)
        (fresh / "namespace").write_text(NAMESPACE)
        link = self.folder / "..data_tmp"
        link.symlink_to(fresh.name)
        link.replace(self.folder / "..data")


class Forwarder:
    """The way to the API server, which can be cut: every connection ends, the next one is let through."""

    def __init__(self, target: tuple[str, int], host: str = "127.0.0.1") -> None:
        self._target, self.host = target, host
        self._listener = socket.create_server((host, 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        with self._lock:
            for each in self._open:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._target)
            except OSError:
                return
            with self._lock:
                self._open |= {near, far}
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for each in (source, sink):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._open -= {source}
        source.close()
