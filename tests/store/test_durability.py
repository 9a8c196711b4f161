"""What happens to the ledger when the process, the disk or somebody else's lock gets in its way."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Float, Integer

from store.engine import open_writer
from store.errors import StoreError
from store.ledger import Entry, Ledger
from store.lock import DatabaseLock
from store.migrations import MIGRATIONS, migrate
from store.projection import SystemEvent
from store.queries import newest_steps
from store.schema import metadata
from tests.store.lives import KEY, NOW, OPENED, healed, make

KILLS = 25


def started(number: int) -> Entry:
    return Entry(SystemEvent.STARTED, {"number": number, "pad": "x" * 2000})


@contextlib.contextmanager
def writer(database: Path, first: int) -> Iterator[subprocess.Popen[bytes]]:
    """A real process that writes, until it is killed or the block ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.store.writer", str(database), str(first)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"started\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_kill_9_at_any_moment_loses_no_row_that_was_acknowledged(tmp_path: Path) -> None:
    database, chance = tmp_path / "ledger.db", random.Random(7)
    acknowledged = -1
    for _ in range(KILLS):
        with writer(database, acknowledged + 1) as process:
            assert process.stdout is not None
            threading.Timer(chance.uniform(0.0, 0.08), process.kill).start()
            said = process.stdout.read().split(b"\n")[:-1]
        if said:
            acknowledged = int(said[-1])
        store = Ledger.open(database)
        report = store.verify()
        assert report.intact
        # The row after the last acknowledged one may be there: it was killed before it could say so.
        assert report.rows - 1 - acknowledged in {0, 1}
        acknowledged = report.rows - 1
        store.close()
    assert acknowledged > KILLS, "the process was killed too early to have written"
    numbers = [step.payload["number"] for step in newest_steps(Ledger.open_read_only(database), limit=10**6)]
    assert numbers == list(range(acknowledged + 1))


def test_a_second_daemon_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    database = tmp_path / "ledger.db"
    with writer(database, 0) as process:
        with pytest.raises(StoreError, match=rf"pid {process.pid}\b") as refused:
            DatabaseLock(database)
        assert "stop that one" in refused.value.remedy
        process.send_signal(signal.SIGKILL)
        process.wait()
        DatabaseLock(database).release()


def test_the_lock_can_be_taken_again_after_it_was_given_back(tmp_path: Path) -> None:
    first = DatabaseLock(tmp_path / "ledger.db")
    first.release()
    first.release()
    second = DatabaseLock(tmp_path / "ledger.db")
    with pytest.raises(StoreError, match=f"pid {os.getpid()}"):
        DatabaseLock(tmp_path / "ledger.db")
    second.release()


def test_a_lock_in_a_folder_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="create its folder"):
        DatabaseLock(tmp_path / "nowhere" / "ledger.db")


# ------------------------------------------------------------------ disk full


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of half a megabyte."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k", "intentd-test", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"mounting is not allowed here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_is_told_loses_nothing_and_is_over_when_there_is_room(small_disk: Path) -> None:
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * 200_000)
    store = Ledger.open(small_disk / "ledger.db")
    written = 0
    with pytest.raises(StoreError) as full:  # noqa: PT012 - how many fit is not known
        while True:
            store.record([started(written)], at=NOW)
            written += 1
    assert full.value.retry
    assert "free disk space" in full.value.remedy
    assert written > 3
    for _ in range(3):  # it stays so, with the same words
        with pytest.raises(StoreError, match="no space left"):
            store.record([started(written)], at=NOW)
    assert store.verify().rows == written
    filler.unlink()
    store.record([started(written)], at=NOW)
    report = store.verify()
    assert report.intact
    assert report.rows == written + 1
    store.close()


TOO_BIG = """
import resource, sys
from pathlib import Path
from store.errors import StoreError
from store.ledger import Entry, Ledger
from store.projection import SystemEvent

store = Ledger.open(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, resource.RLIM_INFINITY))
written = 0
try:
    while True:
        store.record([Entry(SystemEvent.STARTED, {"pad": "x" * 2000})], at=1.0)
        written += 1
except StoreError as error:
    assert error.retry, error
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
store.record([Entry(SystemEvent.STARTED, {})], at=1.0)
report = store.verify()
assert report.intact and report.rows == written + 1 and written > 0, (report, written)
print("recovered")
"""


def test_a_file_that_may_not_grow_is_told_and_loses_nothing(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", TOO_BIG, tmp_path / "ledger.db"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=Path(__file__).parents[2],
    )
    assert ended.stdout == "recovered\n", ended.stderr


# ------------------------------------------------------------------ locked, damaged, not ours


def test_a_locked_database_is_told_and_is_over_when_it_is_free(tmp_path: Path) -> None:
    store = make(tmp_path / "ledger.db")
    before = store.verify()
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="is locked") as locked:
            store.record(healed("new-1"), at=NOW)
        other.execute("ROLLBACK")
    assert locked.value.retry
    assert store.verify() == before
    store.record(healed("new-1"), at=NOW)
    assert store.verify().intact
    store.close()


def test_a_database_that_is_locked_while_it_is_opened_is_told(tmp_path: Path) -> None:
    make(tmp_path / "ledger.db").close()
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="is locked") as locked:
            Ledger.open(tmp_path / "ledger.db")
    assert locked.value.retry
    Ledger.open(tmp_path / "ledger.db").close()


