"""The ledger of a running daemon, followed from outside over a connection of its own.

A reader sees a row only after its transaction was synced (SQLite syncs the write-ahead log before it publishes
the frames), so a row is never seen here before it is durable, and at most POLL afterwards.
"""

from __future__ import annotations

import json
import sqlite3
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from remediation.saga import Event
from store.engine import read_only_uri

POLL = 0.002
"""Seconds between two questions whether anything was committed; one costs about 10 µs."""


@dataclass(frozen=True)
class Row:
    """One ledger row. `at` is when the daemon began to write it, `seen` when it was found here (Unix seconds,
    one clock)."""

    at: float
    case: str | None
    event: str
    text: str
    seen: float

    @cached_property
    def payload(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.text)
        return content


class Rows:
    """All rows in order; each wait goes on behind the row that the one before it answered."""

    def __init__(self, database: Path) -> None:
        self._connection = sqlite3.connect(read_only_uri(database), uri=True, isolation_level=None)
        self._version, self._last, self._next = -1, 0, 0
        self._all: list[Row] = []

    def wait_for(self, seconds: float, *events: str, case: str | None = None) -> Row:
        """The next row of one of these kinds (of that case). SystemExit with the newest rows where none comes."""
        end = time.monotonic() + seconds
        while True:
            self._read()
            while self._next < len(self._all):
                row = self._all[self._next]
                self._next += 1
                if row.event in events and case in (None, row.case):
                    return row
            if time.monotonic() > end:
                break
            time.sleep(POLL)
        last = "\n".join(f"{row.event} {row.text[:600]}" for row in self._all[-6:])
        raise SystemExit(f"no row {' or '.join(events)} within {seconds:.0f} s; the newest are:\n{last}")

    def wait_for_case(self, seconds: float, namespace: str, name: str) -> Row:
        """The next row that opens a case of this object."""
        while True:
            row = self.wait_for(seconds, Event.OPENED)
            if (row.payload["namespace"], row.payload["name"]) == (namespace, name):
                return row

    def of(self, case: str | None) -> list[Row]:
        """The rows of a case that were read so far."""
        return [row for row in self._all if row.case == case]

    def close(self) -> None:
        self._connection.close()

    def _read(self) -> None:
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        if version == self._version:
            return
        self._version = version
        query = "SELECT at, case_id, event, payload, seq FROM ledger WHERE seq > ? ORDER BY seq"
        found = self._connection.execute(query, (self._last,)).fetchall()
        seen = time.time()
        for at, case, event, text, self._last in found:
            self._all.append(Row(at, case, event, text, seen))
