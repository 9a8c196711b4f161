"""A real node: containerd and kubelet with their own folders, sockets and cgroups, beside whatever the host runs."""

from __future__ import annotations

import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

import yaml

from gym import cleanup, network
from gym.build import program
from gym.controlplane import answers
from gym.image import PAUSE, archive, workload_program
from gym.instance import Instance, free_ports
from gym.network import Network
from gym.paths import GymError
from gym.pki import Authority, write_kubeconfig
from gym.processes import Process, start, wait_ready

_SNAPSHOTTERS_UNUSED = ("aufs", "btrfs", "devmapper", "zfs")


def socket_path(instance: Instance) -> Path:
    return instance.path("containerd", "s.sock")


def start_containerd(instance: Instance, addresses: Network) -> Process:
    """Start containerd and the registry that has nothing; returns when its socket answers."""
    registry = f"127.0.0.1:{free_ports(1)[0]}"
    start(instance, "registry", [workload_program(), "registry"], env={"LISTEN": registry})
    _write_network_plugins(instance, addresses)
    hosts = instance.path("containerd", "certs.d", "_default", "hosts.toml")
    hosts.parent.mkdir(parents=True, exist_ok=True)
    hosts.write_text(
        f'server = "http://{registry}"\n\n[host."http://{registry}"]\n  capabilities = ["pull", "resolve"]\n'
    )
    config = instance.path("containerd", "config.toml")
    config.write_text(_containerd_config(instance))
    process = start(instance, "containerd", [_host_program("containerd"), "--config", config])
    wait_ready(instance, process, lambda: _connects(socket_path(instance)), 20)
    return process


def load_archive(instance: Instance, path: Path) -> None:
    """Import an OCI archive into this instance's containerd, for the kubelet to see."""
    done = subprocess.run(
        [
            _host_program("ctr"),
            f"--address={socket_path(instance)}",
            "--namespace=k8s.io",
            "images",
            "import",
            "--no-unpack",
            str(path),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if done.returncode:
        raise GymError(f"containerd refused {path.name}: {done.stderr.strip()[-400:]}")


def load_standard_images(instance: Instance) -> None:
    load_archive(instance, archive())


def start_kubelet(instance: Instance, authority: Authority, addresses: Network, server: str) -> Process:
    """Start the kubelet; returns when it is healthy (the node registers itself a moment later)."""
    pki = instance.path("pki")
    authority.issue("kubelet", f"system:node:{instance.node}", "system:nodes")
    authority.issue("kubelet-server", instance.node, hosts=(addresses.gateway, instance.node))
    own = instance.path("pki", "kubelet.kubeconfig")
    write_kubeconfig(own, server=server, pki=pki, user="kubelet", context=f"gym-{instance.name}")
    port, health = free_ports(1, addresses.gateway)[0], free_ports(1)[0]
    instance.update(kubelet=f"{addresses.gateway}:{port}")
    config = instance.path("kubelet.yaml")
    config.write_text(yaml.safe_dump(_kubelet_config(instance, addresses, port, health)))
    cleanup.create_cgroups(instance)
    process = start(
        instance,
        "kubelet",
        [
            program("kubelet"),
            f"--config={config}",
            f"--kubeconfig={own}",
            f"--root-dir={instance.path('kubelet')}",
            f"--cert-dir={instance.path('pki', 'kubelet')}",
            f"--hostname-override={instance.node}",
            f"--node-ip={addresses.gateway}",
            f"--containerd={socket_path(instance)}",  # cAdvisor's own way to a container's name and pod
            "--housekeeping-interval=2s",  # cAdvisor's default of 10 s is slower than a practice
        ],
    )
    wait_ready(
        instance, process, lambda: answers(instance, f"https://{addresses.gateway}:{port}/healthz"), 30
    )
    return process


def why_not() -> str | None:
    """What this host lacks for real containers besides Debian packages; None if nothing is seen to lack."""
    if not Path("/sys/fs/cgroup").is_dir():
        return "there is no cgroup file system"
    if "overlay" not in Path("/proc/filesystems").read_text():
        return "the kernel has no overlayfs"
    return None


def _host_program(name: str) -> Path:
    found = shutil.which(name, path="/usr/bin:/usr/sbin:/usr/local/bin:/usr/local/sbin:/bin:/sbin")
    if found is None:
        raise GymError(f"{name} is not installed", "apt-get install containerd runc")
    return Path(found)


def _connects(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(path))
        except OSError:
            return False
    return True


def _write_network_plugins(instance: Instance, addresses: Network) -> None:
    folder = instance.path("cni", "net.d")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "10-gym.conflist").write_text(network.cni_config(instance, addresses))


def _containerd_config(instance: Instance) -> str:
    """TOML. The two settings that a VM without CAP_SYS_RESOURCE needs are restrict_oom_score_adj and
    our own roots; netns_mounts_under_state_dir lets `down` find the pods' network namespaces."""
    disabled = [f"io.containerd.snapshotter.v1.{name}" for name in _SNAPSHOTTERS_UNUSED]
    cri = '[plugins."io.containerd.grpc.v1.cri"'
    return f"""version = 2
root = "{instance.path("containerd", "root")}"
state = "{instance.path("containerd", "state")}"
disabled_plugins = {disabled!r}

[grpc]
  address = "{socket_path(instance)}"

[debug]
  level = "warn"

[plugins."io.containerd.internal.v1.opt"]
  path = "{instance.path("containerd", "opt")}"

{cri}]
  sandbox_image = "{PAUSE}"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  disable_apparmor = true
  enable_selinux = false
  max_concurrent_downloads = 2

{cri}.containerd]
  snapshotter = "overlayfs"
  default_runtime_name = "runc"

{cri}.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

{cri}.containerd.runtimes.runc.options]
  SystemdCgroup = false
  BinaryName = "{_host_program("runc")}"
  Root = "{instance.path("containerd", "runc")}"

{cri}.cni]
  bin_dir = "{_plugin_folder()}"
  conf_dir = "{instance.path("cni", "net.d")}"

{cri}.registry]
  config_path = "{instance.path("containerd", "certs.d")}"
"""


def _plugin_folder() -> Path:
    for folder in (Path("/usr/lib/cni"), Path("/opt/cni/bin")):
        if (folder / "bridge").exists():
            return folder
    raise GymError("the CNI plugins are not installed", "apt-get install containernetworking-plugins")


def _kubelet_config(instance: Instance, addresses: Network, port: int, health: int) -> dict[str, Any]:
    pki = instance.path("pki")
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": addresses.gateway,
        "port": port,
        "healthzBindAddress": "127.0.0.1",
        "healthzPort": health,
        "readOnlyPort": 0,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(pki / "kubelet-server.crt"),
        "tlsPrivateKeyFile": str(pki / "kubelet-server.key"),
        "containerRuntimeEndpoint": f"unix://{socket_path(instance)}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{instance.cgroup}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "enforceNodeAllocatable": [],
        "makeIPTablesUtilChains": False,
        "localStorageCapacityIsolation": False,
        "evictionHard": {},
        "imageGCHighThresholdPercent": 100,  # there is no registry to fetch them from again
        "serializeImagePulls": False,
        "podLogsDir": str(instance.path("pod-logs")),
        "volumePluginDir": str(instance.path("kubelet-plugins")),
        "resolvConf": "",
        "maxPods": 250,
        "shutdownGracePeriod": "0s",
        "enableServer": True,
    }
