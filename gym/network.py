"""The bridge of a local instance and the addresses behind it, all from 198.18.0.0/15 (reserved for benchmarks).

Instance number N has pods in 198.18.N.0/24 (gateway .1, also the node's address) and service addresses in
198.19.N.0/24. The number is the first that no interface of the host uses, chosen under a host-wide lock.
"""

from __future__ import annotations

import fcntl
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gym.instance import Instance
from gym.paths import GymError

HOST_LOCK = Path("/run/intentd-gym.lock")

SYSCTLS = (
    "net/ipv4/ip_forward",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)
"""What kubelet and the bridge plugin set on the host; put back when the last instance goes."""

_SYSCTLS_BEFORE = Path("/run/intentd-gym-sysctl.json")


@dataclass(frozen=True, slots=True)
class Network:
    """Addresses of one instance."""

    number: int

    @property
    def gateway(self) -> str:
        return f"198.18.{self.number}.1"

    @property
    def pods(self) -> str:
        return f"198.18.{self.number}.0/24"

    @property
    def services(self) -> str:
        return f"198.19.{self.number}.0/24"


@contextmanager
def _host_lock() -> Iterator[None]:
    with HOST_LOCK.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def create(instance: Instance) -> Network:
    """Make the bridge with the first free subnet and bring it up. GymError if it is there already."""
    with _host_lock():
        links = _links()
        if instance.bridge in links:
            raise GymError(
                f"the bridge {instance.bridge} of {instance.name} is still there", "run `python -m gym down`"
            )
        if not _SYSCTLS_BEFORE.exists():
            _SYSCTLS_BEFORE.write_text(json.dumps(_sysctls()))
        used = {address for addresses in links.values() for address in addresses}
        number = next((n for n in range(256) if not any(_clashes(n, a) for a in used)), None)
        if number is None:
            raise GymError("all 256 subnets of 198.18.0.0/16 are in use", "stop other instances")
        network = Network(number)
        _ip("link", "add", "name", instance.bridge, "type", "bridge")
        _ip("address", "add", f"{network.gateway}/24", "dev", instance.bridge)
        _ip("link", "set", instance.bridge, "up")
        return network


def remove(instance: Instance) -> None:
    """Delete the bridge, what still hangs on it, and the plugin's notes; restore the host's settings."""
    with _host_lock():
        if instance.bridge in _links():
            for port in _ports(instance.bridge):
                _ip("link", "delete", port, check=False)  # it goes by itself when its namespace does
            _ip("link", "delete", instance.bridge, check=False)
        _remove_notes(instance)
        if not any(_is_ours(name) for name in _links()):
            _restore_sysctls()


def present(instance: Instance) -> bool:
    return instance.bridge in _links()


def network_name(instance: Instance) -> str:
    """The network's name for the plugins; it is in the name of each note that they leave."""
    return f"intentd-{instance.tag}"


def cni_config(instance: Instance, network: Network) -> str:
    """A conflist: our bridge, addresses handed out by host-local with its records in the instance's folder."""
    ipam = {
        "type": "host-local",
        "ranges": [[{"subnet": network.pods, "rangeStart": f"198.18.{network.number}.2"}]],
        "routes": [{"dst": "198.18.0.0/15"}],
        "dataDir": str(instance.path("cni", "addresses")),
    }
    bridge = {
        "type": "bridge",
        "bridge": instance.bridge,
        "isGateway": True,
        "ipMasq": False,  # no way out of this machine, and no rules left in iptables
        "hairpinMode": True,
        "ipam": ipam,
    }
    document = {"cniVersion": "1.0.0", "name": network_name(instance), "plugins": [bridge]}
    return json.dumps(document, indent=2)


def _remove_notes(instance: Instance) -> None:
    """The plugins keep a note for each pod at a fixed place; the loopback's bear only the pod's id."""
    notes = Path("/var/lib/cni/results")
    for note in notes.glob(f"{network_name(instance)}-*"):
        pod = note.name.removeprefix(f"{network_name(instance)}-").partition("-")[0]
        (notes / f"cni-loopback-{pod}-lo").unlink(missing_ok=True)
        note.unlink(missing_ok=True)
    for task in instance.path("containerd", "state", "io.containerd.runtime.v2.task", "k8s.io").glob("*"):
        (notes / f"cni-loopback-{task.name}-lo").unlink(missing_ok=True)


def _is_ours(name: str) -> bool:
    return name.startswith("itd") and len(name) == len("itd") + 8


def _clashes(number: int, address: str) -> bool:
    return address.startswith((f"198.18.{number}.", f"198.19.{number}."))


def _links() -> dict[str, list[str]]:
    """Interface name -> its IPv4 addresses."""
    found = json.loads(_ip("-json", "address", "show"))
    return {
        link["ifname"]: [a["local"] for a in link.get("addr_info", []) if "local" in a]
        for link in found
        if "ifname" in link
    }


def _ports(bridge: str) -> list[str]:
    said = _ip("-json", "link", "show", "master", bridge, check=False)
    return [link["ifname"] for link in json.loads(said or "[]") if "ifname" in link]


def _ip(*arguments: str, check: bool = True) -> str:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise GymError(f"ip {' '.join(arguments)} failed: {done.stderr.strip()}")
    return done.stdout


def _sysctls() -> dict[str, str]:
    values = {}
    for name in SYSCTLS:
        try:
            values[name] = Path("/proc/sys", name).read_text().strip()
        except OSError:
            continue
    return values


def _restore_sysctls() -> None:
    try:
        before: dict[str, str] = json.loads(_SYSCTLS_BEFORE.read_text())
    except (OSError, json.JSONDecodeError):
        return
    now = _sysctls()
    for name, value in before.items():
        if name in SYSCTLS and now.get(name, value) != value:
            try:
                Path("/proc/sys", name).write_text(value)
            except OSError:
                continue  # read-only in a container: then nothing of ours changed it either
    _SYSCTLS_BEFORE.unlink(missing_ok=True)
