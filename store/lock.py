"""One daemon a database: an advisory lock on a file beside it, released by the kernel at process end."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from store.errors import StoreError


class DatabaseLock:
    """Held from start to end of the daemon. Not re-entrant; a second holder is refused with its pid."""

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(database.name + ".lock")
        try:
            self._fd: int | None = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(
                f"{self._path} cannot be opened ({error.strerror})",
                remedy="create its folder and give the daemon's user access",
            ) from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._fd, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(self._fd)
            self._fd = None
            raise StoreError(
                f"{database} is in use by another intentd (pid {holder})",
                remedy="stop that one, or give this one a database of its own (`database:` in the settings)",
            ) from None
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Give the database back; harmless when done twice."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
