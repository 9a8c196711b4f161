"""Provider `kind`: real containers in a Docker engine that is already there, by the `kind` program on PATH.

No Prometheus on this host reaches its pods, and its audit log stays inside; scenarios that need those run on
`local`. kind pulls its node image itself, so the first start needs the network.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import yaml

from gym import cleanup
from gym.image import archive as standard_archive
from gym.instance import Instance
from gym.paths import GymError
from gym.processes import kill_all
from gym.providers.base import Capabilities, Report, Status
from gym.ready import wait_for_node


class KindProvider:
    """One single-node kind cluster an instance."""

    name = "kind"
    capabilities = Capabilities(real_containers=True, own_cluster=True)
    needs: tuple[str, ...] = ()

    def why_not(self) -> str | None:
        if shutil.which("docker") is None:
            return "there is no docker program"
        if shutil.which("kind") is None:
            return "there is no kind program"
        if _run("docker", "info", "--format", "{{.ServerVersion}}").returncode:
            return "the Docker engine does not answer"
        return None

    def up(self, instance: Instance, report: Report) -> None:
        report("kind cluster")
        kubeconfig = instance.path("kubeconfig")
        name = _cluster(instance)
        _must(
            _run(
                "kind", "create", "cluster", "--name", name, "--kubeconfig", str(kubeconfig), "--wait", "120s"
            )
        )
        report("images")
        self.load_image(instance, standard_archive())
        report("node")
        wait_for_node(kubeconfig, f"{name}-control-plane", 120)
        instance.update(server=_server(kubeconfig))

    def down(self, instance: Instance, report: Report) -> None:
        report("kind cluster")
        if shutil.which("kind"):
            _must(_run("kind", "delete", "cluster", "--name", _cluster(instance)))
        kill_all(instance)
        cleanup.remove_home(instance)

    def status(self, instance: Instance) -> Status:
        kubeconfig = instance.path("kubeconfig")
        running = _cluster(instance) in _run("kind", "get", "clusters").stdout.split()
        up = running and bool(instance.read().get("ready"))
        left = [f"kind cluster {_cluster(instance)}"] if running and not up else []
        left += [f"folder {instance.home}"] if instance.exists and not up else []
        server = str(instance.read().get("server", ""))
        return Status(
            instance.name, self.name, up, server, str(kubeconfig) if up else "", leftovers=tuple(left)
        )

    def load_image(self, instance: Instance, archive: Path) -> None:
        _must(_run("kind", "load", "image-archive", str(archive), "--name", _cluster(instance)))


def _cluster(instance: Instance) -> str:
    """kind's clusters are the engine's: the tag keeps two state folders apart."""
    return f"intentd-{instance.name}-{instance.tag}"


def _server(kubeconfig: Path) -> str:
    document = yaml.safe_load(kubeconfig.read_text())
    return str(document["clusters"][0]["cluster"]["server"])


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(command, 1, "", str(error))


def _must(done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["nothing was said"])[-1]
        raise GymError(f"{' '.join(done.args[:3])} failed: {last}")
