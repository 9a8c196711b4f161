"""Build the gym's programs from Go modules into the cache, once per version, flags, compiler and CPU.

A program counts as built when its folder exists: builds happen in a temporary folder beside it that is
renamed at the end, under a lock, so two sessions may ask at once and `kill -9` leaves nothing half made.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from gym import debian
from gym.gotool import Go, find_go
from gym.headers import ollama_headers
from gym.parts_list import BY_NAME, BY_PROGRAM, PARTS, Part
from gym.paths import GymError, cache_dir

NATIVE_FLAGS = "-O3 -march=native"
"""Without them llama.cpp's CPU kernels read prompts 5 to 15 times slower (measured)."""


def build(
    parts: Sequence[str | Part] = (), *, console: Console | None = None, quiet: bool = False
) -> dict[str, Path]:
    """Build these parts (all when none is named) where the cache lacks them; returns program -> path.

    Shows progress and the time left on `console` unless quiet. GymError names the part that failed.
    """
    chosen = [_part(part) for part in parts] or list(PARTS)
    go = find_go()
    todo = [part for part in chosen if not _home(part, go).is_dir()]
    if todo:
        if any(part.native for part in todo):
            debian.ensure(debian.OLLAMA)
        with _progress(console, quiet) as progress:
            _build_all(todo, go, progress)
    return {name: _home(part, go) / name for part in chosen for name in part.programs}


def program(name: str) -> Path:
    """The path of one built program; builds its part quietly if the cache lacks it."""
    if name not in BY_PROGRAM:
        raise GymError(
            f"The gym builds no program named {name}", f"it builds {', '.join(sorted(BY_PROGRAM))}"
        )
    return build([BY_PROGRAM[name].name], quiet=True)[name]


def is_built(name: str) -> bool:
    """Whether a part is in the cache for this compiler and CPU (false where there is no Go yet)."""
    try:
        return _home(_part(name), find_go()).is_dir()
    except GymError:
        return False


def _part(part: str | Part) -> Part:
    if isinstance(part, Part):
        return part
    if part not in BY_NAME:
        raise GymError(f"There is no part named {part}", f"choose from {', '.join(BY_NAME)}")
    return BY_NAME[part]


def _home(part: Part, go: Go) -> Path:
    return cache_dir() / "bin" / f"{part.name}-{part.version}-{_key(part, go)}"


def _key(part: Part, go: Go) -> str:
    """What the program's bytes depend on, as 12 hex digits."""
    digest = hashlib.sha256()
    for piece in (
        (part.folder / "go.mod").read_bytes(),
        (part.folder / "go.sum").read_bytes(),
        " ".join(part.flags()).encode(),
        go.version.encode(),
        platform.machine().encode(),
        (NATIVE_FLAGS + _cpu_features()).encode() if part.native else b"",
    ):
        digest.update(len(piece).to_bytes(8, "big") + piece)
    return digest.hexdigest()[:12]


def _cpu_features() -> str:
    """The CPU's feature flags: a native program moved to another machine dies of SIGILL."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((" ".join(sorted(x.split()[2:])) for x in lines if x.startswith(("flags", "Features"))), "")


@contextmanager
def _progress(console: Console | None, quiet: bool) -> Iterator[Progress]:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
        TextColumn("[dim]{task.fields[doing]}"),
    )
    with Progress(*columns, console=console or Console(stderr=True), disable=quiet) as progress:
        yield progress


def _build_all(todo: list[Part], go: Go, progress: Progress) -> None:
    tasks = {
        part.name: progress.add_task(f"build {part.name}", total=part.seconds, left="", doing="waits")
        for part in todo
    }
    pace = 1.0  # this machine's seconds per second of the table; learned from each part that ends
    for part in todo:
        started = time.monotonic()
        with _lock(part):
            if _home(part, go).is_dir():  # another session made it while we waited
                progress.update(tasks[part.name], completed=part.seconds, doing="from cache")
                continue
            _build_one(part, go, progress, tasks[part.name], pace)
        took = time.monotonic() - started
        progress.update(tasks[part.name], completed=part.seconds, left="", doing=f"done in {took:.0f} s")
        pace = max(0.05, 0.5 * pace + 0.5 * took / part.seconds)


@contextmanager
def _lock(part: Part) -> Iterator[None]:
    folder = cache_dir() / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f".{part.name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _environment(part: Part, go: Go) -> dict[str, str]:
    if not part.native:
        return go.environment(CGO_ENABLED="0")
    return go.environment(
        CGO_ENABLED="1",
        CGO_CPPFLAGS=f"-I{ollama_headers()}",
        CGO_CFLAGS=NATIVE_FLAGS,
        CGO_CXXFLAGS=NATIVE_FLAGS,
        CGO_CFLAGS_ALLOW="-march=.*",
        CGO_CXXFLAGS_ALLOW="-march=.*",
    )


def _build_one(part: Part, go: Go, progress: Progress, task: TaskID, pace: float) -> None:
    home = _home(part, go)
    for stale in home.parent.glob(f".{part.name}-*"):
        if stale.is_dir():
            shutil.rmtree(stale, ignore_errors=True)  # left by a build that was killed; we hold the lock
    work = Path(tempfile.mkdtemp(prefix=f".{part.name}-", dir=home.parent))
    try:
        # One program is named by hand (go would call etcd `server`); several go in one command, so that the
        # compiler works on all of them at once.
        target = str(work) if len(part.programs) > 1 else str(work / next(iter(part.programs)))
        command = [str(go.program), "build", "-v", *part.flags(), "-o", target, *part.programs.values()]
        _run_go(command, part, _environment(part, go), progress, task, pace)
        work.chmod(0o755)
        work.rename(home)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _run_go(
    command: list[str], part: Part, env: dict[str, str], progress: Progress, task: TaskID, pace: float
) -> None:
    """Run one `go build`, moving the bar by the clock and naming the package in hand."""
    with tempfile.TemporaryFile("w+") as said:
        child = subprocess.Popen(
            ["nice", "-n", "5", *command],
            cwd=part.folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,  # so that an interrupt ends the compilers too
        )
        try:
            expected = part.seconds * pace
            began = time.monotonic() - progress.tasks[task].completed * pace
            while child.poll() is None:
                time.sleep(0.2)
                gone = time.monotonic() - began
                left = f"about {max(1, expected - gone):.0f} s left" if gone < expected else "nearly there"
                doing = _last_line(said.fileno())
                done = min(gone / expected, 0.97) * part.seconds
                progress.update(task, completed=done, left=left, doing=doing[-48:])
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        if child.returncode:
            said.seek(0)
            lines = [line for line in said.read().splitlines() if not _is_package(line)]
            raise GymError(f"building {part.name} {part.version} failed: " + "\n".join(lines[-12:]))


def _last_line(descriptor: int) -> str:
    """The end of what Go has printed so far, without moving the file's position."""
    size = os.fstat(descriptor).st_size
    lines = os.pread(descriptor, 300, max(0, size - 300)).decode(errors="replace").splitlines()
    return lines[-1] if lines else "reading modules"


def _is_package(line: str) -> bool:
    return bool(line) and " " not in line and not line.startswith("#")
