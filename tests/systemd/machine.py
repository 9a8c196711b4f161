"""A machine to throw away: this host's files with every change kept in memory, processes, mounts and control
groups of its own, and Debian's systemd as its process 1. Installing there installs nothing here.

The network is the host's, so that the daemon reaches the test's API server and pip its index. Units are only
those that a test puts there and the few in `UNITS`: the host's own services must not start a second time.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

SYSTEMD = Path("/usr/lib/systemd/systemd")
STOCK_UNITS = Path("/usr/lib/systemd/system")
UNITS = (
    *("sysinit", "basic", "multi-user", "network-online", "local-fs", "swap", "sockets", "timers"),
    *("paths", "shutdown", "umount", "final", "network"),
)
"""Targets that a service leans on by default; copied without what the distribution makes them want."""
JOURNAL = ("systemd-journald.service", "systemd-journald.socket", "systemd-journald-dev-log.socket")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_ENTER = """
set -eu
root=$1 source=$2
mount -t tmpfs -o mode=755 machine "$root"
mkdir "$root/upper" "$root/work" "$root/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$root/upper,workdir=$root/work" "$root/root"
cat /etc/resolv.conf > "$root/resolv.conf"
cat /etc/hosts > "$root/hosts"
cd "$root/root"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 run run
mount -t tmpfs -o mode=1777 tmp tmp
mount -t tmpfs -o mode=755 dev dev
for each in null zero full random urandom tty; do
  touch "dev/$each"
  mount --bind "/dev/$each" "dev/$each"
done
mkdir dev/pts dev/shm src run/units run/units/sysinit.target.wants
ln -s ../systemd-journald.service run/units/sysinit.target.wants/
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
mount --bind "$source" src
rm -rf etc/systemd/system etc/resolv.conf etc/hosts var/log/journal
mkdir etc/systemd/system
mv "$root/resolv.conf" "$root/hosts" etc/
shift 2
for unit in "$@"; do cp "$unit" run/units/; done
pivot_root . mnt
umount -l /mnt
export container=disposable SYSTEMD_UNIT_PATH=/etc/systemd/system:/run/units
exec /usr/lib/systemd/systemd --system --unit=multi-user.target --show-status=0 --log-target=journal-or-kmsg
"""


def why_not() -> str | None:
    """What this host lacks for such a machine, in words; None where it lacks nothing that can be seen."""
    if os.geteuid() != 0:
        return "a machine of its own needs root"
    if missing := [name for name in ("unshare", "nsenter") if shutil.which(name) is None]:
        return f"{', '.join(missing)} is missing (apt-get install util-linux)"
    if not SYSTEMD.exists():
        return "systemd is not installed (apt-get install systemd)"
    if "overlay" not in Path("/proc/filesystems").read_text():
        return "the kernel has no overlayfs"
    if cgroup_mount() is None:
        return "there is no version 2 cgroup hierarchy"
    return None


def cgroup_mount() -> Path | None:
    """Where the host has the version 2 hierarchy mounted, alone or beside version 1."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, where, kind, options, *_ = line.split()
        if kind == "cgroup2" and "rw" in options.split(","):
            return Path(where)
    return None


class Machine:
    """Boots in the constructor's folder; `close` leaves nothing behind."""

    def __init__(self, folder: Path, source: Path) -> None:
        """`folder`: an empty one for the machine's root; `source` is seen inside as /src."""
        mount = cgroup_mount()
        assert mount is not None, "ask why_not first"
        self._cgroup = mount / f"intentd-machine-{os.getpid()}"
        self._cgroup.mkdir()
        units = [str(STOCK_UNITS / name) for name in (*(f"{name}.target" for name in UNITS), *JOURNAL)]
        into = f'echo $$ > "{self._cgroup}/cgroup.procs"; exec "$@"'
        apart = ["unshare", "--pid", "--fork", "--kill-child=KILL", "--mount", "--uts", "--ipc", "--cgroup"]
        self._log = (folder.parent / f"{folder.name}.log").open("w+")
        self._outside = subprocess.Popen(
            ["sh", "-c", into, "sh", *apart, "sh", "-c", _ENTER, "sh", folder, source, *units],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            env=_environment(),
        )
        self._pid: int | None = None
        try:
            assert wait(self._booted, 30), f"systemd does not answer; it said: {self.said()}"
        except BaseException:
            self.close()
            raise

    def said(self) -> str:
        self._log.seek(0)
        return self._log.read()

    def _booted(self) -> bool:
        if self._outside.poll() is not None:
            return True  # `run` below then says that there is no machine
        if self._pid is None:
            children = (
                Path(f"/proc/{self._outside.pid}/task/{self._outside.pid}/children").read_text().split()
            )
            if not children or b"systemd" not in Path(f"/proc/{children[0]}/comm").read_bytes():
                return False
            self._pid = int(children[0])
        state = self.run("systemctl", "is-system-running", check=False).stdout.strip()
        return state in {"running", "degraded"}

    def run(
        self,
        *command: str,
        seconds: float = 60,
        check: bool = True,
        user: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside, in /src, as root or as that user; AssertionError with its words if it fails."""
        assert self._pid is not None, f"there is no machine; it said: {self.said()}"
        enter = [
            "nsenter",
            f"--target={self._pid}",
            "--pid",
            "--mount",
            "--uts",
            "--ipc",
            "--cgroup",
            "--root",
        ]
        inside = ["sh", "-c", 'cd /src; exec "$@"', "sh"]
        done = subprocess.run(
            [*enter, *(["runuser", "-u", user, "--"] if user else []), *inside, *command],
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
            env={**_environment(), **(environment or {})},
        )
        assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done

    def show(self, unit: str, *properties: str) -> dict[str, str]:
        """What systemd says about a unit."""
        told = self.run("systemctl", "show", unit, *(f"--property={name}" for name in properties)).stdout
        return dict(line.partition("=")[::2] for line in told.splitlines())

    def close(self) -> None:
        """Kill all that runs inside (the kernel does when its process 1 goes) and remove the control groups."""
        self._outside.kill()
        self._outside.wait()
        wait(lambda: self._pid is None or not Path(f"/proc/{self._pid}").exists(), 10)
        for group, _, _ in os.walk(self._cgroup, topdown=False):
            wait(lambda group=group: _removed(Path(group)), 5)
        self._log.close()


def wait(ready: Callable[[], bool], seconds: float) -> bool:
    """Whether it came true in time."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def _removed(group: Path) -> bool:
    try:
        group.rmdir()
    except OSError:
        return False
    return True


def _environment() -> dict[str, str]:
    """The host's, for pip's index and certificates, but for where programs and people's own files are."""
    here = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYENV", "VIRTUAL_ENV"))
    }
    return {**here, "PATH": PATH, "HOME": "/root", "LC_ALL": "C.UTF-8", "SYSTEMD_PAGER": ""}
