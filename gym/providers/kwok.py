"""Provider `kwok`: a real control plane with simulated nodes; needs neither root nor containers."""

from __future__ import annotations

from pathlib import Path

from gym.controlplane import kubeconfig, make_credentials, start_control_plane
from gym.instance import Instance
from gym.kwok import add_nodes, start_kwok
from gym.processes import marked
from gym.providers.base import Capabilities, Report, Status
from gym.providers.hosted import down_hosted, hosted_status
from gym.ready import api_client, wait_for_service_account

NODES = 3


class KwokProvider:
    """etcd, API server, controller manager, scheduler and kwok, as the user who asks."""

    name = "kwok"
    capabilities = Capabilities(audit_log=True, own_cluster=True)
    needs: tuple[str, ...] = ("kubernetes", "etcd", "kwok")

    def why_not(self) -> str | None:
        return None

    def up(self, instance: Instance, report: Report) -> None:
        report("certificates")
        make_credentials(instance, hosts=())
        report("etcd, API server")
        start_control_plane(instance, services="198.19.0.0/24", advertise="127.0.0.1", kubelet=False)
        report("nodes")
        start_kwok(instance)
        add_nodes(kubeconfig(instance), NODES, tainted=False)
        with api_client(kubeconfig(instance)) as api:
            wait_for_service_account(api, "default")

    def down(self, instance: Instance, report: Report) -> None:
        down_hosted(instance, report)

    def status(self, instance: Instance) -> Status:
        left = [f"process {pid}" for pid in marked(instance)]
        left += [f"folder {instance.home}"] if instance.exists else []
        return hosted_status(instance, self.name, tuple(left))

    def load_image(self, instance: Instance, archive: Path) -> None:
        """Nothing to load: no container ever starts."""
