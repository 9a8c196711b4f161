"""Start, watch and end the processes of an instance.

A pid alone is no identity (it is reused), so each is recorded with the start time that the kernel gives.
Ending does not rely on the record: every process carries the instance's marker in its environment, which
its children inherit, so those of a killed parent are found as well.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gym.instance import MARKER, Instance
from gym.paths import GymError


@dataclass(frozen=True, slots=True)
class Process:
    """One recorded process. `started` is in clock ticks since boot (field 22 of /proc/PID/stat)."""

    name: str
    pid: int
    started: int

    @property
    def alive(self) -> bool:
        return start_time(self.pid) == self.started


def start_time(pid: int) -> int | None:
    """Clock ticks since boot at which this pid started; None where it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in {"Z", "X"} else int(fields[19])


def start(
    instance: Instance, name: str, command: Sequence[str | Path], *, env: dict[str, str] | None = None
) -> Process:
    """Start a server in a session of its own, its output appended to logs/NAME.log, and record it.

    GymError where one of that name runs already: a second would push the first out of the record.
    """
    if any(each.name == name and each.alive for each in recorded(instance)):
        raise GymError(f"{name} of {instance.name} is running already")
    logs = instance.path("logs")
    logs.mkdir(parents=True, exist_ok=True)
    with (logs / f"{name}.log").open("ab") as log:
        child = subprocess.Popen(
            [str(word) for word in command],
            cwd=instance.home,
            env={**(os.environ if env is None else env), MARKER: str(instance.home)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    process = Process(name, child.pid, start_time(child.pid) or 0)
    instance.update_in("processes", name, [process.pid, process.started])
    _CHILDREN[child.pid] = child
    return process


_CHILDREN: dict[int, subprocess.Popen[bytes]] = {}
"""Our own children, so that those that end are reaped and not counted as living."""


def reap() -> None:
    for pid, child in list(_CHILDREN.items()):
        if child.poll() is not None:
            _CHILDREN.pop(pid, None)  # two threads may see it end


def recorded(instance: Instance) -> list[Process]:
    return [Process(name, *pair) for name, pair in instance.read().get("processes", {}).items()]


def stop(instance: Instance, name: str, seconds: float = 5.0) -> None:
    """End one recorded process: TERM, then KILL after the time given. Nothing if it is gone already."""
    process = next((p for p in recorded(instance) if p.name == name), None)
    if process is None:
        return
    was_alive = process.alive
    for number, wait in ((signal.SIGTERM, seconds), (signal.SIGKILL, 5.0)):
        if not process.alive:
            break
        _signal(process.pid, number)
        wait_until(lambda: not process.alive, wait)
    if was_alive:  # else its number may be somebody else's by now
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # its children, for instance Ollama's runners
    reap()
    instance.update_in("processes", name, None)


def marked(instance: Instance) -> list[int]:
    """Pids of all living processes that carry the instance's marker, whoever started them."""
    wanted = f"{MARKER}={instance.home}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            environment = (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue  # gone meanwhile, or somebody else's
        if wanted in environment and start_time(int(entry.name)) is not None:
            found.append(int(entry.name))
    return found


def kill_all(instance: Instance, more: Callable[[], list[int]] = list, seconds: float = 15.0) -> None:
    """KILL every marked process and those that `more` names, until none is left twice in a row.

    Nothing is asked politely: all of an instance's data goes with it, and one way to end it, the same after
    a crash, is easier to trust than two. GymError names what would not die.
    """
    end = time.monotonic() + seconds
    calm = 0
    while calm < 2:
        pids = [*marked(instance), *more()]
        for pid in pids:
            _signal(pid, signal.SIGKILL)
        reap()
        calm = 0 if pids else calm + 1
        if time.monotonic() > end:
            raise GymError(f"processes {pids} of {instance.name} do not end", "look at them with ps")
        time.sleep(0.05)


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def wait_until(ready: Callable[[], bool], seconds: float, pause: float = 0.05) -> bool:
    """Whether it came true in time."""
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            return False
        time.sleep(pause)
    return True


def wait_ready(
    instance: Instance, process: Process, ready: Callable[[], bool], seconds: float, pause: float = 0.05
) -> None:
    """Wait for a server to answer. GymError with the end of its log if it dies or is not ready in time."""

    def settled() -> bool:
        reap()
        return not process.alive or ready()

    in_time = wait_until(settled, seconds, pause)
    if in_time and process.alive:
        return
    what = "did not become ready" if process.alive else "ended while starting"
    raise GymError(f"{process.name} {what}. Its log ends:\n{log_tail(instance, process.name)}")


def log_tail(instance: Instance, name: str, lines: int = 8) -> str:
    try:
        text = instance.path("logs", f"{name}.log").read_text(errors="replace")
    except OSError:
        return "(no log)"
    return "\n".join(line[:400] for line in text.splitlines()[-lines:])