def test_a_reader_sees_one_moment_while_the_writer_goes_on(tmp_path: Path) -> None:
    store = make(tmp_path / "ledger.db")
    reader = Ledger.open_read_only(tmp_path / "ledger.db")
    with reader.snapshot() as connection:
        count = "SELECT count(*) FROM ledger"
        before = connection.exec_driver_sql(count).scalar()
        store.record(healed("new-1"), at=NOW)
        assert connection.exec_driver_sql(count).scalar() == before
    assert reader.verify() == store.verify()
    reader.close()
    store.close()


def test_threads_that_append_at_once_make_one_chain(tmp_path: Path) -> None:
    store = Ledger.open(tmp_path / "ledger.db")
    ids: list[str] = []

    def writing() -> None:
        ids.extend(str(store.open_case(KEY, OPENED, at=NOW)) for _ in range(20))

    threads = [threading.Thread(target=writing) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(ids)) == 80
    report = store.verify()
    assert report.intact
    assert report.rows == 80
    store.close()


def test_a_reader_writes_nothing_and_says_who_may(tmp_path: Path) -> None:
    make(tmp_path / "ledger.db").close()
    reader = Ledger.open_read_only(tmp_path / "ledger.db")
    with pytest.raises(StoreError, match="only the daemon writes"):
        reader.record(healed("new-1"), at=NOW)
    with pytest.raises(StoreError, match="only the daemon writes"):
        reader.open_case(KEY, OPENED, at=NOW)
    reader.close()


def test_a_ledger_that_is_not_there_is_not_made_by_a_reader(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="start `intentd run` once"):
        Ledger.open_read_only(tmp_path / "ledger.db")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"not a database" * 1000, b"SQLite format 3\x00" + b"\xff" * 8192])
def test_a_file_that_is_no_database_is_told_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(content)
    for opening in (Ledger.open, Ledger.open_read_only):
        with pytest.raises(StoreError, match="restore the last backup"):
            opening(path)
    assert path.read_bytes() == content


def test_a_page_overwritten_in_the_middle_of_the_file_is_found(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    store = Ledger.open(path)
    for number in range(200):
        store.record([started(number)], at=NOW)
    store.close()
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2)
        file.write(os.urandom(8192))
    reader = Ledger.open_read_only(path)
    try:
        assert not reader.verify().intact
    except StoreError as error:
        assert "sound" in str(error)  # noqa: PT017 - either way of finding it is right
    reader.close()


def test_a_folder_where_nothing_can_be_made_says_whose_turn_it_is(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="give the daemon's user write access"):
        Ledger.open(tmp_path / "file" / "ledger.db")


@pytest.mark.parametrize("name", ["plain", "a b", "what?", "50%41", "#1", "ümlaut", "it's"])
def test_a_path_may_hold_any_character(tmp_path: Path, name: str) -> None:
    path = tmp_path / name / f"{name}.db"
    make(path, cases=1).close()
    assert path.exists()
    reader = Ledger.open_read_only(path)
    assert reader.verify().rows == 8
    reader.close()


def test_only_the_owner_can_read_the_ledger_and_its_log(tmp_path: Path) -> None:
    old = os.umask(0o022)
    try:
        store = make(tmp_path / "ledger.db")
    finally:
        os.umask(old)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
    store.close()


def test_every_transaction_reaches_the_disk_before_it_returns(tmp_path: Path) -> None:
    store = make(tmp_path / "ledger.db")
    with store.transaction() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
    store.close()


# ------------------------------------------------------------------ migrations


def test_the_migrations_make_the_tables_that_the_schema_says(tmp_path: Path) -> None:
    store = Ledger.open(tmp_path / "ledger.db")
    kinds = {Integer: "INTEGER", Float: "REAL"}
    with store.transaction() as connection:
        listed = connection.exec_driver_sql("SELECT name FROM sqlite_schema WHERE type = 'table'").scalars()
        assert {name for name in listed if not name.startswith("sqlite_")} == set(metadata.tables)
        for table in metadata.tables.values():
            made = {
                (row.name, row.type, bool(row.pk))
                for row in connection.exec_driver_sql(f"PRAGMA table_info({table.name})")
            }
            said = {
                (column.name, kinds.get(type(column.type), "TEXT"), column.primary_key)
                for column in table.columns
            }
            assert made == said, table.name
    store.close()


def test_a_migration_that_is_interrupted_leaves_nothing(tmp_path: Path) -> None:
    engine = open_writer(tmp_path / "ledger.db")
    with contextlib.suppress(KeyboardInterrupt), engine.begin() as connection:
        assert migrate(connection) == len(MIGRATIONS)
        raise KeyboardInterrupt
    with engine.begin() as connection:
        assert connection.exec_driver_sql("PRAGMA user_version").scalar() == 0
        assert connection.exec_driver_sql("SELECT count(*) FROM sqlite_schema").scalar() == 0
    engine.dispose()
    make(tmp_path / "ledger.db").close()


def test_opening_again_migrates_nothing_twice(tmp_path: Path) -> None:
    make(tmp_path / "ledger.db", cases=1).close()
    store = Ledger.open(tmp_path / "ledger.db")
    assert store.verify().rows == 8
    store.close()


def test_a_database_from_the_future_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    make(tmp_path / "ledger.db").close()
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    for opening in (Ledger.open, Ledger.open_read_only):
        with pytest.raises(StoreError, match=f"schema version {len(MIGRATIONS) + 1}"):
            opening(tmp_path / "ledger.db")
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        assert connection.execute("SELECT count(*) FROM ledger").fetchone() == (24,)
