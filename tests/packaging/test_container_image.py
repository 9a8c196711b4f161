"""The container image: what is in it, who it runs as, and that its program works there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.packaging.conftest import Builder

pytestmark = pytest.mark.timeout(900)  # a first build fetches a Debian and the dependencies


@pytest.fixture(scope="module")
def container(builder: Builder, image: str) -> Iterator[tuple[str, Path]]:
    """A container of the image and the folder where its files can be looked at."""
    name = builder.run("from", "--pull-never", image).strip()
    yield name, Path(builder.run("mount", name).strip())
    builder.run("rm", name)


def test_the_build_takes_from_the_clone_only_what_the_ignore_file_lets_through(
    builder: Builder, source: Path, tmp_path: Path
) -> None:
    probe = tmp_path / "Containerfile"
    probe.write_text("FROM scratch\nCOPY . /\n")
    probe.with_name("Containerfile.dockerignore").write_text(
        (source / "deploy" / "Containerfile.dockerignore").read_text()
    )
    builder.build(source, probe, "localhost/context")
    name = builder.run("from", "--pull-never", "localhost/context").strip()
    taken = {path.name for path in Path(builder.run("mount", name).strip()).iterdir()}
    builder.run("rm", name)
    packages = {"daemon", "detectors", "intents", "remediation", "store"}
    assert taken == packages | {"requirements", "pyproject.toml", "README.md"}


def test_it_runs_as_nobody_in_particular_and_starts_the_daemon(builder: Builder, image: str) -> None:
    config = json.loads(builder.run("inspect", "--type=image", image))["OCIv1"]["config"]
    assert config["User"] == "65532:65532"
    assert (config["Entrypoint"], config["Cmd"]) == (["intentd"], ["run"])
    assert "PATH=/opt/intentd/bin:" in " ".join(config["Env"])


def test_the_program_works_as_that_user(builder: Builder, container: tuple[str, Path], source: Path) -> None:
    name, _ = container
    examples = f"--volume={source / 'deploy' / 'examples'}:/examples:ro"
    told = builder.run("run", "--isolation=chroot", examples, name, "--", "intentd", "check", "/examples")
    assert "/examples" in told or "intent" in told
    assert builder.run("run", "--isolation=chroot", name, "--", "id", "-u").strip() == "65532"


def test_it_holds_the_wheel_and_the_lock_and_neither_sources_nor_a_package_manager_of_ours(
    container: tuple[str, Path],
) -> None:
    _, root = container
    site = root / "opt" / "intentd" / "lib" / "python3.11" / "site-packages"
    assert {"daemon", "detectors", "intents", "remediation", "store", "kubernetes"} <= {
        path.name for path in site.iterdir()
    }
    assert not [
        path.name for path in site.iterdir() if path.name.startswith(("pip", "setuptools", "hatchling"))
    ]
    assert not any((root / name).exists() for name in ("src", "build", "wheel"))
    assert (site / "daemon" / "__pycache__").is_dir()  # compiled: the file system is read-only where it runs


def test_its_files_are_roots_and_no_other_may_write_them(container: tuple[str, Path]) -> None:
    _, root = container
    files = [path for path in (root / "opt" / "intentd").rglob("*") if not path.is_symlink()]
    assert files
    assert not [path for path in files if path.stat().st_uid != 0 or path.stat().st_mode & 0o022]
