"""What every provider of a practice cluster can do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gym.instance import Instance

Report = Callable[[str], None]
"""Called with a few words at each step of `up` and `down`, for a person who waits."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What scenarios may count on. The strongest provider available is chosen by the number of these."""

    real_containers: bool = False  # processes run, crash, log and are killed for memory
    audit_log: bool = False  # a file with every request to the API server
    metrics: bool = False  # Prometheus on this host reaches pods, kubelet and kube-state-metrics
    own_cluster: bool = False  # nodes, cluster roles and all namespaces are ours to change


@dataclass(frozen=True, slots=True)
class Status:
    """How an instance is. `up` means that the API server answers as ours."""

    instance: str
    provider: str
    up: bool
    server: str = ""
    kubeconfig: str = ""
    processes: tuple[tuple[str, int, bool], ...] = ()  # name, pid, alive
    prometheus: str = ""
    ollama: str = ""
    leftovers: tuple[str, ...] = ()  # what a start that did not finish, or a crash, has left


class Provider(Protocol):
    """One way to run a practice cluster. `down` may be called at any time, any number of times."""

    name: str
    capabilities: Capabilities
    needs: tuple[str, ...]  # parts to build first (gym.parts_list)

    def why_not(self) -> str | None:
        """Why this provider can't be used here, in one sentence; None where it can."""

    def up(self, instance: Instance, report: Report) -> None:
        """Start a cluster and return when it takes work; writes instance.path("kubeconfig")."""

    def down(self, instance: Instance, report: Report) -> None:
        """Remove every process, mount, interface and file of the instance, whatever happened to it."""

    def status(self, instance: Instance) -> Status:
        """How it is now, looked at and not remembered."""

    def load_image(self, instance: Instance, archive: Path) -> None:
        """Make the images of an OCI archive available to the cluster's nodes."""
