"""The store as the daemon uses it: append rows in one durable transaction, ask the read models.

Invariant: `record` returned = on disk. Nothing else writes. A lock keeps appends in one order; questions never
wait for them.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select

from detectors.model import CaseKey
from remediation.model import CaseId
from remediation.saga import Event
from store.chain import ChainReport, canonical, highest_number, row_hash, verify_chain
from store.engine import open_reader, open_writer, translated
from store.errors import StoreError
from store.migrations import MIGRATIONS, migrate
from store.projection import SystemEvent, project
from store.schema import anchor, cases, ledger


@dataclass(frozen=True, slots=True)
class Entry:
    """One row to append. `case` is None for system events."""

    event: Event | SystemEvent
    payload: dict[str, Any]
    case: str | None = None


class Ledger:
    """The database behind one path."""

    def __init__(self, path: Path, reader: Engine, writer: Engine | None = None) -> None:
        self.path = path
        self._reader, self._writer = reader, writer
        self._lock = threading.Lock()
        self._mine = threading.local()  # this thread's snapshot, while it is in one
        self.writes = 0  # transactions recorded by this process: readers cache by it

    @classmethod
    def open(cls, path: Path) -> Ledger:
        """Open for writing, migrating where needed. The caller holds the DatabaseLock."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)  # before SQLite makes it and its log readable for everybody
            path.chmod(0o600)
        except OSError as error:
            raise StoreError(
                f"{path} cannot be made ({error.strerror})",
                remedy="give the daemon's user write access to the file and its folder",
            ) from error
        engine = open_writer(path)
        with translated(path), engine.begin() as connection:
            migrate(connection)
        return cls(path, open_reader(path), engine)

    @classmethod
    def open_read_only(cls, path: Path) -> Ledger:
        """Open beside a running daemon, or after it."""
        try:
            path.stat()
        except FileNotFoundError as error:
            raise StoreError(
                f"{path} does not exist",
                remedy="start `intentd run` once, or name the settings that name it: --settings FILE",
            ) from error
        except OSError as error:
            raise StoreError(
                f"{path} cannot be read ({error.strerror})",
                remedy="read it as the daemon's user: `sudo -u intentd intentd ...`",
            ) from error
        engine = open_reader(path)
        with translated(path), engine.begin() as connection:
            version = int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
        if version != len(MIGRATIONS):
            raise StoreError(
                f"{path} has schema version {version}, this intentd reads {len(MIGRATIONS)}",
                remedy="use the intentd that wrote it",
            )
        return cls(path, engine)

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A stable picture for questions. Joined where this thread is in one already, so that several
        questions (a guard's inputs) are answered from one moment."""
        current: Connection | None = getattr(self._mine, "connection", None)
        if current is not None:
            yield current
            return
        with translated(self.path), self._reader.begin() as connection:
            self._mine.connection = connection
            try:
                yield connection
            finally:
                self._mine.connection = None

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A write transaction, durable when it is left. StoreError where the database is open for reading."""
        if self._writer is None:
            raise StoreError(f"{self.path} is open for reading only", remedy="only the daemon writes")
        with self._lock, translated(self.path), self._writer.begin() as connection:
            yield connection

    def record(self, entries: Sequence[Entry], *, at: float) -> None:
        """Append rows and their projections in one transaction. All or none; returned = durable."""
        with self.transaction() as connection:
            append(connection, entries, at=at)
        self.writes += 1

    def open_case(self, key: CaseKey, payload: dict[str, Any], *, at: float) -> CaseId:
        """Open the next case of a key and answer its id."""
        with self.transaction() as connection:
            last = connection.execute(
                select(func.max(cases.c.opening)).where(
                    cases.c.intent == key.intent,
                    cases.c.kind == key.kind,
                    cases.c.namespace == key.namespace,
                    cases.c.name == key.name,
                )
            ).scalar()
            case = CaseId(key, (last or 0) + 1)
            row = {**key._asdict(), "opening": case.opening, **payload}
            append(connection, [Entry(Event.OPENED, row, str(case))], at=at)
        self.writes += 1
        return case

    def verify(self) -> ChainReport:
        """Walk the chain."""
        with self.snapshot() as connection:
            return verify_chain(connection)

    def has_hash(self, digest: str) -> bool:
        """Whether a row (or the anchor) carries this hash."""
        with self.snapshot() as connection:
            row = connection.execute(select(ledger.c.seq).where(ledger.c.hash == digest)).first()
            return row is not None or connection.execute(select(anchor.c.hash)).scalar_one() == digest

    def close(self) -> None:
        """Close every connection."""
        self._reader.dispose()
        if self._writer is not None:
            self._writer.dispose()


def append(connection: Connection, entries: Sequence[Entry], *, at: float) -> None:
    """Append within a transaction that the caller holds.

    Numbers are never used twice: after a tail that somebody cut off, the next row leaves its gap visible.
    """
    last = connection.execute(
        select(ledger.c.seq, ledger.c.hash).order_by(ledger.c.seq.desc()).limit(1)
    ).one_or_none()
    if last is None:
        last = connection.execute(select(anchor.c.pruned_to, anchor.c.hash)).one()
    seq, prev = max(last[0], highest_number(connection)), last[1]
    at = float(at)  # an int would read back as a float and break its own hash
    for entry in entries:
        seq += 1
        text = canonical(entry.payload)
        digest = row_hash(prev, seq, at, entry.case, entry.event.value, text)
        connection.execute(
            insert(ledger).values(
                seq=seq,
                at=at,
                case_id=entry.case,
                event=entry.event.value,
                payload=text,
                prev=prev,
                hash=digest,
            )
        )
        payload = json.loads(text)
        project(connection, seq=seq, at=at, case_id=entry.case, event=entry.event.value, payload=payload)
        prev = digest
