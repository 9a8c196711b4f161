"""What the providers that run a control plane of their own on this machine share."""

from __future__ import annotations

from gym import cleanup
from gym.controlplane import answers, kubeconfig
from gym.instance import Instance
from gym.paths import GymError
from gym.processes import kill_all, recorded
from gym.providers.base import Report, Status


def down_hosted(instance: Instance, report: Report) -> None:
    """End the instance's processes and delete its folder; enough where there were no containers."""
    report("processes")
    kill_all(instance)
    report("folders")
    cleanup.remove_home(instance)


def hosted_status(instance: Instance, provider: str, leftovers: tuple[str, ...]) -> Status:
    """Status read from the record, the process table and the API server itself."""
    record = instance.read()
    server = str(record.get("server", ""))
    up = False
    if server and record.get("ready"):
        try:
            up = answers(instance, f"{server}/readyz")
        except (GymError, OSError):
            up = False  # a stranger on that port, or certificates that are gone: not ours, so not up
    return Status(
        instance=instance.name,
        provider=provider,
        up=up,
        server=server,
        kubeconfig=str(kubeconfig(instance)) if up else "",
        processes=tuple((p.name, p.pid, p.alive) for p in recorded(instance)),
        prometheus=str(record.get("prometheus", "")),
        ollama=str(record.get("ollama", "")),
        leftovers=() if up else leftovers,
    )
