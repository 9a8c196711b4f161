"""The command line: exit codes and machine-readable output, in processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def gym(*arguments: str, state: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gym", *arguments, "--state", str(state)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_status_of_an_instance_that_is_not_up_is_code_3_and_still_json(tmp_path: Path) -> None:
    done = gym("status", "-i", "a", "-o", "json", state=Path("/tmp"))
    assert done.returncode == 3
    assert json.loads(done.stdout)[0] | {"provider": ""} == {
        "instance": "a",
        "provider": "",
        "up": False,
        "server": "",
        "kubeconfig": "",
        "processes": [],
        "prometheus": "",
        "ollama": "",
        "leftovers": [],
    }


def test_an_unknown_provider_is_one_sentence_and_code_1(tmp_path: Path) -> None:
    done = gym("up", "--provider", "nope", state=tmp_path)
    assert done.returncode == 1
    assert done.stderr.replace("\n", " ").count("There is no provider nope (choose from local") == 1
    assert "Traceback" not in done.stderr


def test_taking_several_instances_down_without_a_person_needs_yes(tmp_path: Path) -> None:
    (tmp_path / "somebody").mkdir()
    for command in (("down", "--all"), ("clean", "--keep-cache")):
        done = gym(*command, state=tmp_path)
        assert done.returncode == 1
        assert "this would take down somebody" in done.stderr.replace("\n", " ")
        assert (tmp_path / "somebody").is_dir()


def test_list_says_of_each_provider_whether_it_can_be_used_or_why_not() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gym", "list", "-o", "json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    found = {p["name"]: p for p in json.loads(done.stdout)["providers"]}
    assert set(found) == {"local", "kind", "kwok", "existing"}
    assert all(p["usable"] == (p["reason"] is None) for p in found.values())
