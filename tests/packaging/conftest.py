"""deploy/Containerfile built for real, by buildah and without a daemon or a registry.

The official Python image cannot be pulled where there is no registry; a Debian of the release that the
Containerfile names, with Debian's own Python of that version, stands in for it as the `PYTHON` argument.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gym import debian
from gym.paths import cache_dir

ROOT = Path(__file__).parents[2]
CONTAINERFILE = ROOT / "deploy" / "Containerfile"
IMAGE = "docker.io/library/intentd:0.1.0"
"""What the manifests' `intentd:0.1.0` means in full."""
PACKAGES = ("buildah", "mmdebstrap")
BASE = "localhost/python"
PYTHON_PACKAGES = "python3,python3-venv,python-is-python3,ca-certificates"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
PIP_SETTINGS = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_DEFAULT_TIMEOUT")


@dataclass(frozen=True, slots=True)
class Builder:
    """buildah with a storage of its own."""

    storage: Path

    def run(self, *arguments: str | Path, cwd: Path = ROOT, seconds: float = 60) -> str:
        """Its output; AssertionError with its words where it fails."""
        done = subprocess.run(
            ["buildah", f"--root={self.storage / 'root'}", f"--runroot={self.storage / 'run'}", *arguments],
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )
        assert done.returncode == 0, f"buildah {arguments[0]}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        return done.stdout

    def build(self, context: Path, file: Path, tag: str, *more: str, seconds: float = 60) -> None:
        """`podman build` in words of buildah; each command runs in a chroot, with the host's network."""
        ways = ("--isolation=chroot", "--network=host", "--quiet")
        self.run("bud", *ways, f"--file={file}", f"--tag={tag}", *more, context, cwd=context, seconds=seconds)

    def remove(self) -> None:
        subprocess.run(["umount", self.storage / "root" / "overlay"], capture_output=True, check=False)
        shutil.rmtree(self.storage)


@pytest.fixture(scope="session")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builder]:
    if os.geteuid() != 0:
        pytest.skip("building the image here needs root")
    if debian.missing(PACKAGES) and (reason := debian.why_not()):
        pytest.skip(f"the image is built with {' and '.join(PACKAGES)}, and {reason}")
    debian.ensure(PACKAGES)
    made = Builder(tmp_path_factory.mktemp("buildah"))
    yield made
    made.remove()


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a clone holds of what the build may need, and things that it must not take."""
    folder = tmp_path_factory.mktemp("clone")
    for name in (
        "daemon",
        "detectors",
        "intents",
        "remediation",
        "store",
        "requirements",
        "deploy",
        "systemd",
    ):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, folder / name)
    (folder / "var").mkdir()
    (folder / "var" / "kubeconfig").write_text("the operator's own")
    return folder


@pytest.fixture(scope="session")
def image(builder: Builder, source: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of the image, built as docs/install.md says but for its base."""
    _build_base(builder, tmp_path_factory.mktemp("base"))
    builder.build(
        source, source / "deploy" / "Containerfile", IMAGE, f"--build-arg=PYTHON={BASE}", seconds=500
    )
    return IMAGE


@pytest.fixture(scope="session")
def image_archive(builder: Builder, image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The image as a file that a node's containerd imports."""
    path = tmp_path_factory.mktemp("archive") / "intentd.tar"
    builder.run("push", "--quiet", image, f"docker-archive:{path}:{image}", seconds=200)
    yield path
    path.unlink()


def _build_base(builder: Builder, folder: Path) -> None:
    """Debian with Python, and with this machine's certificates and ways to the package index."""
    files = _debian_with_python()
    shutil.copy(files, folder)
    certificates = "COPY certificates /etc/ssl/certs/ca-certificates.crt\n" if CERTIFICATES.exists() else ""
    if certificates:
        shutil.copy(CERTIFICATES, folder / "certificates")
    kept = {name: os.environ[name] for name in PIP_SETTINGS if name in os.environ}
    variables = "".join(
        f"ENV {name}={value!r}\n" for name, value in {**kept, "PIP_CERT": str(CERTIFICATES)}.items()
    )
    (folder / "Containerfile").write_text(f"FROM scratch\nADD {files.name} /\n{certificates}{variables}")
    builder.build(folder, folder / "Containerfile", BASE, seconds=200)


def _debian_with_python() -> Path:
    """A root file system from Debian's packages, made once and kept in the cache."""
    release = re.search(r"ARG PYTHON=python:3\.11-slim-(\w+)", CONTAINERFILE.read_text())
    assert release, "the Containerfile's base is a python:3.11-slim of a Debian release"
    path = cache_dir() / "images" / f"debian-{release[1]}-python.tar"
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{os.getpid()}-{path.name}")
    leave_out = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("man", "doc", "locale", "info")]
    done = subprocess.run(
        ["mmdebstrap", "--variant=minbase", f"--include={PYTHON_PACKAGES}", *leave_out, release[1], part],
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    part.replace(path)
    return path
