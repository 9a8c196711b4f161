"""Processes of the daemon and of its command line, forked from an interpreter that has imported them already.

A fresh interpreter spends 1.5 s of CPU on imports before the daemon's first line; a trial has several lives. What a
process finds here is what imports leave behind, nothing else: no thread, no connection, no open file of ours. It is a
process of its own all the same: `kill -9` ends it alone.

`Nursery` is the trial's side; `python -m tests.saga.nursery MODULE...` the other: a request a line on stdin, an answer
a line on stdout. At the end of stdin it kills whatever still lives.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Process:
    """A forked process, named by its pid, which is not used again before `code` has told its end."""

    nursery: Nursery
    pid: int

    def code(self) -> int | None:
        """Its exit code, negative for a signal; None while it lives."""
        found: int | None = self.nursery.ask("code", self.pid)
        return found

    def wait(self) -> int:
        """Its exit code, once it has ended."""
        found: int = self.nursery.ask("wait", self.pid)
        return found

    def kill(self) -> int:
        """End it with SIGKILL, where it lives; answers its exit code."""
        if self.code() is None:
            os.kill(self.pid, signal.SIGKILL)
        return self.wait()


class Nursery:
    """Forks `main()` of modules that it imported once. One thread at a time."""

    def __init__(self, *modules: str, env: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.saga.nursery", *modules],
            cwd=Path(__file__).parents[2],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def fork(self, module: str, *arguments: str | Path, output: Path) -> Process:
        """Run the module's `main` with these arguments; what it says is appended to `output`."""
        pid: int = self.ask("fork", [module, *map(str, arguments)], str(output))
        return Process(self, pid)

    def ask(self, *request: Any) -> Any:
        """One request and its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        """End it, and with it every process that it forked."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


# ------------------------------------------------------------------ the other side


def serve() -> None:
    """Answer requests until stdin ends."""
    ended: dict[int, int | None] = {}  # None: lives
    for line in sys.stdin:
        verb, *about = json.loads(line)
        answer: int | None
        match verb:
            case "fork":
                answer = _fork(*about)
                ended[answer] = None
            case "code" | "wait":
                (pid,) = about
                if ended[pid] is None:
                    found, status = os.waitpid(pid, os.WNOHANG if verb == "code" else 0)
                    ended[pid] = os.waitstatus_to_exitcode(status) if found else None
                answer = ended[pid]
            case _:
                raise ValueError(verb)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    for pid, code in ended.items():
        if code is None:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _fork(arguments: list[str], output: str) -> int:
    assert threading.active_count() == 1, "a thread does not survive a fork"
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        _redirect(output)
        sys.argv = arguments
        code = importlib.import_module(arguments[0]).main() or 0
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else int(ending.code is not None)
    except BaseException:  # noqa: BLE001 - whatever it is, this process must not go on as its parent
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _redirect(output: str) -> None:
    nothing, said = os.open(os.devnull, os.O_RDONLY), os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for source, target in ((nothing, 0), (said, 1), (said, 2)):
        os.dup2(source, target)


def main() -> int:
    for name in sys.argv[1:]:
        importlib.import_module(name)
    gc.freeze()  # what is shared with the processes stays shared
    serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())
