"""A program under measurement: started as a process of its own, its lines stamped as they arrive, its CPU and
memory read from /proc."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from daemon.control import call
from gym.cluster import Cluster
from gym.instance import MARKER, free_ports
from gym.rights import grant

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Line:
    """A JSON line that the program wrote. `at` is CLOCK_MONOTONIC, which all processes share."""

    at: float
    content: dict[str, Any]


class Program:
    """A running program that writes JSON lines on its standard error."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        self._child = subprocess.Popen(
            command,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env={**os.environ, **(environment or {})},
        )
        self._lines: queue.Queue[Line | None] = queue.Queue()
        self.log: list[bytes] = []
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self._child.stderr is not None
        for raw in self._child.stderr:
            at = time.monotonic()
            self.log.append(raw)
            try:
                content = json.loads(raw)
            except ValueError:
                continue
            self._lines.put(Line(at, content))
        self._lines.put(None)

    def wait_for(self, seconds: float, **wanted: Any) -> Line:
        """The next line with these values; those before it are thrown away. SystemExit where none comes."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            try:
                line = self._lines.get(timeout=left)
            except queue.Empty:
                break
            if line is None:
                break
            if all(line.content.get(key) == value for key, value in wanted.items()):
                return line
        said = b"".join(self.log[-20:]).decode("utf-8", "replace")
        raise SystemExit(f"no line with {wanted} within {seconds:.0f} s; the program said:\n{said}")

    def drain(self) -> None:
        """Forget the lines that have come so far."""
        while not self._lines.empty():
            self._lines.get_nowait()

    @property
    def cpu(self) -> float:
        """Seconds of CPU used so far, user and system, all threads."""
        fields = Path(f"/proc/{self._child.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory(self, what: str = "VmRSS") -> float:
        """MB (10^6 bytes) of the process: VmRSS now, VmHWM at its highest."""
        for line in Path(f"/proc/{self._child.pid}/status").read_text().splitlines():
            if line.startswith(what + ":"):
                return int(line.split()[1]) * 1024 / 1e6
        raise SystemExit(f"no {what} of process {self._child.pid}")

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Takes no CPU during the block (SIGSTOP), so that what is measured beside it has the machine alone."""
        self._child.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._child.send_signal(signal.SIGCONT)

    def end(self) -> None:
        """SIGTERM, and KILL where it does not drain."""
        self._child.terminate()
        try:
            self._child.wait(12)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()


@contextmanager
def program(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Iterator[Program]:
    """Ended with the block."""
    running = Program(command, environment)
    try:
        yield running
    finally:
        running.end()


@contextmanager
def daemon(
    running: Cluster,
    folder: Path,
    intents: Mapping[str, str],
    *,
    kubeconfig: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Iterator[Program]:
    """`intentd run` with its shipped defaults but for `overrides`, under the rights of deploy/manifests (or with
    another kubeconfig), on a fresh ledger: `folder`/ledger.db."""
    (folder / "intents").mkdir(parents=True)
    for name, text in intents.items():
        (folder / "intents" / name).write_text(text)
    if kubeconfig is None:
        kubeconfig = folder / "kubeconfig"
        grant(running.kubeconfig, kubeconfig)
    settings = {
        "intents": str(folder / "intents"),
        "database": str(folder / "ledger.db"),
        "socket": str(folder / "control.sock"),
        "kill_switch": str(folder / "kill-switch"),
        "log_format": "json",
        "kubernetes": {"kubeconfig": str(kubeconfig)},
        "http": {"port": free_ports(1)[0]},
        **(overrides or {}),
    }
    (folder / "settings.yaml").write_text(yaml.safe_dump(settings))
    command = [sys.executable, "-c", "from daemon.cli import main; main()", "run", "-f"]
    marker = {MARKER: str(running.instance.home)}  # `gym down` finds it, should we be killed
    with program([*command, str(folder / "settings.yaml")], marker) as started:
        started.wait_for(60, event="running")
        yield started


FREE_HAND: Mapping[str, Any] = {
    "cluster_changes": 10_000,
    "namespace_changes": 10_000,
    "fault_class_changes": 10_000,
}
"""Ceilings that hundreds of incidents in minutes do not reach; the guards count and compare all the same."""


def trust(folder: Path) -> None:
    """Let the daemon of this folder act by itself, whatever the fault class and the weights."""
    call(folder / "control.sock", "grant", weights="*", mode="auto", reason="benchmark")
