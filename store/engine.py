"""Opening the database: one writer with full durability, any number of readers.

WAL with synchronous=FULL: a transaction that returned has reached the disk, also after power loss. Every
write transaction begins IMMEDIATE, so that two writers meet at BEGIN and not in the middle. Readers have
connections of their own, so that no question waits for another thread's fsync.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, IntegrityError, OperationalError
from sqlalchemy.pool import QueuePool, StaticPool

from store.errors import StoreError

BUSY_MILLISECONDS = 2000
"""How long a write waits for a reader's checkpoint or a backup before it says "locked"."""

READERS = 4
"""Connections kept for questions: the three loops and the control socket."""


def open_writer(path: Path) -> Engine:
    """The daemon's engine; the caller holds the lock of `store.lock`."""
    engine = create_engine("sqlite://", creator=_connect(str(path)), poolclass=StaticPool)

    @event.listens_for(engine, "connect")
    def _pragmas(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA trusted_schema = OFF")

    @event.listens_for(engine, "begin")
    def _immediate(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def open_reader(path: Path) -> Engine:
    """A read-only engine, safe beside a running daemon."""
    connect = _connect(read_only_uri(path), uri=True)
    engine = create_engine("sqlite://", creator=connect, poolclass=QueuePool, pool_size=READERS)

    @event.listens_for(engine, "begin")
    def _snapshot(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def read_only_uri(path: Path) -> str:
    """SQLite's name for opening a file without the right to change it; `?`, `%` and `#` in it are escaped."""
    return f"{path.absolute().as_uri()}?mode=ro"


def _connect(name: str, *, uri: bool = False) -> Callable[[], sqlite3.Connection]:
    """Makes connections that one thread at a time may use; we say BEGIN, not the driver."""

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(
            name,
            timeout=BUSY_MILLISECONDS / 1000,
            isolation_level=None,
            check_same_thread=False,
            uri=uri,
        )

    return connect


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn the driver's errors into sentences that say whose turn it is."""
    try:
        yield
    except IntegrityError:
        raise  # a broken rule of our own schema: a bug, not the operator's file
    except OperationalError as error:
        said = str(error.orig)
        if "locked" in said or "busy" in said:
            raise StoreError(
                f"{path} is locked", remedy="another program holds it; intentd tries again", retry=True
            ) from error
        if "full" in said:
            raise StoreError(
                f"no space left for {path}",
                remedy="free disk space; nothing is written to the cluster until then",
                retry=True,
            ) from error
        if "readonly" in said or "unable to open" in said:
            raise StoreError(
                f"{path} cannot be opened ({said})",
                remedy="give the daemon's user write access to the file and its folder",
            ) from error
        raise StoreError(f"{path}: {said}", remedy="see `intentd ledger verify`", retry=True) from error
    except DatabaseError as error:
        raise StoreError(
            f"{path} is not a sound database ({error.orig})",
            remedy="restore the last backup (`intentd ledger backup`)",
        ) from error
