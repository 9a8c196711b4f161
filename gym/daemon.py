"""`intentd run` as a process of a practice cluster, under its own service account.

Everything that it needs and leaves lies in the instance's folder, and it carries the instance's marker, so
`down` removes it with the rest whatever happened.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from daemon.control import CommandError, NotRunning, call
from gym.cluster import Cluster
from gym.instance import free_ports
from gym.paths import GymError
from gym.processes import recorded, start, stop, wait_ready
from gym.rights import grant
from store.errors import StoreError
from store.ledger import Ledger

NAME = "intentd"
START_SECONDS = 30.0
DRAIN_SECONDS = 12.0
"""The daemon promises to drain within 10 s."""

_RUN = "from daemon.cli import main; main()"


@dataclass(frozen=True, slots=True)
class Daemon:
    """A running intentd. `folder` holds settings, intents, ledger, socket and log."""

    cluster: Cluster
    folder: Path
    account: str
    name: str = NAME

    @property
    def settings(self) -> Path:
        return self.folder / "settings.yaml"

    @property
    def intents(self) -> Path:
        return self.folder / "intents"

    @property
    def database(self) -> Path:
        return self.folder / "ledger.db"

    @property
    def log(self) -> Path:
        return self.cluster.instance.path("logs", f"{self.name}.log")

    @property
    def alive(self) -> bool:
        return any(process.alive for process in recorded(self.cluster.instance) if process.name == self.name)

    def order(self, verb: str, **arguments: Any) -> dict[str, Any]:
        """A command over the control socket. GymError where it says no or does not answer."""
        try:
            return call(self.folder / "control.sock", verb, **arguments)
        except (CommandError, NotRunning) as error:
            raise GymError(f"intentd {verb}: {error}") from error

    def drop_intent(self, name: str, text: str) -> None:
        """Put an intent file into the watched directory, whole at once."""
        part = self.folder / f".{name}.part"
        part.write_text(text)
        part.replace(self.intents / f"{name}.yaml")

    def ledger(self) -> Ledger:
        """The ledger, read-only; the caller closes it."""
        return Ledger.open_read_only(self.database)

    def stop(self) -> None:
        """SIGTERM, and wait until it has drained."""
        stop(self.cluster.instance, self.name, DRAIN_SECONDS)


def start_daemon(cluster: Cluster, overrides: Mapping[str, Any] | None = None, name: str = NAME) -> Daemon:
    """Start intentd on a cluster and return when its control socket and ledger answer.

    `overrides` are merged over the settings one level deep; several daemons need a `name` each. GymError with the
    end of its log otherwise.
    """
    instance = cluster.instance
    folder = instance.path(name)
    (folder / "intents").mkdir(parents=True, exist_ok=True)
    account = grant(cluster.kubeconfig, folder / "kubeconfig")
    daemon = Daemon(cluster, folder, account, name)
    daemon.settings.write_text(yaml.safe_dump(_settings(cluster, folder, overrides or {}), sort_keys=False))
    process = start(instance, name, [sys.executable, "-c", _RUN, "run", "-f", daemon.settings])
    wait_ready(instance, process, lambda: _answers(daemon), START_SECONDS)
    return daemon


def _answers(daemon: Daemon) -> bool:
    try:
        call(daemon.folder / "control.sock", "status", timeout=5.0)
        daemon.ledger().close()
    except (NotRunning, CommandError, StoreError, TimeoutError):
        return False
    return True


def _settings(cluster: Cluster, folder: Path, overrides: Mapping[str, Any]) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "intents": str(folder / "intents"),
        "database": str(folder / "ledger.db"),
        "socket": str(folder / "control.sock"),
        "kill_switch": str(folder / "kill-switch"),
        "look_interval": "2s",
        "log_format": "json",
        "kubernetes": {"kubeconfig": str(folder / "kubeconfig")},
        "http": {"port": free_ports(1)[0]},
    }
    if cluster.prometheus_url:
        settings["prometheus"] = {"url": cluster.prometheus_url, "interval": "3s", "timeout": "5s"}
    if cluster.ollama_url:
        settings["model"] = {"url": cluster.ollama_url}
    for name, value in overrides.items():
        merged = {**settings.get(name, {}), **value} if isinstance(value, Mapping) else value
        settings[name] = merged
    loaded: dict[str, Any] = json.loads(json.dumps(settings))
    return loaded
