"""A daemon that cannot start says which setting to change, and ends with 2."""

import json
import socket
import subprocess
import sys

import pytest

from tests.daemon.kube.chaos import ChaosServer


@pytest.fixture
def start(tmp_path):
    chaos = ChaosServer()

    def run(**settings):
        chosen = {
            "database": str(tmp_path / "ledger.db"),
            "socket": str(tmp_path / "control.sock"),
            "intents": str(tmp_path / "intents"),
            "http": {"enabled": False},
            "kubernetes": {"kubeconfig": str(chaos.kubeconfig(tmp_path))},
        } | settings
        file = tmp_path / "settings.yaml"
        file.write_text(json.dumps(chosen))
        command = [sys.executable, "-c", "from daemon.cli import main; main()", "run", "-f", str(file)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stderr

    yield run
    chaos.end()


def test_a_port_that_another_program_has_is_named(start):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, said = start(http={"port": port})
    assert code == 2
    assert f"http: 127.0.0.1:{port} cannot be listened on (Address already in use). Set http.port" in said


def test_a_socket_path_longer_than_the_kernel_takes_is_named(start, tmp_path):
    code, said = start(socket=str(tmp_path / ("long" * 30) / "control.sock"))
    assert code == 2
    assert "cannot be made (AF_UNIX path too long). Set `socket` to a short path" in said


@pytest.mark.parametrize("setting", ["database", "socket"])
def test_a_folder_that_cannot_be_made_is_named(start, tmp_path, setting):
    (tmp_path / "file").touch()
    code, said = start(**{setting: str(tmp_path / "file" / "below" / "x")})
    assert code == 2
    assert setting in said
    assert "Not a directory" in said
