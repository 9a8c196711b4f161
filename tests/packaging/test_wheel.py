"""The wheel, installed as an operator does it: with the locked dependencies, in an environment of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("daemon", "detectors", "intents", "remediation", "store")

pytestmark = pytest.mark.timeout(600)  # a first run downloads the dependencies

WHO_PROVIDES = """
import importlib.metadata, importlib.util, json, sys
provided = importlib.metadata.packages_distributions()
print(json.dumps({
    "providers": {name: sorted(set(provided.get(name, []))) for name in sys.argv[1:]},
    "places": {name: importlib.util.find_spec(name).origin for name in sys.argv[1:]},
    "standard": sorted(set(sys.argv[1:]) & set(sys.stdlib_module_names)),
}))
"""


def run(command: Sequence[str | Path], cwd: Path, seconds: float = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=seconds)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of what a fresh clone holds, by the locked hatchling."""
    source = tmp_path_factory.mktemp("source")
    for name in (*PACKAGES, "requirements"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source / name)
    target = tmp_path_factory.mktemp("wheel")
    built = run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", target, source],
        source,
        120,
    )
    assert built.returncode == 0, built.stderr
    (made,) = target.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of a clean environment: the lock with its hashes, then the wheel and nothing from an index."""
    where = tmp_path_factory.mktemp("clean") / "venv"
    venv.create(where, with_pip=True)
    pip = [
        where / "bin" / "python",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-compile",
    ]
    locked = run([*pip, "--require-hashes", "-r", ROOT / "requirements" / "runtime.txt"], where, 500)
    assert locked.returncode == 0, locked.stderr
    ours = run([*pip, "--no-index", wheel], where)  # fails where the lock lacks a dependency
    assert ours.returncode == 0, ours.stderr
    return where / "bin"


def test_the_wheel_holds_our_five_packages_whole_and_nothing_else(wheel: Path) -> None:
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    ours = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert inside == ours


def test_the_build_takes_the_packages_that_this_test_knows() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert sorted(settings["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == list(PACKAGES)


def test_no_dependency_and_no_standard_module_has_a_name_of_ours(installed: Path, tmp_path: Path) -> None:
    told = run([installed / "python", "-c", WHO_PROVIDES, *PACKAGES], tmp_path)
    found = json.loads(told.stdout)
    assert found["providers"] == {name: ["intentd"] for name in PACKAGES}
    assert found["standard"] == []
    assert all(str(installed.parent) in place for place in found["places"].values())


def test_dependencies_agree_with_one_another(installed: Path, tmp_path: Path) -> None:
    checked = run([installed / "python", "-m", "pip", "check"], tmp_path)
    assert checked.returncode == 0, checked.stdout


def test_the_installed_program_lists_every_command(installed: Path, tmp_path: Path) -> None:
    told = run([installed / "intentd", "--help"], tmp_path)
    assert told.returncode == 0
    commands = "run check status intents cases show explain approve reject undo pause resume ledger doctor"
    for command in commands.split():
        assert f"  {command} " in told.stdout
    for command in ("run", "ledger"):
        assert run([installed / "intentd", command, "--help"], tmp_path).returncode == 0


def test_the_installed_program_checks_our_examples_and_finds_a_mistake(
    installed: Path, tmp_path: Path
) -> None:
    good = run([installed / "intentd", "check", ROOT / "deploy" / "examples"], tmp_path)
    assert good.returncode == 0, good.stdout + good.stderr
    (tmp_path / "bad.yaml").write_text("apiVersion: intentd.io/v1alpha1\nkind: Intent\nspec: {}\n")
    bad = run([installed / "intentd", "check", tmp_path / "bad.yaml"], tmp_path)
    assert bad.returncode == 1
    assert "bad.yaml:" in bad.stdout + bad.stderr


def test_the_installed_program_says_what_is_missing_where_there_is_no_cluster(
    installed: Path, tmp_path: Path
) -> None:
    (tmp_path / "settings.yaml").write_text(
        f"intents: {tmp_path}\ndatabase: {tmp_path}/ledger.db\nsocket: {tmp_path}/c.sock\n"
        f"kubernetes: {{kubeconfig: {tmp_path}/none}}\n"
    )
    ended = run([installed / "intentd", "run", "--once", "-f", tmp_path / "settings.yaml"], tmp_path)
    assert ended.returncode == 3
    assert "Traceback" not in ended.stderr
    assert str(tmp_path / "none") in ended.stderr
