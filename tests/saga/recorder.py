"""Records what SQLite asks the disk for: `python -m tests.saga.recorder FOLDER LOG SEED`.

A VFS between SQLite and the file system, made with ctypes out of the default one: writes, truncations, syncs and
deletions go through and are written down in order. On top runs a whole intentd over fakes (`tests.fakes.rig`):
faults are mended and undone, with filling rows between, so that the log also holds checkpoints. Beside the
writes the log holds what the world knew at that moment: every acknowledged head of the ledger, and the cluster
after every change of it.
"""

from __future__ import annotations

import ctypes
import os
import pickle
import random
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from remediation.saga import State
from store.ledger import Entry, Ledger
from store.projection import SystemEvent
from store.queries import find_cases
from store.schema import ledger
from tests.fakes.rig import BAD, GOOD, Rig


@dataclass(frozen=True, slots=True)
class Write:
    file: str
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Truncate:
    file: str
    size: int


@dataclass(frozen=True, slots=True)
class Sync:
    file: str


@dataclass(frozen=True, slots=True)
class Delete:
    file: str
    synced: bool


@dataclass(frozen=True, slots=True)
class Acknowledged:
    head: str


@dataclass(frozen=True, slots=True)
class Cluster:
    """The cluster from here on, the images that work in it, and the time."""

    state: dict[str, Any]
    works: frozenset[str]
    now: float


Record = Write | Truncate | Sync | Delete | Acknowledged | Cluster

# ------------------------------------------------------------------ the VFS (sqlite3.h: sqlite3_vfs, sqlite3_io_methods)

POINTER, INT, INT64 = ctypes.c_void_p, ctypes.c_int, ctypes.c_int64
CLOSE = ctypes.CFUNCTYPE(INT, POINTER)
WRITE = ctypes.CFUNCTYPE(INT, POINTER, POINTER, INT, INT64)
TRUNCATE = ctypes.CFUNCTYPE(INT, POINTER, INT64)
SYNC = ctypes.CFUNCTYPE(INT, POINTER, INT)
OPEN = ctypes.CFUNCTYPE(INT, POINTER, POINTER, POINTER, INT, POINTER)
DELETE = ctypes.CFUNCTYPE(INT, POINTER, ctypes.c_char_p, INT)


class IoMethods(ctypes.Structure):
    _fields_ = [
        ("version", INT), ("close", CLOSE), ("read", POINTER), ("write", WRITE), ("truncate", TRUNCATE),
        ("sync", SYNC), *((f"rest{number}", POINTER) for number in range(13)),
    ]  # fmt: skip


class File(ctypes.Structure):
    _fields_ = [("methods", ctypes.POINTER(IoMethods))]


class Vfs(ctypes.Structure):
    _fields_ = [
        ("version", INT), ("file_size", INT), ("longest", INT), ("next", POINTER), ("name", ctypes.c_char_p),
        ("data", POINTER), ("open", OPEN), ("delete", DELETE), *((f"rest{number}", POINTER) for number in range(14)),
    ]  # fmt: skip


def library() -> ctypes.CDLL | None:
    """The SQLite that Python's own module uses; None where it cannot be reached (linked into the interpreter)."""
    import _sqlite3

    for candidate in (_sqlite3.__file__, None):
        try:
            found = ctypes.CDLL(candidate)
            found.sqlite3_vfs_find.restype = ctypes.POINTER(Vfs)
            found.sqlite3_vfs_find.argtypes = [ctypes.c_char_p]
            found.sqlite3_vfs_register.argtypes = [ctypes.POINTER(Vfs), INT]
        except (OSError, AttributeError):
            continue
        return found
    return None


