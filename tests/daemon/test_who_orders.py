"""Who gives an order is what the kernel says of the other end of the socket; nothing that a caller sends or sets."""

import json
import os
import pwd
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from daemon.commands import Commands
from daemon.control import CommandError, ControlServer, call, shared_accounts
from remediation.saga import Event, State
from store.queries import find_cases, steps
from tests.fakes.rig import BAD, INTENT, Rig

ME = pwd.getpwuid(os.geteuid()).pw_name
NOBODY = 65534

ASKS = """
import os, socket, sys
user = int(sys.argv[3])
os.setgroups([]), os.setgid(user), os.setuid(user)
with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
    connection.connect(sys.argv[1])
    connection.sendall(sys.argv[2].encode() + b"\\n")
    print(connection.makefile().readline())
"""


@pytest.fixture
def folder():
    """Where other users may come, unlike pytest's own folders."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def served(folder, request):
    """A proposal behind a real control socket."""
    people = getattr(request, "param", 1)
    rig = Rig(folder, INTENT, grant=False, approvals=people)
    rig.turn(8)
    rig.set_image(BAD)
    case = rig.until(State.PROPOSED)
    rig.turn(2)
    server = ControlServer(folder / "control.sock", Commands(rig.world, rig.memory))
    yield rig, case, server.path
    server.close()


def approvers(rig, case):
    return [step.payload["by"] for step in steps(rig.store, case.case_id) if step.event == Event.APPROVED]


def test_sudo_user_and_a_name_in_the_request_are_no_proof(served, monkeypatch):
    rig, case, path = served
    monkeypatch.setenv("SUDO_USER", "alice")
    monkeypatch.setenv("SUDO_UID", "1000")
    call(path, "approve", case=case.case_id, digest=case.digest, who="alice", by="alice", user="alice")
    assert approvers(rig, case) == [ME]


@pytest.mark.parametrize("served", [2], indirect=True)
def test_through_sudo_nobody_is_a_second_person(served, monkeypatch):
    """root, and the account that the daemon runs as, are whoever could become them."""
    rig, case, path = served
    assert ME in shared_accounts()  # this very process serves the socket
    monkeypatch.setenv("SUDO_USER", "alice")
    with pytest.raises(CommandError, match="approve it as yourself, without sudo"):
        call(path, "approve", case=case.case_id, digest=case.digest)
    assert approvers(rig, case) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can call as another user")
@pytest.mark.parametrize("served", [2], indirect=True)
def test_another_user_is_another_person_whatever_its_environment_says(served):
    rig, case, path = served
    path.chmod(0o666)
    request = {"verb": "approve", "args": {"case": case.case_id, "digest": case.digest}}
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", ASKS, str(path), json.dumps(request), str(NOBODY)],
        env={"SUDO_USER": "alice", "USER": "bob", "LOGNAME": "bob"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    told = json.loads(done.stdout or "{}").get("result"), done.stderr
    name = pwd.getpwuid(NOBODY).pw_name
    assert told[0] == {
        "case": case.case_id, "approved_until": None, "approved_by": [name], "missing": 1,
    }, told  # fmt: skip
    assert approvers(rig, case) == [name]
    assert find_cases(rig.store)[0].state is State.PROPOSED


def test_who_may_not_write_to_the_socket_gives_no_orders(served):
    _, _, path = served
    assert path.stat().st_mode & 0o777 == 0o660
