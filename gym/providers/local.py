"""Provider `local`: a whole cluster with real containers on this machine, as root, without Docker."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gym import cleanup, debian, network, node
from gym.controlplane import kubeconfig, make_credentials, start_control_plane
from gym.instance import Instance
from gym.processes import kill_all, marked
from gym.providers.base import Capabilities, Report, Status
from gym.providers.hosted import hosted_status
from gym.ready import wait_for_node


class LocalProvider:
    """etcd to kubelet, all ours, all below the instance's folder."""

    name = "local"
    capabilities = Capabilities(real_containers=True, audit_log=True, metrics=True, own_cluster=True)
    needs: tuple[str, ...] = ("kubernetes", "etcd")

    def why_not(self) -> str | None:
        if os.geteuid() != 0:
            return "real containers need root"
        if debian.missing(debian.LOCAL) and (reason := debian.why_not()):
            return reason
        return node.why_not()

    def up(self, instance: Instance, report: Report) -> None:
        if added := debian.ensure(debian.LOCAL):
            report(f"installed {', '.join(added)}")
        report("bridge and certificates")
        addresses = network.create(instance)
        authority = make_credentials(instance, hosts=(addresses.gateway,))
        report("etcd, API server, containerd")
        with ThreadPoolExecutor(2) as pool:
            runtime = pool.submit(_start_runtime, instance, addresses)
            server = start_control_plane(
                instance, services=addresses.services, advertise=addresses.gateway, kubelet=True
            )
            report("kubelet")
            runtime.result()
        node.start_kubelet(instance, authority, addresses, server)
        report("node")
        wait_for_node(kubeconfig(instance), instance.node)

    def down(self, instance: Instance, report: Report) -> None:
        report("processes")
        kill_all(instance, lambda: cleanup.cgroup_pids(instance))
        report("mounts, network, folders")
        cleanup.remove_strays(instance)
        cleanup.unmount(instance)
        network.remove(instance)
        cleanup.remove_cgroups(instance)
        cleanup.remove_home(instance)

    def status(self, instance: Instance) -> Status:
        return hosted_status(instance, self.name, leftovers(instance))

    def load_image(self, instance: Instance, archive: Path) -> None:
        node.load_archive(instance, archive)


def leftovers(instance: Instance) -> tuple[str, ...]:
    """Everything of the instance that is on this host now, in words; empty after a good `down`."""
    found = [f"process {pid}" for pid in sorted({*marked(instance), *cleanup.cgroup_pids(instance)})]
    found += [f"mount {point}" for point in cleanup.mounts(instance)]
    found += [f"bridge {instance.bridge}"] if network.present(instance) else []
    found += [f"cgroup {root}" for root in cleanup.cgroup_roots(instance)]
    found += [f"folder {instance.home}"] if instance.exists else []
    return tuple(found)


def _start_runtime(instance: Instance, addresses: network.Network) -> None:
    node.start_containerd(instance, addresses)
    node.load_standard_images(instance)