class Recorder:
    """Stands in front of the default VFS from construction to the end of the process."""

    def __init__(self, sqlite: ctypes.CDLL) -> None:
        self.log: list[Record] = []
        self._names: dict[int, str] = {}
        self._kept: list[object] = []  # ctypes does not keep callbacks alive
        self._methods: dict[int, IoMethods] = {}  # by address of the original methods: one a kind of file
        base = sqlite.sqlite3_vfs_find(None)
        self._base = base.contents
        ours = Vfs.from_buffer_copy(self._base)
        ours.name = b"recording"
        ours.open, ours.delete = OPEN(self._open), DELETE(self._delete)
        self._kept += [ours, ours.open, ours.delete]
        if sqlite.sqlite3_vfs_register(ctypes.byref(ours), 1):
            raise OSError("SQLite did not take the VFS")

    def _open(self, _vfs: int, name: int | None, file: int, flags: int, out: int) -> int:
        """`name` stays SQLite's own pointer: the unix VFS reads it as long as the file is open (for `-shm`)."""
        base = ctypes.addressof(self._base)
        code = self._base.open(base, name, file, flags, out)
        handle = File.from_address(file)
        if code or not handle.methods or name is None:
            return code
        self._names[file] = Path(os.fsdecode(ctypes.string_at(name))).name
        original = ctypes.addressof(handle.methods.contents)
        if original not in self._methods:
            self._methods[original] = self._wrapped(handle.methods.contents)
        handle.methods = ctypes.pointer(self._methods[original])
        return code

    def _wrapped(self, base: IoMethods) -> IoMethods:
        ours = IoMethods.from_buffer_copy(base)

        def write(file: int, data: int, count: int, offset: int) -> int:
            self.log.append(Write(self._names[file], offset, ctypes.string_at(data, count)))
            return int(base.write(file, data, count, offset))

        def truncate(file: int, size: int) -> int:
            self.log.append(Truncate(self._names[file], size))
            return int(base.truncate(file, size))

        def sync(file: int, flags: int) -> int:
            code = int(base.sync(file, flags))
            self.log.append(Sync(self._names[file]))
            return code

        ours.write, ours.truncate, ours.sync = WRITE(write), TRUNCATE(truncate), SYNC(sync)
        self._kept += [ours.write, ours.truncate, ours.sync]
        return ours

    def _delete(self, _vfs: int, name: bytes, sync: int) -> int:
        code = int(self._base.delete(ctypes.addressof(self._base), name, sync))
        self.log.append(Delete(Path(os.fsdecode(name)).name, bool(sync)))
        return code


# ------------------------------------------------------------------ the life that is recorded


class AcknowledgingLedger(Ledger):
    """The ledger; each transaction that returned is noted with its head."""

    recorder: Recorder

    def record(self, entries, *, at):
        super().record(entries, at=at)
        self._note()

    def open_case(self, key, payload, *, at):
        case = super().open_case(key, payload, at=at)
        self._note()
        return case

    def _note(self):
        with self.snapshot() as connection:
            newest = select(ledger.c.hash).order_by(ledger.c.seq.desc()).limit(1)
            self.recorder.log.append(Acknowledged(connection.execute(newest).scalar_one()))


CLUSTER = ("_objects", "_version", "_uids", "written")


class RecordedRig(Rig):
    ledger = AcknowledgingLedger

    def note(self):
        state = {name: pickle.loads(pickle.dumps(getattr(self.cluster, name))) for name in CLUSTER}
        AcknowledgingLedger.recorder.log.append(Cluster(state, frozenset(self.works), self.clock.now()))

    def set_image(self, image, name="web"):
        super().set_image(image, name)
        self.note()

    def _controller(self, written):
        super()._controller(written)
        self.note()


def live(folder: Path, chance: random.Random) -> None:
    """Fixes and undos in turn, and rows that fill the log until it is checkpointed."""
    rig = RecordedRig(folder)
    rig.turn(8)
    for number in range(4):
        rig.works = {GOOD} if number % 2 == 0 else set()
        rig.set_image(f"{BAD}{number}")
        rig.until(State.CLOSED)
        for _ in range(40):
            filling = {"database": "x" * chance.randrange(6000), "cluster": ""}
            rig.store.record([Entry(SystemEvent.STARTED, filling)], at=rig.clock.now())
        rig.works = {GOOD}
        rig.set_image(GOOD)
        rig.turn(80)
    assert {row.outcome for row in find_cases(rig.store)} >= {"fixed", "rolled-back"}


def main() -> int:
    folder, target, seed = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    sqlite = library()
    if sqlite is None:
        sys.stderr.write("the SQLite of this Python cannot be reached from outside\n")
        return 3
    AcknowledgingLedger.recorder = Recorder(sqlite)
    live(folder, random.Random(seed))
    target.write_bytes(pickle.dumps(AcknowledgingLedger.recorder.log))
    return 0


if __name__ == "__main__":
    from tests.saga import recorder  # under its own name, so that what is pickled can be read elsewhere

    sys.exit(recorder.main())
