"""systemd takes the unit as it is, rates it as hardened, and the files beside it fit the settings."""

from __future__ import annotations

import configparser
import os
import re
import subprocess
from pathlib import Path

import pytest

from daemon.settings import load_settings
from daemon.supervisor import DRAIN_SECONDS

SYSTEMD = Path(__file__).parents[2] / "systemd"
UNIT = SYSTEMD / "intentd.service"
EXPOSURE = 1.1

needs_systemd = pytest.mark.usefixtures("systemd")


def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(UNIT)
    return parser


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, check=False, timeout=60
    )


@needs_systemd
def test_systemd_accepts_the_unit_without_a_word(tmp_path: Path) -> None:
    program = tmp_path / "intentd"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    there = tmp_path / UNIT.name  # as installed, but for where the program lies on this machine
    there.write_text(UNIT.read_text().replace("/opt/intentd/bin/intentd", str(program)))
    ended = analyze("verify", "--man=no", there)
    assert (ended.returncode, ended.stderr) == (0, "")


@needs_systemd
def test_systemd_refuses_a_unit_with_a_misspelt_setting(tmp_path: Path) -> None:
    broken = tmp_path / "broken.service"
    broken.write_text(UNIT.read_text().replace("ProtectHome=", "ProtectHomes="))
    assert "ProtectHomes" in analyze("verify", "--man=no", broken).stderr


@needs_systemd
def test_the_exposure_that_systemd_finds_is_low() -> None:
    ended = analyze("security", "--offline=yes", f"--threshold={round(EXPOSURE * 10)}", UNIT)
    found = re.search(r"Overall exposure level for intentd\.service: ([0-9.]+)", ended.stdout)
    assert found, ended.stderr
    assert float(found[1]) <= EXPOSURE
    assert ended.returncode == 0


@needs_systemd
def test_an_operators_address_filter_fits_on_top(tmp_path: Path) -> None:
    there = tmp_path / UNIT.name
    there.write_text(UNIT.read_text() + (SYSTEMD / "ip-filter.conf").read_text())
    ended = analyze("security", "--offline=yes", "--threshold=10", there)
    assert ended.returncode == 0, ended.stdout


@needs_systemd
def test_the_user_of_the_unit_is_made_by_sysusers(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    ended = subprocess.run(
        ["systemd-sysusers", f"--root={tmp_path}", SYSTEMD / "intentd.sysusers"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    users = (tmp_path / "etc" / "passwd").read_text().splitlines()
    assert [line.split(":")[0] for line in users] == [unit()["Service"]["User"]]
    assert users[0].endswith("/var/lib/intentd:/usr/sbin/nologin")


@needs_systemd
@pytest.mark.skipif(os.geteuid() != 0, reason="making folders of root's needs root")
def test_the_watched_directory_is_made_by_tmpfiles(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    for name in ("passwd", "group"):
        (tmp_path / "etc" / name).write_text(
            {"passwd": "root:x:0:0::/root:/bin/sh\n", "group": "root:x:0:\n"}[name]
        )
    subprocess.run(
        ["systemd-sysusers", f"--root={tmp_path}", SYSTEMD / "intentd.sysusers"],
        check=True,
        capture_output=True,
    )
    ended = subprocess.run(
        ["systemd-tmpfiles", "--create", f"--root={tmp_path}", SYSTEMD / "intentd.tmpfiles"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "etc" / "intentd" / "intents").is_dir()


def test_the_settings_file_beside_the_unit_names_the_folders_of_the_unit() -> None:
    service = unit()["Service"]
    settings = load_settings(SYSTEMD / "intentd.yaml")
    assert settings.database.parent == Path("/var/lib") / service["StateDirectory"]
    assert settings.kill_switch.parent == Path("/var/lib") / service["StateDirectory"]
    assert settings.socket.parent == Path("/run") / service["RuntimeDirectory"]
    assert settings.intents.parent == Path("/etc") / service["ConfigurationDirectory"]


def test_without_a_settings_file_the_folders_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    # The process environment is the input here, nothing of ours is replaced.
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/intentd")
    monkeypatch.setenv("CONFIGURATION_DIRECTORY", "/etc/intentd")
    monkeypatch.setenv("RUNTIME_DIRECTORY", "/run/intentd")
    bare, file = load_settings(), load_settings(SYSTEMD / "intentd.yaml")
    for name in ("intents", "database", "socket", "kill_switch"):
        assert getattr(bare, name) == getattr(file, name)


def test_each_line_of_the_environment_file_is_a_setting_that_exists(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "empty.yaml").write_text("{}")
    lines = re.findall(r"(?m)^#?([A-Z_]+)=(.*)$", (SYSTEMD / "intentd.environment").read_text())
    assert ("KUBECONFIG", "/etc/intentd/kubeconfig") in lines
    for name, value in lines:
        monkeypatch.setenv(name, value)
    settings = load_settings(tmp_path / "empty.yaml")
    assert settings.prometheus.url == "http://127.0.0.1:9090"
    assert settings.model.name == "intentd"
    assert len(settings.notify.urls) == 1


def test_systemd_waits_longer_than_the_daemon_drains() -> None:
    assert float(unit()["Service"]["TimeoutStopSec"].removesuffix("s")) > DRAIN_SECONDS + 2
