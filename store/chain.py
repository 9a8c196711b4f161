"""The hash chain: what a row's hash covers, and how the whole is proven.

hash(n) = SHA-256 over hash(n-1) and the canonical JSON of every column of row n. Changing, dropping,
inserting or re-ordering a row breaks every later hash. What a chain cannot prove is that its newest rows
were not cut off, or that the whole was not written anew: compare the head with one noted elsewhere
(`intentd ledger verify --head HASH`). Pruned rows are vouched for by the row that says they were given up.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

from sqlalchemy import Connection, LargeBinary, cast, func, select

from store.schema import anchor, ledger

GENESIS = "0" * 64
PRUNED = "pruned"
"""The event of a row that says which rows were given up."""


def canonical(value: Any) -> str:
    """One spelling for one value: sorted keys, no spaces, no NaN. Half a surrogate pair (a broken escape in
    somebody's JSON) is no text that any file can hold: U+FFFD stands for it."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


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


def highest_number(connection: Connection) -> int:
    """The highest number that a row ever had: SQLite keeps it for AUTOINCREMENT tables, so that a cut tail
    leaves a trace."""
    found = connection.exec_driver_sql("SELECT seq FROM sqlite_sequence WHERE name = 'ledger'").scalar()
    return int(found or 0)


def verify_chain(connection: Connection) -> ChainReport:
    """Walk the whole ledger. Reads only, and stops at nothing that can stand in the file."""
    begun = connection.execute(select(anchor.c.pruned_to, anchor.c.hash)).one_or_none()
    if begun is None or not isinstance(begun.pruned_to, int) or not isinstance(begun.hash, str):
        return ChainReport(0, 0, GENESIS, 1, "the row that says where the chain begins was changed")
    pruned_to, prev = begun
    vouched = pruned_to == 0 and prev == GENESIS
    expected, rows = pruned_to + 1, 0

    def broken(at: int, reason: str) -> ChainReport:
        return ChainReport(rows, pruned_to, prev, at, reason)

    highest = highest_number(connection)
    for row in connection.execution_options(yield_per=1000).execute(_RAW):
        if row.seq != expected:
            return broken(expected, f"row {expected} is missing, row {row.seq} follows")
        if row.prev != prev.encode():
            return broken(row.seq, f"row {row.seq} does not follow from the row before it")
        if row.types not in _TYPES or row.hash != _hash_of(row):
            return broken(row.seq, f"row {row.seq} was changed after it was written")
        vouched = vouched or (row.event == PRUNED.encode() and _gives_up(row.payload, begun))
        prev, expected, rows = row.hash.decode(), expected + 1, rows + 1
    if highest >= expected:
        return broken(expected, f"rows {expected} to {highest} were cut off")
    if not vouched:
        return broken(1, f"rows up to {pruned_to} are gone, and no row says that they were given up")
    return ChainReport(rows, pruned_to, prev)


_TEXTS = ("case_id", "event", "payload", "prev", "hash")
_RAW = select(
    ledger.c.seq,
    ledger.c.at,
    # Whatever stands there, also what is no text: bytes are always readable.
    *(cast(ledger.c[name], LargeBinary).label(name) for name in _TEXTS),
    reduce(add, (func.typeof(ledger.c[name]) + " " for name in ("at", *_TEXTS))).label("types"),
).order_by(ledger.c.seq)
_TYPES = frozenset({"real text text text text text ", "real null text text text text "})


def _hash_of(row: Any) -> bytes:
    """The hash that the row should carry; empty where it holds what is never written."""
    try:
        case_id = None if row.case_id is None else row.case_id.decode()
        return row_hash(
            row.prev.decode(), row.seq, row.at, case_id, row.event.decode(), row.payload.decode()
        ).encode()
    except ValueError:
        return b""


def _gives_up(payload: bytes, begun: Any) -> bool:
    told = json.loads(payload)
    return bool(told["to"] == begun.pruned_to and told["hash"] == begun.hash)
