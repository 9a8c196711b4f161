"""The unit under a real systemd as process 1, installed by the very commands of docs/install.md."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gym import debian
from gym.cluster import Cluster
from gym.rights import grant
from store.projection import SystemEvent
from tests.systemd.machine import Machine, wait, why_not

ROOT = Path(__file__).parents[2]
DRAINED = 10.0
INTENT = """
apiVersion: intentd.io/v1alpha1
kind: Intent
metadata: {name: all-run}
spec:
  scope: {namespace: default}
  expectations: [{type: workloadHealthy}]
"""
SETTINGS = ("--settings", "/etc/intentd/intentd.yaml")

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]  # a first run downloads the dependencies


def install_commands() -> str:
    """The block of docs/install.md that ends with a running service, with the kubeconfig's name filled in."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "install.md").read_text(), re.DOTALL)
    (block,) = (each for each in blocks if "systemctl enable" in each)
    commands, count = re.subn(r"\S+(?= /etc/intentd/kubeconfig)", "/src/account", str(block))
    assert count == 1
    return commands


@pytest.fixture(scope="module")
def machine(systemd: None, practice: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine where an operator has just installed intentd."""
    if debian.why_not() is None:
        debian.ensure(("python3-venv",))
    if reason := why_not():
        pytest.skip(reason)
    source = tmp_path_factory.mktemp("source")
    for name in ("daemon", "detectors", "intents", "remediation", "store", "requirements", "systemd"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source / name)
    grant(practice.kubeconfig, source / "account")
    made = Machine(tmp_path_factory.mktemp("machine"), source)
    try:
        made.run("sh", "-ec", install_commands(), seconds=500)
        yield made
    finally:
        made.close()


@pytest.fixture
def service(machine: Machine) -> Machine:
    """The machine with the service running."""
    machine.run("systemctl", "start", "intentd")
    return machine


def starts_and_stops(machine: Machine) -> list[str]:
    """Of the daemon, in the order of its ledger."""
    told = machine.run("intentd", "ledger", "tail", "-n1000", "-o", "json", *SETTINGS, user="intentd")
    events = [step["event"] for step in json.loads(told.stdout)]
    return [event for event in events if event in (SystemEvent.STARTED, SystemEvent.STOPPED)]


def main_process(machine: Machine) -> int:
    return int(machine.show("intentd", "MainPID")["MainPID"])


def restarts(machine: Machine) -> int:
    """How often systemd started it again by itself."""
    return int(machine.show("intentd", "NRestarts")["NRestarts"])


def pinged_at(machine: Machine) -> int:
    """Microseconds of the machine's clock at which the watchdog was last fed."""
    return int(machine.show("intentd", "WatchdogTimestampMonotonic")["WatchdogTimestampMonotonic"])


def test_the_installed_unit_becomes_active_and_is_enabled(machine: Machine) -> None:
    assert machine.show("intentd", "ActiveState", "SubState", "Type", "NRestarts", "UnitFileState") == {
        "ActiveState": "active",
        "SubState": "running",
        "Type": "notify",
        "NRestarts": "0",
        "UnitFileState": "enabled",
    }


def test_systemd_finds_nothing_to_say_about_the_unit_as_installed(machine: Machine) -> None:
    verified = machine.run("systemd-analyze", "verify", "--man=no", "/etc/systemd/system/intentd.service")
    assert verified.stdout + verified.stderr == ""
    rated = machine.run("systemd-analyze", "security", "--no-pager", "intentd.service")
    found = re.search(r"Overall exposure level for intentd\.service: ([0-9.]+)", rated.stdout)
    assert found, rated.stdout
    assert float(found[1]) <= 1.1


def test_the_look_loop_feeds_the_watchdog(service: Machine) -> None:
    first = pinged_at(service)
    assert wait(lambda: pinged_at(service) > first, 30)
    second = pinged_at(service)
    assert wait(lambda: pinged_at(service) > second, 30)


def test_the_process_has_its_user_no_capability_no_way_to_one_and_a_filter_on_its_calls(
    service: Machine,
) -> None:
    status = dict(
        line.split(":\t", 1)
        for line in service.run("cat", f"/proc/{main_process(service)}/status").stdout.splitlines()
        if ":\t" in line
    )
    uid = service.run("id", "-u", "intentd").stdout.strip()
    assert set(status["Uid"].split()) == {uid}
    assert {int(status[name], 16) for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")


def test_what_it_keeps_is_its_own_and_its_socket_is_its_groups(service: Machine) -> None:
    seen = service.run(
        "stat",
        "--format=%A %U %G %n",
        "/var/lib/intentd",
        "/var/lib/intentd/ledger.db",
        "/run/intentd",
        "/etc/intentd/environment",
        "/etc/intentd/kubeconfig",
    ).stdout
    assert seen.splitlines() == [
        "drwx------ intentd intentd /var/lib/intentd",
        "-rw------- intentd intentd /var/lib/intentd/ledger.db",
        "drwxr-x--- intentd intentd /run/intentd",
        "-rw-r----- root intentd /etc/intentd/environment",
        "-rw-r----- root intentd /etc/intentd/kubeconfig",
    ]


def test_from_inside_its_sandbox_the_rest_of_the_machine_cannot_be_written_or_read(service: Machine) -> None:
    service.run("touch", "/tmp/of-another")
    root = f"/proc/{main_process(service)}/root"
    mounts = service.run("cat", f"/proc/{main_process(service)}/mountinfo").stdout.splitlines()
    options = {line.split()[4]: line.split()[5].split(",") for line in mounts}
    assert "ro" in options["/"]
    assert "rw" in options["/var/lib/intentd"]
    assert service.run("ls", "-A", f"{root}/root").stdout == ""  # ProtectHome
    assert "of-another" not in service.run("ls", "-A", f"{root}/tmp").stdout  # PrivateTmp
    assert "kmsg" not in service.run("ls", f"{root}/dev").stdout


def test_an_operator_of_the_group_speaks_to_it_and_a_stranger_does_not(service: Machine) -> None:
    service.run("useradd", "alice")
    service.run("usermod", "-aG", "intentd", "alice")
    told = service.run("intentd", "status", "-o", "json", *SETTINGS, user="alice")
    assert json.loads(told.stdout)["running"]
    refused = service.run("intentd", "status", *SETTINGS, user="nobody", check=False)
    assert refused.returncode != 0
    assert "join the group" in refused.stderr


def test_doctor_under_its_user_finds_the_cluster_and_exactly_its_rights(service: Machine) -> None:
    told = service.run(
        "intentd",
        "doctor",
        "-o",
        "json",
        *SETTINGS,
        user="intentd",
        environment={"KUBECONFIG": "/etc/intentd/kubeconfig"},
        check=False,
    )
    states = {found["check"]: found["state"] for found in json.loads(told.stdout)}
    for check in ("cluster", "read rights", "write rights", "no right to Secrets"):
        assert states[check] == "ok", told.stdout


def test_an_intent_that_is_dropped_is_taken_up_by_the_running_service(service: Machine) -> None:
    service.run("sh", "-c", f"cat > /etc/intentd/intents/all-run.yaml <<'END'\n{INTENT}\nEND")

    def taken() -> bool:
        told = service.run("intentd", "intents", "-o", "json", *SETTINGS, user="intentd")
        return [intent["metadata"]["name"] for intent in json.loads(told.stdout)] == ["all-run"]

    assert wait(taken, 20)


def test_what_it_logs_is_in_the_journal(service: Machine) -> None:
    told = service.run("journalctl", "--unit=intentd", "--output=json", "--no-pager").stdout
    entries = [json.loads(line) for line in told.splitlines()]
    ours = [entry["MESSAGE"] for entry in entries if entry.get("_COMM", "").startswith("intentd")]
    assert ours
    assert not [line for line in ours if "Traceback" in line]


def test_a_stop_drains_within_ten_seconds_and_the_ledger_says_so(service: Machine) -> None:
    began = time.monotonic()
    service.run("systemctl", "stop", "intentd")
    took = time.monotonic() - began
    assert took < DRAINED
    assert service.show("intentd", "ActiveState", "Result", "ExecMainStatus") == {
        "ActiveState": "inactive",
        "Result": "success",
        "ExecMainStatus": "0",
    }
    assert starts_and_stops(service)[-1] == SystemEvent.STOPPED
    assert service.run("test", "-e", "/run/intentd/control.sock", check=False).returncode == 1


def test_after_kill_9_systemd_starts_it_again_from_its_ledger(service: Machine) -> None:
    before, counted = main_process(service), restarts(service)
    service.run("kill", "-9", str(before))
    assert wait(lambda: service.show("intentd", "ActiveState")["ActiveState"] != "active", 10)
    assert wait(lambda: service.show("intentd", "ActiveState")["ActiveState"] == "active", 40)
    assert main_process(service) not in (0, before)
    assert restarts(service) == counted + 1
    assert starts_and_stops(service)[-2:] == [SystemEvent.STARTED, SystemEvent.STARTED]
    verified = service.run("intentd", "ledger", "verify", *SETTINGS, user="intentd")
    assert verified.returncode == 0


def test_a_daemon_that_hangs_is_ended_by_the_watchdog_and_started_again(service: Machine) -> None:
    drop_in = "/etc/systemd/system/intentd.service.d"
    service.run("mkdir", "-p", drop_in)
    service.run("sh", "-c", f"printf '[Service]\\nWatchdogSec=12s\\n' > {drop_in}/soon.conf")
    service.run("systemctl", "daemon-reload")
    service.run("systemctl", "restart", "intentd")
    before, counted = main_process(service), restarts(service)
    service.run("kill", "-STOP", str(before))
    assert wait(lambda: restarts(service) == counted + 1, 60)
    assert wait(lambda: service.show("intentd", "ActiveState")["ActiveState"] == "active", 40)
    assert main_process(service) not in (0, before)
    said = service.run("journalctl", "--unit=intentd", "--no-pager").stdout
    assert "Watchdog timeout" in said
