"""The control socket: how the CLI speaks to the running daemon. Only the daemon writes the ledger.

One JSON object a line in, one out. The kernel tells who is calling (SO_PEERCRED), so an identity cannot be
claimed; who may call at all is the socket's file mode (0660, the daemon's group).
"""

from __future__ import annotations

import json
import os
import pwd
import socket
import socketserver
import struct
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import structlog

from daemon.settings import SettingsError

log = structlog.get_logger("intentd")

Json = dict[str, Any]
UNNAMED = "uid:"
"""Before the number of a user whom no directory names."""
REQUEST_BYTES = 64 * 1024


class CommandError(Exception):
    """A command that cannot be carried out; the message is for the person who gave it."""


Handler = Callable[[str, Json, str], Json]
"""(verb, arguments, who) -> answer; raises CommandError."""


class ControlServer:
    """Serves the socket in threads of its own. Raises SettingsError where it cannot be made."""

    def __init__(self, path: Path, handle: Handler) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _remove_dead(path)
            self._server = _bound(path, handle)
        except OSError as error:
            raise SettingsError(
                f"socket: {path} cannot be made ({error.strerror or error}). Set `socket` to a short path in a "
                "folder that the daemon's user may write."
            ) from error
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.2}, name="control", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop serving and remove the socket."""
        self._server.shutdown()
        self._server.server_close()
        self.path.unlink(missing_ok=True)


def _bound(path: Path, handle: Handler) -> _Server:
    """For the daemon's user and group alone, from the first moment."""
    old = os.umask(0o117)
    try:
        return _Server(str(path), handle)
    finally:
        os.umask(old)


def _remove_dead(path: Path) -> None:
    """A socket file that a killed daemon left. The database lock already proves that no other one lives."""
    if path.is_socket():
        path.unlink()


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 16

    def __init__(self, path: str, handle: Handler) -> None:
        self.handle = handle
        super().__init__(path, _Connection)


class _Connection(socketserver.StreamRequestHandler):
    timeout = 10

    def handle(self) -> None:
        line = self.rfile.readline(REQUEST_BYTES)
        try:
            request = json.loads(line)
            verb, arguments = request["verb"], request.get("args", {})
            server = self.server
            assert isinstance(server, _Server)
            answer: Json = {
                "ok": True,
                "result": server.handle(str(verb), dict(arguments), peer(self.request)),
            }
        except (ValueError, KeyError, TypeError):
            answer = {"ok": False, "error": "not a request: one JSON object {verb, args} on one line"}
        except CommandError as error:
            answer = {"ok": False, "error": str(error)}
        self.wfile.write(json.dumps(answer).encode() + b"\n")


def peer(connection: socket.socket) -> str:
    """The user name behind a connection, `uid:N` where it has none."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _pid, uid, _gid = struct.unpack("3i", credentials)
    return _user(uid)


@cache
def shared_accounts() -> frozenset[str]:
    """The names, as `peer` gives them, of accounts that are no one person: whoever may use sudo is root, and
    whoever may become the daemon's user (or enter its pod) is that one."""
    both = (0, os.geteuid())
    return frozenset(
        {*map(_user, both), *map(_unnamed, both)}
    )  # names come from a directory that may be away


def no_one_person(who: str) -> bool:
    """Whether a name, as `peer` gives it, tells no person from the next: an account that many share, or a number
    for which the directory had no name, which may be somebody who was named a moment ago."""
    return who in shared_accounts() or who.startswith(UNNAMED)


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return _unnamed(uid)


def _unnamed(uid: int) -> str:
    return f"{UNNAMED}{uid}"


class NotRunning(ConnectionError):  # noqa: N818 - it names the state
    """No daemon serves the socket."""


def call(path: Path, verb: str, timeout: float = 15.0, **arguments: Any) -> Json:
    """Ask the daemon. Raises NotRunning where there is none, CommandError where it says no."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout)
        try:
            connection.connect(str(path))
            connection.sendall(json.dumps({"verb": verb, "args": arguments}).encode() + b"\n")
            with connection.makefile("rb") as stream:
                line = stream.readline()
        except PermissionError as error:
            raise CommandError(f"{path}: permission denied; join the group of the daemon's user") from error
        except OSError as error:
            raise NotRunning(f"no intentd answers on {path} ({error.strerror or error})") from error
    if not line:
        raise NotRunning(f"intentd closed the connection on {path}")
    try:
        answer: Json = json.loads(line)
    except ValueError as error:
        raise NotRunning(f"what answers on {path} is not intentd") from error
    if not answer.get("ok"):
        raise CommandError(str(answer.get("error", "unknown error")))
    result: Json = answer["result"]
    return result
