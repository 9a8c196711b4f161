"""Remove what containers leave on a host when everything that managed them was killed.

Each function finds its traces by the instance's derived names alone and may run any number of times.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import shutil
import time
from pathlib import Path

from gym.instance import Instance
from gym.paths import GymError

_CGROUPS = Path("/sys/fs/cgroup")
_DETACH = 2  # MNT_DETACH: umount now, free when the last user is gone


def cgroup_roots(instance: Instance) -> list[Path]:
    """The instance's folder in every mounted hierarchy (one with cgroup v2)."""
    hierarchies = [Path(line.split()[4]) for line in _mountinfo() if " - cgroup" in line]
    return [h / instance.cgroup for h in hierarchies if (h / instance.cgroup).is_dir()]


def create_cgroups(instance: Instance) -> None:
    """kubelet wants its cgroup root to exist in each hierarchy before it starts."""
    for line in _mountinfo():
        if " - cgroup" not in line:
            continue
        folder = Path(line.split()[4]) / instance.cgroup
        _hand_down_controllers(folder.parent)
        folder.mkdir(exist_ok=True)
        if folder.parent.name == "cpuset" or (folder / "cpuset.cpus").exists():
            _inherit_cpuset(folder)


def _hand_down_controllers(root: Path) -> None:
    """Version 2: a folder has only the controllers that its parent hands down; kubelet asks for all."""
    with contextlib.suppress(OSError):
        for controller in (root / "cgroup.controllers").read_text().split():
            with contextlib.suppress(OSError):
                (root / "cgroup.subtree_control").write_text(f"+{controller}")


def _inherit_cpuset(folder: Path) -> None:
    """A new cpuset of version 1 is empty and takes no task until it is filled."""
    for name in ("cpuset.cpus", "cpuset.mems"):
        mine, parent = folder / name, folder.parent / name
        with contextlib.suppress(OSError):
            if not mine.read_text().strip():
                mine.write_text(parent.read_text())


def cgroup_pids(instance: Instance) -> list[int]:
    """Every process in the pods' cgroups: containers do not inherit our environment, only this."""
    found: set[int] = set()
    for root in cgroup_roots(instance):
        for folder, _, files in os.walk(root):
            if "cgroup.procs" in files:
                with contextlib.suppress(OSError):
                    found.update(int(pid) for pid in Path(folder, "cgroup.procs").read_text().split())
    return sorted(found - {0, os.getpid()})


def remove_cgroups(instance: Instance, seconds: float = 5.0) -> None:
    """Remove the emptied folders from the leaves up; the kernel may hold one for a moment."""
    end = time.monotonic() + seconds
    while roots := cgroup_roots(instance):
        for root in roots:
            for folder, _, _ in os.walk(root, topdown=False):
                with contextlib.suppress(OSError):
                    Path(folder).rmdir()
        if time.monotonic() > end:
            raise GymError(f"cgroups of {instance.name} are still busy: {', '.join(map(str, roots))}")
        time.sleep(0.02)


def mounts(instance: Instance) -> list[str]:
    """Mount points at or below the instance's folder, the innermost last."""
    home = str(instance.home)
    points = [_unescape(line.split()[4]) for line in _mountinfo()]
    return [point for point in points if point == home or point.startswith(home + "/")]


def unmount(instance: Instance) -> None:
    """Unmount all of them (network namespaces, overlays, volumes), stacked ones too."""
    libc = ctypes.CDLL(None, use_errno=True)
    for _ in range(50):
        points = mounts(instance)
        if not points:
            return
        for point in reversed(points):
            libc.umount2(os.fsencode(point), _DETACH)
    raise GymError(f"cannot unmount {points[-1]}: {os.strerror(ctypes.get_errno())}")


def remove_strays(instance: Instance) -> None:
    """Shims' sockets and log links: the two things containerd and kubelet keep at fixed places."""
    tasks = instance.path("containerd", "state", "io.containerd.runtime.v2.task")
    for note in tasks.glob("*/*/address"):
        with contextlib.suppress(OSError):
            socket = note.read_text().strip().removeprefix("unix://")
            if re.fullmatch(r"/run/containerd/s/[0-9a-f]{64}", socket):
                Path(socket).unlink(missing_ok=True)
    links = Path("/var/log/containers")
    if links.is_dir():
        for link in links.iterdir():
            if link.is_symlink() and str(link.readlink()).startswith(f"{instance.home}/"):
                link.unlink(missing_ok=True)


def remove_home(instance: Instance) -> None:
    """Delete the instance's folder, but never through a mount."""
    if left := mounts(instance):
        raise GymError(f"{left[0]} is still mounted; {instance.home} was not deleted")
    for _ in range(5):
        shutil.rmtree(instance.home, ignore_errors=True)
        if not instance.home.exists():
            return
        time.sleep(0.1)
    shutil.rmtree(instance.home)


def _mountinfo() -> list[str]:
    try:
        return Path("/proc/self/mountinfo").read_text().splitlines()
    except OSError:
        return []


def _unescape(text: str) -> str:
    """mountinfo writes blanks and backslashes in octal."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), text)
