"""Numbered migrations: each runs once, in order, in the transaction that raises `user_version`.

A migration is never edited after it has landed; a mistake is mended by the next number.
"""

from __future__ import annotations

from sqlalchemy import Connection

from store.errors import StoreError
from store.migrations import m0001_ledger, m0002_approvals_and_trust

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    m0001_ledger.STATEMENTS,
    m0002_approvals_and_trust.STATEMENTS,
)
"""Index 0 is migration 1."""


def migrate(connection: Connection) -> int:
    """Bring the database to the newest version and answer it. Refuses a database from the future: an old
    program does not know what it would break."""
    version = int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
    if version > len(MIGRATIONS):
        raise StoreError(
            f"the database has schema version {version}, this intentd knows {len(MIGRATIONS)}",
            remedy="start the intentd that wrote it, or a newer one",
        )
    for number, statements in enumerate(MIGRATIONS[version:], start=version + 1):
        for statement in statements:
            connection.exec_driver_sql(statement)
        connection.exec_driver_sql(f"PRAGMA user_version = {number}")
    return len(MIGRATIONS)
