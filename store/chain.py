"""The hash chain: what a row's hash covers, and how the whole is proven.

hash(n) = SHA-256 over hash(n-1) and the canonical JSON of every column of row n. Changing, dropping,
inserting or re-ordering a row breaks every later hash. What a chain cannot prove is that its newest rows
were not cut off: compare the head with one noted elsewhere (`intentd ledger verify --head HASH`).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from store.schema import anchor, ledger

GENESIS = "0" * 64


def canonical(value: Any) -> str:
    """One spelling for one value: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def row_hash(prev: str, seq: int, at: float, case_id: str | None, event: str, payload: str) -> str:
    """The hash of one row; `payload` is the stored text, not parsed, so that verification needs no parser."""
    return hashlib.sha256(canonical([prev, seq, at, case_id, event, payload]).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What verification found. `broken_at` is the first row that does not follow, None where all do."""

    rows: int
    pruned_to: int
    head: str
    broken_at: int | None = None
    reason: str = ""

    @property
    def intact(self) -> bool:
        """Whether every row follows from the one before it, beginning at the anchor."""
        return self.broken_at is None


def verify_chain(connection: Connection) -> ChainReport:
    """Walk the whole ledger. Reads only."""
    pruned_to, prev = connection.execute(select(anchor.c.pruned_to, anchor.c.hash)).one()
    expected = pruned_to + 1
    rows = 0
    for row in connection.execution_options(yield_per=1000).execute(select(ledger).order_by(ledger.c.seq)):
        if row.seq != expected:
            return ChainReport(
                rows, pruned_to, prev, expected, f"row {expected} is missing, row {row.seq} follows"
            )
        if row.prev != prev:
            return ChainReport(
                rows, pruned_to, prev, row.seq, f"row {row.seq} does not follow from the row before it"
            )
        if row.hash != row_hash(row.prev, row.seq, row.at, row.case_id, row.event, row.payload):
            return ChainReport(
                rows, pruned_to, prev, row.seq, f"row {row.seq} was changed after it was written"
            )
        prev, expected, rows = row.hash, expected + 1, rows + 1
    # SQLite never reuses a number of an AUTOINCREMENT table, so a cut tail leaves a trace.
    highest = (
        connection.exec_driver_sql("SELECT seq FROM sqlite_sequence WHERE name = 'ledger'").scalar() or 0
    )
    if highest >= expected:
        return ChainReport(rows, pruned_to, prev, expected, f"rows {expected} to {highest} were cut off")
    return ChainReport(rows, pruned_to, prev)
