"""`intentd run` as a service manager sees it: ready, alive, stopping; and gone within 10 s of SIGTERM."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from gym.cluster import Cluster
from store.ledger import Ledger
from store.projection import SystemEvent
from store.queries import newest_steps

DRAINED = 10.0
KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: here
clusters: [{{name: here, cluster: {{server: "http://127.0.0.1:{port}"}}}}]
users: [{{name: me, user: {{token: nobody}}}}]
contexts: [{{name: here, context: {{cluster: here, user: me}}}}]
"""
INTENT = """
apiVersion: intentd.io/v1alpha1
kind: Intent
metadata: {name: all-run}
spec:
  scope: {namespace: default}
  expectations: [{type: workloadHealthy}]
"""


class Manager:
    """The service manager's end of $NOTIFY_SOCKET."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self.heard: list[str] = []

    def wait(self, message: str, seconds: float, count: int = 1) -> bool:
        """Whether so many of a message have come since the beginning, within a time."""
        deadline = time.monotonic() + seconds
        while self.heard.count(message) < count:
            self._socket.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                self.heard.append(self._socket.recv(4096).decode())
            except TimeoutError:
                return False
        return True

    def close(self) -> None:
        self._socket.close()


@contextmanager
def running(
    folder: Path, kubeconfig: Path, address: str | None = None
) -> Iterator[tuple[subprocess.Popen[bytes], Manager]]:
    """The daemon under a manager, killed at the latest when the block ends."""
    (folder / "intents").mkdir()
    (folder / "intents" / "all-run.yaml").write_text(INTENT)
    settings = {
        "intents": str(folder / "intents"),
        "database": str(folder / "ledger.db"),
        "socket": str(folder / "c.sock"),
        "kill_switch": str(folder / "kill-switch"),
        "look_interval": "1s",
        "kubernetes": {"kubeconfig": str(kubeconfig)},
        "http": {"port": 0},
    }
    (folder / "settings.yaml").write_text(yaml.safe_dump(settings))
    address = address or str(folder / "notify")
    manager = Manager(address)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "from daemon.cli import main; main()",
                "run",
                "-f",
                folder / "settings.yaml",
            ],
            env={**os.environ, "NOTIFY_SOCKET": address},
            stderr=log,
        )
        try:
            yield process, manager
        finally:
            process.kill()
            process.wait()
            manager.close()


def stop(process: subprocess.Popen[bytes], number: int = signal.SIGTERM) -> float:
    """Ask it to end; answers the seconds that it took."""
    began = time.monotonic()
    process.send_signal(number)
    process.wait(timeout=30)
    return time.monotonic() - began


def ends(folder: Path) -> list[str]:
    store = Ledger.open_read_only(folder / "ledger.db")
    try:
        assert store.verify().intact
        return [step.event for step in newest_steps(store) if step.event.startswith("daemon-")]
    finally:
        store.close()


@pytest.mark.cluster
@pytest.mark.parametrize("abstract", [False, True])
def test_on_a_cluster_it_is_ready_feeds_the_watchdog_and_drains_within_ten_seconds(
    tmp_path: Path, practice: Cluster, abstract: bool
) -> None:
    address = f"@intentd-test-{os.getpid()}" if abstract else None
    with running(tmp_path, practice.kubeconfig, address) as (process, manager):
        assert manager.wait("READY=1", 30), (tmp_path / "log").read_text()
        assert manager.wait("WATCHDOG=1", 15, count=3), (tmp_path / "log").read_text()
        took = stop(process)
        assert manager.wait("STOPPING=1", 1)
    assert process.returncode == 0
    assert took < DRAINED
    assert manager.heard.index("READY=1") == min(
        place for place, message in enumerate(manager.heard) if message != "WATCHDOG=1"
    )
    assert ends(tmp_path) == [SystemEvent.STARTED, SystemEvent.STOPPED]
    assert not (tmp_path / "c.sock").exists()


def test_without_a_cluster_it_is_ready_all_the_same_and_drains_within_ten_seconds(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        (tmp_path / "kubeconfig").write_text(KUBECONFIG.format(port=nobody.getsockname()[1]))
        with running(tmp_path, tmp_path / "kubeconfig") as (process, manager):
            assert manager.wait("READY=1", 30), (tmp_path / "log").read_text()
            assert manager.wait("WATCHDOG=1", 15, count=2), (tmp_path / "log").read_text()
            assert stop(process) < DRAINED
    assert process.returncode == 0
    assert ends(tmp_path) == [SystemEvent.STARTED, SystemEvent.STOPPED]


def test_with_a_cluster_that_accepts_and_never_answers_it_drains_within_ten_seconds(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        (tmp_path / "kubeconfig").write_text(KUBECONFIG.format(port=silent.getsockname()[1]))
        with running(tmp_path, tmp_path / "kubeconfig") as (process, manager):
            assert manager.wait("READY=1", 30), (tmp_path / "log").read_text()
            assert manager.wait("WATCHDOG=1", 15, count=2), (tmp_path / "log").read_text()
            assert stop(process) < DRAINED
    assert process.returncode == 0


def test_after_kill_9_it_starts_again_from_its_ledger(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        (tmp_path / "kubeconfig").write_text(KUBECONFIG.format(port=nobody.getsockname()[1]))
        with running(tmp_path, tmp_path / "kubeconfig") as (process, manager):
            assert manager.wait("WATCHDOG=1", 30)
            stop(process, signal.SIGKILL)
        (tmp_path / "intents" / "all-run.yaml").unlink()
        (tmp_path / "intents").rmdir()
        (tmp_path / "notify").unlink()
        with running(tmp_path, tmp_path / "kubeconfig") as (process, manager):
            assert manager.wait("READY=1", 30), (tmp_path / "log").read_text()
            assert stop(process, signal.SIGINT) < DRAINED
    assert process.returncode == 0
    assert ends(tmp_path) == [SystemEvent.STARTED, SystemEvent.STARTED, SystemEvent.STOPPED]


INTERRUPTED = """
import os, signal, threading
from daemon.clock import SystemClock
from daemon.supervisor import Supervisor

stop = threading.Event()
Supervisor(SystemClock(), stop, crashed=print).handle_signals()
with stop._cond:  # as the main thread stands for an instant on its way into and out of `wait`
    os.kill(os.getpid(), signal.SIGTERM)
    for _ in range(10_000):
        pass
raise SystemExit(0 if stop.wait(10) else 1)
"""


def test_a_signal_while_the_main_thread_holds_the_event_that_it_would_set_still_drains() -> None:
    ended = subprocess.run([sys.executable, "-c", INTERRUPTED], timeout=30, check=False)
    assert ended.returncode == 0
