"""One practice cluster on this machine: its folder, its identity on the host, its lock and its record.

Everything that an instance leaves on the host is found again without the record: its name on the host
(bridge, cgroup root, marker in the environment of its processes) is derived from the path of its folder.
So `down` works after any crash, even one before the first line of the record was written.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gym.paths import GymError, state_dir

MARKER = "INTENTD_GYM_INSTANCE"
"""Environment variable that every process of an instance carries, with the instance's folder as value."""

LONGEST_HOME = 66
"""Characters of an instance's folder; the longest Unix socket below it must stay under 108 bytes."""


_NAME = re.compile(r"[a-z]([a-z0-9-]{0,18}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Instance:
    """A named practice cluster below a state folder; nothing is touched by making this value."""

    name: str
    home: Path

    @classmethod
    def named(cls, name: str = "gym", state: Path | None = None) -> Instance:
        """The instance of that name. GymError where the name or the folder can't be used."""
        if not _NAME.fullmatch(name):
            raise GymError(
                f"{name!r} is no name for an instance", "use up to 20 lower-case letters, digits and dashes"
            )
        home = state_dir(state).resolve() / name
        if len(str(home)) > LONGEST_HOME:
            raise GymError(
                f"{home} is too long: socket paths below it would pass 107 characters",
                "name a shorter folder with --state or INTENTD_GYM_STATE",
            )
        return cls(name, home)

    @property
    def tag(self) -> str:
        """Eight hex digits that stand for the folder on the host."""
        return hashlib.sha256(str(self.home).encode()).hexdigest()[:8]

    @property
    def bridge(self) -> str:
        return f"itd{self.tag}"

    @property
    def cgroup(self) -> str:
        """Root of the pods' cgroups, the same name in every hierarchy."""
        return f"intentd-gym-{self.tag}"

    @property
    def node(self) -> str:
        return f"{self.name}-node"

    @property
    def exists(self) -> bool:
        return self.home.exists()

    def path(self, *parts: str) -> Path:
        return self.home.joinpath(*parts)

    @contextmanager
    def lock(self, *, remove: bool = False) -> Iterator[None]:
        """Only one `up` or `down` at a time; a killed one lets go by dying. GymError names who holds it.

        The file stands beside the folder, so that removing the folder never removes a held lock. With
        `remove` it goes at the end; a waiter that opened the removed file notices by its inode.
        """
        self.home.parent.mkdir(parents=True, exist_ok=True)
        path = self.home.with_name(f".{self.name}.lock")
        while True:
            with path.open("a+") as handle:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    handle.seek(0)
                    holder = handle.read().strip() or "another process"
                    raise GymError(
                        f"{holder} is starting or stopping {self.name} right now", "wait for it or end it"
                    ) from None
                if not path.exists() or path.stat().st_ino != os.fstat(handle.fileno()).st_ino:
                    continue
                handle.truncate(0)
                handle.write(f"process {os.getpid()}")
                handle.flush()
                try:
                    yield
                finally:
                    handle.truncate(0)
                    if remove:
                        path.unlink(missing_ok=True)
                return

    def read(self) -> dict[str, Any]:
        """The record, empty where nothing was written yet."""
        try:
            found: dict[str, Any] = json.loads(self.path("instance.json").read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return {}
        return found

    def update(self, **values: Any) -> None:
        """Merge values into the record; the file is replaced in one step. None removes a key."""
        with _RECORD:
            self._write({**self.read(), **values})

    def update_in(self, key: str, name: str, value: Any) -> None:
        """Set one entry of a mapping in the record (None removes it), safe among threads."""
        with _RECORD:
            record = self.read()
            entries = {**record.get(key, {}), name: value}
            self._write({**record, key: {n: v for n, v in entries.items() if v is not None}})

    def _write(self, record: dict[str, Any]) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        part = self.path("instance.json.part")
        kept = {key: value for key, value in record.items() if value is not None}
        part.write_text(json.dumps(kept, indent=2) + "\n")
        part.replace(self.path("instance.json"))


_RECORD = threading.Lock()
"""`up` starts things from two threads; other processes are kept out by the instance's lock."""


def all_instances(state: Path | None = None) -> list[Instance]:
    """Those with a folder below the state folder, by name."""
    root = state_dir(state)
    if not root.is_dir():
        return []
    return [
        Instance(path.name, path.resolve())
        for path in sorted(root.iterdir())
        if path.is_dir() and _NAME.fullmatch(path.name)
    ]


def free_ports(count: int, address: str = "127.0.0.1") -> list[int]:
    """Ports nobody listens on, all different: held at once while choosing.

    Another process may still take one before ours starts; servers then fail to start and say so, and
    nobody ever talks to a stranger's server because each instance has certificates of its own.
    """
    held = [socket.socket() for _ in range(count)]
    try:
        for each in held:
            each.bind((address, 0))
        return [int(each.getsockname()[1]) for each in held]
    finally:
        for each in held:
            each.close()
