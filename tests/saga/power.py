"""Power loss: what may stand on the disk when the machine stops at any moment, and what intentd makes of it.

Simulated: everything that was synced is there; of each write, truncation and deletion since the last sync of its
file, anything may be there: all, nothing, any subset in any order, single sectors (512 or 4096 bytes) of a write,
and where the file had grown, zeros or old garbage in the sectors that did not arrive. A file that was never
synced may be missing. Not simulated: disks that say that they synced and did not, sectors that decay later,
and file systems that lose what was synced.
"""

from __future__ import annotations

import pickle
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select

from remediation.saga import Event, State
from store.errors import StoreError
from store.ledger import Entry, Ledger
from store.projection import SystemEvent
from store.queries import find_cases, newest_steps
from store.schema import ledger
from tests.fakes.rig import GOOD, Rig
from tests.saga.recorder import CLUSTER, Acknowledged, Cluster, Delete, Record, Sync, Truncate, Write
from tests.saga.wrong import Kind, Progress, Wrong, silent

DATABASE = "ledger.db"
SECTORS = (512, 4096)
TURNS = 200
"""Seconds of the daemon's life after which a case that is still being worked on is stuck."""


class NoRecorderError(Exception):
    """This Python's SQLite cannot be recorded."""


def recorded(folder: Path, seed: int) -> list[Record]:
    """One life of intentd as its disk saw it."""
    folder.mkdir(parents=True)
    target = folder / "log"
    done = subprocess.run(
        [sys.executable, "-m", "tests.saga.recorder", folder, target, str(seed)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    if done.returncode == 3:
        raise NoRecorderError(done.stderr.strip())
    if done.returncode:
        raise AssertionError(done.stderr)
    found: list[Record] = pickle.loads(target.read_bytes())
    return found


# ------------------------------------------------------------------ images


@dataclass
class File:
    """One file: what is synced, and what was asked for since; `kept` None = it may not exist."""

    kept: bytearray | None = None
    since: list[Write | Truncate] = field(default_factory=list)

    def sync(self) -> None:
        content = self.kept or bytearray()
        for asked in self.since:
            carry_out(content, asked)
        self.kept, self.since = content, []


def carry_out(content: bytearray, asked: Write | Truncate) -> None:
    """As the file system does it in the end."""
    if isinstance(asked, Truncate):
        del content[asked.size :]
        content.extend(bytes(asked.size - len(content)))
        return
    content.extend(bytes(max(0, asked.offset - len(content))))
    content[asked.offset : asked.offset + len(asked.data)] = asked.data


def image(log: Sequence[Record], cut: int, chance: random.Random) -> dict[str, bytes]:
    """The files of one machine that stopped after the first `cut` records."""
    files: dict[str, File] = {}
    leaving: dict[str, File] = {}  # deleted, and the folder not synced since
    for record in log[:cut]:
        match record:
            case Write() | Truncate():
                files.setdefault(record.file, File()).since.append(record)
            case Sync():
                file = files.setdefault(record.file, File())
                if file.kept is None and record.file.endswith(("-wal", "-journal")):
                    leaving.clear()  # SQLite syncs the folder with the first sync of these (os_unix.c, DIRSYNC)
                file.sync()
            case Delete():
                leaving[record.file] = files.pop(record.file, File())
                if record.synced:
                    leaving.clear()
    files |= {name: file for name, file in leaving.items() if name not in files and chance.random() < 0.5}
    found = {}
    for name, file in files.items():
        content = _crashed(file, chance)
        if content is not None:
            found[name] = content
    return found


def _crashed(file: File, chance: random.Random) -> bytes | None:
    mode = chance.choice(["all", "none", "some", "torn", "torn", "garbage"])
    if mode == "none" or not file.since:
        return None if file.kept is None else bytes(file.kept)
    content = bytearray(file.kept or b"")
    sector = chance.choice(SECTORS)
    for asked in file.since:
        if mode == "all" or isinstance(asked, Truncate) or mode == "some":
            if mode == "all" or chance.random() < 0.5:
                carry_out(content, asked)
            continue
        for begin, part in _sectors(asked, sector):
            arrived = chance.random() < 0.5
            if mode == "garbage" and not arrived and begin >= len(content):
                carry_out(content, Write(asked.file, begin, chance.randbytes(len(part))))
            elif arrived:
                carry_out(content, Write(asked.file, begin, part))
    return bytes(content)


def _sectors(asked: Write, size: int) -> list[tuple[int, bytes]]:
    """A write, cut where the disk's sectors end."""
    parts, offset, end = [], asked.offset, asked.offset + len(asked.data)
    while offset < end:
        after = min(end, (offset // size + 1) * size)
        parts.append((offset, asked.data[offset - asked.offset : after - asked.offset]))
        offset = after
    return parts


# ------------------------------------------------------------------ what intentd makes of one


@dataclass
class Found:
    """What all images came to."""

    images: int = 0
    revived: int = 0
    lost: int = 0
    wrong: list[Wrong] = field(default_factory=list)
    rows: Counter[str] = field(default_factory=Counter)


def examine(
    log: Sequence[Record], cut: int, folder: Path, chance: random.Random, found: Found, *, revive: bool
) -> None:
    """Make an image, open it as the daemon would, and go on with it."""
    folder.mkdir(parents=True)
    for name, content in image(log, cut, chance).items():
        (folder / name).write_bytes(content)
    found.images += 1
    where = f"power lost after {cut} of {len(log)} writes"
    try:
        found.wrong += [Wrong(Kind.LOST, f"{where}: {said}") for said in _reopened(log, cut, folder, found)]
        if revive:
            found.revived += 1
            found.wrong += [Wrong(said.kind, f"{where}: {said.text}") for said in _revive(log, cut, folder)]
    except StoreError as error:
        found.wrong.append(Wrong(Kind.LOST, f"{where}: {error}"))


def _reopened(log: Sequence[Record], cut: int, folder: Path, found: Found) -> list[str]:
    told = {record.head for record in log[:cut] if isinstance(record, Acknowledged)}
    ever = {record.head for record in log if isinstance(record, Acknowledged)}
    wrong, store = [], Ledger.open(folder / DATABASE)
    try:
        with store.snapshot() as connection:
            hashes = list(connection.execute(select(ledger.c.hash).order_by(ledger.c.seq)).scalars())
        lost = told - set(hashes)
        found.lost += len(lost)
        report = store.verify()
        if lost or not report.intact:
            wrong.append(f"{len(lost)} acknowledged transactions lost; {report.reason or 'chain intact'}")
        if hashes and hashes[-1] not in ever:
            wrong.append("a transaction is there in part")
        store.record([Entry(SystemEvent.STARTED, {"database": "again"})], at=2e9)
        if not store.verify().intact:
            wrong.append("the chain breaks where it goes on")
    finally:
        store.close()
    return wrong


class RevivedRig(Rig):
    """A new process on what the disk kept, before the cluster as it was at that moment."""

    def __init__(self, folder: Path, world: Cluster) -> None:
        super().__init__(folder)
        for name in CLUSTER:
            setattr(self.cluster, name, pickle.loads(pickle.dumps(world.state[name])))
        self.cluster._facts = {}
        self.works = set(world.works)
        self.clock.advance(max(0.0, world.now - self.clock.now()))


def _revive(log: Sequence[Record], cut: int, folder: Path) -> list[Wrong]:
    world = next((record for record in reversed(log[:cut]) if isinstance(record, Cluster)), None)
    if world is None:
        return []
    rig = RevivedRig(folder, world)
    try:
        rig.turn(3)
        for _ in range(TURNS):
            if not find_cases(rig.store, only_open=True):
                break
            rig.turn()
        return _wrong(rig)
    finally:
        rig.store.close()


def _wrong(rig: Rig) -> list[Wrong]:
    wrong = [
        Wrong(Kind.STUCK, f"{row.case_id} is stuck in {row.state}")
        for row in find_cases(rig.store, only_open=True)
    ]
    started = [
        (step.case_id, step.event, step.payload["operation_id"])
        for step in newest_steps(rig.store, limit=10**6)
        if step.event in (Event.APPLY_STARTED, Event.ROLLBACK_STARTED)
    ]
    begun = {operation: (case, event) for case, event, operation in started}
    effects = [written.operation_id for written in rig.cluster.written]
    wrong += [
        Wrong(Kind.LOST, f"{operation} has an effect and no row")
        for operation in effects
        if operation not in begun
    ]
    counted = Counter(begun[operation] for operation in effects if operation in begun)
    wrong += [
        Wrong(Kind.DUPLICATE, f"{case} had {count} effects of {event}")
        for (case, event), count in counted.items()
        if count > 1
    ]
    newest = next((row for row in find_cases(rig.store) if row.outcome in ("fixed", "rolled-back")), None)
    cases = find_cases(rig.store)
    if newest is not None and cases and newest is cases[0] and newest.state is State.CLOSED:
        fixed = newest.outcome == "fixed"
        if fixed and rig.image != GOOD:
            wrong.append(Wrong(Kind.STUCK, f"{newest.case_id} is fixed, and the image is {rig.image}"))
    if not rig.store.verify().intact:
        wrong.append(Wrong(Kind.LOST, "the chain is broken"))
    return wrong


def run(folder: Path, images: int, seed: int, *, revive_every: int, told: Progress = silent) -> Found:
    """So many images of one recorded life; each `revive_every`-th is lived on with."""
    import shutil

    chance, found = random.Random(seed), Found()
    log = recorded(folder / "life", seed)
    found.rows.update(type(record).__name__ for record in log)
    for number in range(images):
        place = folder / f"image-{number}"
        examine(
            log, chance.randrange(1, len(log) + 1), place, chance, found, revive=number % revive_every == 0
        )
        shutil.rmtree(place)
        if (number + 1) % 20 == 0:
            told(number + 1, images, f"images, {len(found.wrong)} wrong")
    return found
