"""Intent files from a watched directory: the adapter of the port `IntentSource`.

The directory may be a plain one, a ConfigMap mount (`web.yaml -> ..data/web.yaml`, `..data ->
..2026_11_21.../`, swapped atomically by the kubelet), or not there yet. Only regular files that lie inside
the directory are opened, and what is opened is checked again once it is open: a FIFO would hang us, a link
could read any file that the daemon may read.

Only the directory itself is read, no folders below it. Write atomically (a temporary name, then rename); a
file caught while somebody writes it is an error for one turn, and the next burst of changes mends it.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import watchfiles

from intents.documents import MAX_BYTES
from intents.problems import DIRECTORY, FileError, one_line

SUFFIXES = (".yaml", ".yml", ".json")
MAX_FILES = 10_000
"""Ten times the design's 1,000: past this the directory is probably not the one that was meant."""

_DEBOUNCE_MS = 400  # a burst is over when nothing changed for this long, or after it at the latest
_STEP_MS = 50
_LOOK_MS = 1000  # how often a quiet watch checks that it still watches the right directory


def is_intent_file(name: str) -> bool:
    """By name: hidden files (`.#web.yaml`, `.web.yaml.swp`) and editors' copies (`#web.yaml#`) are not."""
    return name.lower().endswith(SUFFIXES) and not name.startswith((".", "#"))


class IntentDirectory:
    """The port `IntentSource` over a directory. Holds no state: every read looks anew."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Mapping[str, bytes | FileError]:
        """Every intent file by name, its bytes or why they cannot be had; never raises OSError.

        A directory that is missing or unreadable is one FileError under `DIRECTORY`: unreadable is not
        empty.
        """
        try:
            root = Path(os.path.realpath(self._path, strict=True))
            names = sorted(entry.name for entry in root.iterdir() if is_intent_file(entry.name))
        except OSError as error:
            return {
                DIRECTORY: FileError(f"the directory {self._path} {_why(error)}", _directory_remedy(error))
            }
        found: dict[str, bytes | FileError] = {}
        for name in names[:MAX_FILES]:
            content = _read_entry(root, name)
            if content is not None:
                found[one_line(name)] = content
        for name in names[MAX_FILES:]:
            remedy = "Split the directory, or check that it is the right one"
            found[one_line(name)] = FileError(f"more than {MAX_FILES:,} files in the directory", remedy)
        return found

    def changes(self, stop: threading.Event) -> Iterator[None]:
        """One item once the watch has begun (what changed before it may have been missed), after each burst
        of changes, and when the directory vanishes or is another one. Ends when `stop` is set.

        Where the system refuses to watch, it asks for a look every second instead; the caller's resync
        covers file systems that report no changes (NFS).
        """
        was_there = self._identity() is not None
        while not stop.is_set():
            identity = self._identity()
            if identity is None:
                if was_there:
                    yield
                was_there = False
                stop.wait(_LOOK_MS / 1000)
                continue
            was_there, begun = True, False
            try:
                for burst in self._watch(stop):
                    if burst or not begun:
                        yield
                    begun = True
                    if self._identity() != identity:
                        break
            except (OSError, RuntimeError):  # gone meanwhile, or out of inotify watches
                stop.wait(_LOOK_MS / 1000)
                yield

    def _watch(self, stop: threading.Event) -> Iterator[object]:
        return watchfiles.watch(
            self._path,
            watch_filter=_concerns_us,
            debounce=_DEBOUNCE_MS,
            step=_STEP_MS,
            stop_event=stop,
            rust_timeout=_LOOK_MS,
            yield_on_timeout=True,
            raise_interrupt=False,
            recursive=False,
            ignore_permission_denied=True,
        )

    def _identity(self) -> tuple[int, int] | None:
        """Which directory the path means now; None where there is none."""
        try:
            status = self._path.stat()
        except OSError:
            return None
        return (status.st_dev, status.st_ino) if stat.S_ISDIR(status.st_mode) else None


def read_intent_file(path: Path) -> bytes | FileError:
    """One file that a person named, with the same care; links may lead anywhere."""
    try:
        return _read_regular(os.path.realpath(path, strict=True))
    except OSError as error:
        return _file_error(error, is_link=os.path.islink(path))  # noqa: PTH114 - never raises


def _concerns_us(_change: watchfiles.Change, path: str) -> bool:
    name = Path(path).name
    return is_intent_file(name) or name == "..data"


def _read_entry(root: Path, name: str) -> bytes | FileError | None:
    """One entry of the directory; None where it is gone or a directory."""
    for last in (False, True):
        try:
            target = root / name
            if target.is_symlink():
                target = Path(os.path.realpath(target, strict=True))
            if not target.is_relative_to(root):
                remedy = "Copy the file into the directory; links may not lead out of it"
                return FileError("a link that leads out of the directory", remedy)
            return _read_regular(str(target))
        except IsADirectoryError:
            return None
        except FileNotFoundError as error:
            # Deleted since it was listed; or a link into a ConfigMap version that was swapped meanwhile.
            if not os.path.lexists(root / name):
                return None
            if last:
                return _file_error(error)
        except OSError as error:
            return _file_error(error)
    return None


def _read_regular(path: str) -> bytes | FileError:
    """The bytes of a regular file that did not change while they were read."""
    if not stat.S_ISREG(_regular_or_raise(os.lstat(path).st_mode)):
        return FileError("not a regular file", "Remove it; only regular files are read")
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NOCTTY)
    with os.fdopen(handle, "rb") as file:
        before = os.fstat(handle)
        if not stat.S_ISREG(before.st_mode):
            return FileError("not a regular file", "Remove it; only regular files are read")
        if before.st_size > MAX_BYTES:
            size = f"{before.st_size:,} bytes long; at most {MAX_BYTES:,} are read"
            return FileError(f"the file is {size}", "Split it into several files")
        data = file.read(before.st_size + 1)  # one more: a file that grew shows
        after = os.fstat(handle)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or len(
        data
    ) != after.st_size:
        return FileError("somebody is writing this file", "Write to another name, then rename it")
    return data


def _regular_or_raise(mode: int) -> int:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "is a directory")
    return mode


def _file_error(error: OSError, *, is_link: bool = True) -> FileError:
    if error.errno == errno.ELOOP:
        return FileError("a link that leads back to itself", "Remove it")
    if error.errno == errno.ENOENT and is_link:
        return FileError("a link to a file that does not exist", "Remove it or write the file")
    if error.errno in (errno.EACCES, errno.EPERM):
        return FileError("the daemon may not read this file", "Give its user read permission")
    return FileError(f"the file {_why(error)}", "Check the path")


def _why(error: OSError) -> str:
    match error.errno:
        case errno.ENOENT:
            return "does not exist"
        case errno.ENOTDIR:
            return "is not a directory"
        case errno.EACCES | errno.EPERM:
            return "may not be read"
        case _:
            return f"cannot be read: {error.strerror or type(error).__name__}"


def _directory_remedy(error: OSError) -> str:
    if error.errno in (errno.EACCES, errno.EPERM):
        return "Give the daemon's user read and search permission"
    return "Create it, or set another intent directory; what was in force stays, without autonomy"
