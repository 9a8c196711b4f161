"""Killed within each migration: `python -m tests.saga.migrating DATABASE N` opens the ledger as the daemon does and
kills itself with SIGKILL before its N-th statement that could change the file, or around its COMMIT.

A database is begun for each version that a migration starts from; the old ones hold rows. Whatever stands on the disk
after the kill must open again, be at the newest version, and hold every row that it held.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import event

from store.chain import GENESIS, canonical, row_hash
from store.engine import open_writer
from store.ledger import Entry, Ledger
from store.migrations import MIGRATIONS, migrate
from store.projection import SystemEvent
from tests.saga.nursery import Nursery
from tests.saga.wrong import Kind, Progress, Wrong, silent

ROWS = 40
"""Of a database that is older than its program; some of them on pages of their own."""
AT = 1_700_000_000.0


@dataclass
class Found:
    """What all kills came to."""

    points: int = 0
    kills: int = 0
    wrong: list[Wrong] = field(default_factory=list)


def run(folder: Path, times: int, told: Progress = silent) -> Found:
    """So many kills at each point of each migration."""
    found, nursery = Found(), Nursery("tests.saga.migrating", env=dict(os.environ))
    folder.mkdir(parents=True)
    every = times * sum(len(points(version)) for version in range(len(MIGRATIONS)))
    try:
        for version in range(len(MIGRATIONS)):
            for number in points(version):
                found.points += 1
                for time in range(times):
                    database = folder / f"{version}-{number}-{time}" / "ledger.db"
                    said = _killed_at(nursery, database, version, number)
                    found.kills += 1
                    found.wrong += [
                        Wrong(Kind.LOST, f"version {version}, killed at {number}: {one}") for one in said
                    ]
            told(found.kills, every, f"migrations from version {version}, {len(found.wrong)} wrong")
    finally:
        nursery.close()
    return found


def points(version: int) -> range:
    """Before each statement, before the COMMIT and after it. One of a version and the numbering of it are two."""
    statements = sum(len(one) + 1 for one in MIGRATIONS[version:])
    return range(statements + 2)


def _killed_at(nursery: Nursery, database: Path, version: int, number: int) -> list[str]:
    database.parent.mkdir()
    hashes = old(database, version)
    process = nursery.fork("tests.saga.migrating", database, str(number), output=database.with_name("log"))
    if (code := process.wait()) != -signal.SIGKILL:
        return [f"it ended by itself with {code}: {database.with_name('log').read_text()[-500:]}"]
    return list(_opened_again(database, hashes))


def _opened_again(database: Path, hashes: list[str]) -> Iterator[str]:
    with closing(sqlite3.connect(database)) as connection:
        reached = connection.execute("PRAGMA user_version").fetchone()[0]
        if connection.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
            yield "the file is damaged"
    store = Ledger.open(database)
    try:
        store.record([Entry(SystemEvent.STARTED, {"database": "again"})], at=AT + ROWS)
        report = store.verify()
        if not report.intact or report.rows != len(hashes) + 1:
            yield f"reached version {reached}; now {report.rows} rows, {report.reason or 'chain intact'}"
        if lost := [one for one in hashes if not store.has_hash(one)]:
            yield f"{len(lost)} rows are lost"
        with store.snapshot() as connection:
            newest = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
        if newest != len(MIGRATIONS):
            yield f"it stays at version {newest}"
    finally:
        store.close()


def old(database: Path, version: int) -> list[str]:
    """A database as that version left it; answers the hashes of its rows."""
    engine = open_writer(database)
    hashes: list[str] = []
    with engine.begin() as connection:
        for number, statements in enumerate(MIGRATIONS[:version], start=1):
            for statement in statements:
                connection.exec_driver_sql(statement)
            connection.exec_driver_sql(f"PRAGMA user_version = {number}")
        for seq in range(1, ROWS + 1 if version else 1):
            text = canonical({"database": "x" * (seq * 100)})
            before = hashes[-1] if hashes else GENESIS
            hashes.append(row_hash(before, seq, AT + seq, None, SystemEvent.STARTED.value, text))
            connection.exec_driver_sql(
                "INSERT INTO ledger VALUES (?, ?, NULL, ?, ?, ?, ?)",
                (seq, AT + seq, SystemEvent.STARTED.value, text, before, hashes[-1]),
            )
    engine.dispose()
    return hashes


# ------------------------------------------------------------------ the process that dies


def main() -> int:
    """Open the ledger as `Ledger.open` does, and die on the way."""
    database, last = Path(sys.argv[1]), int(sys.argv[2])
    engine, passed = open_writer(database), iter(range(last + 1))

    def passing() -> None:
        if next(passed) == last:
            os.kill(os.getpid(), signal.SIGKILL)

    @event.listens_for(engine, "before_cursor_execute")
    def _statement(_connection, _cursor, statement, *_more):
        if not statement.startswith(("BEGIN", "PRAGMA user_version")) or "=" in statement:
            passing()

    event.listen(engine, "commit", lambda _: passing())
    with engine.begin() as connection:
        migrate(connection)
    passing()
    return 0


if __name__ == "__main__":
    sys.exit(main())
