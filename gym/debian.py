"""Debian packages that the `local` provider and the Ollama build need; installed only where missing."""

from __future__ import annotations

import os
import shutil
import subprocess

from gym.paths import GymError

LOCAL = ("containerd", "runc", "containernetworking-plugins", "iproute2")
"""Real containers: runtime, network plugins and the tool that makes and removes the bridge."""

OLLAMA = ("g++", "nlohmann-json3-dev", "libstb-dev")
"""A C++ compiler and two of the headers that Ollama's module zip leaves out."""


_QUIETLY = ("-q", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300")


def missing(packages: tuple[str, ...]) -> list[str]:
    """Those that dpkg does not list as installed; all of them where there is no dpkg."""
    if shutil.which("dpkg-query") is None:
        return list(packages)
    done = subprocess.run(
        ["dpkg-query", "-W", "-f=${Package} ${db:Status-Status}\n", *packages],
        capture_output=True,
        text=True,
        check=False,
    )
    installed = {line.split()[0] for line in done.stdout.splitlines() if line.endswith(" installed")}
    return [package for package in packages if package not in installed]


def why_not() -> str | None:
    """Why packages can't be installed here, in one sentence; None where they can."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-query") is None:
        return "this machine has no apt-get, so it is not a Debian"
    if os.geteuid() != 0:
        return "installing Debian packages needs root"
    return None


def ensure(packages: tuple[str, ...]) -> list[str]:
    """Install what is missing and return it. GymError names the packages where that is impossible."""
    absent = missing(packages)
    if not absent:
        return []
    if reason := why_not():
        raise GymError(f"{', '.join(absent)} must be installed, but {reason}", "install them yourself")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update", "-q"],
        # A service manager's start of containerd would fight with the gym's own; RUNLEVEL keeps it down.
        ["apt-get", "install", *_QUIETLY, *absent],
    ):
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env={**env, "RUNLEVEL": "1"}, timeout=900
        )
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["apt-get said nothing"])[-1]
            raise GymError(f"{' '.join(command[:2])} failed: {last}", f"install {', '.join(absent)} yourself")
    if still := missing(tuple(absent)):
        raise GymError(f"apt-get succeeded but {', '.join(still)} is still missing")
    return absent
