"""A process that appends rows and says after each one, on its standard output, that it is on disk."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def write(database: str, first: int) -> None:
    """Lock the database and append until killed; each acknowledged number is one line."""
    from store.ledger import Entry, Ledger
    from store.lock import DatabaseLock
    from store.projection import SystemEvent

    path = Path(database)
    held = DatabaseLock(path)
    store = Ledger.open(path)
    os.write(1, b"started\n")
    number = first
    while held:
        rows = [Entry(SystemEvent.STARTED, {"number": number, "pad": "x" * (number % 700)})]
        store.record(rows, at=float(number))
        os.write(1, f"{number}\n".encode())
        number += 1


if __name__ == "__main__":
    write(sys.argv[1], int(sys.argv[2]))
