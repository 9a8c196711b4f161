"""Retention and backup: the ledger may shrink at its old end, and can be copied while in use.

Pruning first appends a row that names the last pruned row and its hash, moves the anchor, and only then
deletes, all in one transaction: what is left verifies from the anchor, and the chain itself says what was
given up and when. Rows of open cases and younger than the horizon are never pruned; because the chain is a
line, everything after the oldest such row stays too.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import delete, func, select, update

from remediation.saga import State
from store.engine import read_only_uri, translated
from store.errors import StoreError
from store.ledger import Entry, Ledger, append
from store.projection import SystemEvent
from store.schema import anchor, cases, ledger, notices

KEY = ("intent", "kind", "namespace", "name")
_other = cases.alias("other")


def prune(store: Ledger, *, older_than: float, at: float) -> int:
    """Give up rows written before `older_than` (Unix seconds); answers how many."""
    with store.transaction() as connection:
        still_open = select(cases.c.case_id).where(cases.c.state != State.CLOSED.value)
        untold = select(notices.c.case_id).where(notices.c.sent_at.is_(None))
        keep_from = connection.execute(
            select(func.min(ledger.c.seq)).where(
                (ledger.c.at >= older_than) | ledger.c.case_id.in_(still_open) | ledger.c.case_id.in_(untold)
            )
        ).scalar()
        cut = connection.execute(
            select(ledger.c.seq, ledger.c.hash)
            .where(ledger.c.seq < keep_from if keep_from is not None else ledger.c.at < older_than)
            .order_by(ledger.c.seq.desc())
            .limit(1)
        ).one_or_none()
        if cut is None:
            return 0
        before = connection.execute(select(anchor.c.pruned_to)).scalar_one()
        append(
            connection,
            [Entry(SystemEvent.PRUNED, {"from": before + 1, "to": cut.seq, "hash": cut.hash})],
            at=at,
        )
        connection.execute(update(anchor).values(pruned_to=cut.seq, hash=cut.hash))
        gone = connection.execute(delete(ledger).where(ledger.c.seq <= cut.seq)).rowcount
        whole = select(ledger.c.case_id).where(ledger.c.case_id.is_not(None))
        # The newest opening of each key stays, so that no case number is ever given twice.
        newest = select(func.max(cases.c.opening)).where(*(cases.c[name] == _other.c[name] for name in KEY))
        connection.execute(
            delete(cases).where(
                cases.c.case_id.in_(
                    select(_other.c.case_id).where(
                        _other.c.state == State.CLOSED.value,
                        _other.c.updated_at < older_than,
                        _other.c.case_id.not_in(whole),
                        _other.c.opening < newest.scalar_subquery(),
                    )
                )
            )
        )
        connection.execute(delete(notices).where(notices.c.sent_at.is_not(None), notices.c.at < older_than))
    store.writes += 1
    return gone


def backup(store: Ledger, target: Path) -> None:
    """Copy the database while it is in use, then put the copy in place in one step."""
    if target.exists():
        raise StoreError(f"{target} exists", remedy="choose another name; a backup is never overwritten")
    half = target.with_name(target.name + ".partial")
    with translated(target):
        try:
            half.unlink(missing_ok=True)  # of a backup that was killed
            half.touch(mode=0o600)  # what the ledger holds is the operator's alone, in a copy too
            with (
                closing(sqlite3.connect(read_only_uri(store.path), uri=True)) as source,
                closing(sqlite3.connect(half)) as copy,
            ):
                source.backup(copy, pages=1000)
            half.rename(target)
        except (sqlite3.Error, OSError) as error:
            half.unlink(missing_ok=True)
            raise StoreError(
                f"the backup to {target} failed ({error})", remedy="check the folder and the free space"
            ) from error
