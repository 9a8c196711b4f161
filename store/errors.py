"""What can go wrong with the database, and what to do about it."""

from __future__ import annotations


class StoreError(Exception):
    """The database cannot be used as asked. `remedy` is a sentence for the operator; `retry` says that
    waiting may be enough (locked, disk full)."""

    def __init__(self, message: str, *, remedy: str, retry: bool = False) -> None:
        super().__init__(message)
        self.remedy = remedy
        self.retry = retry

    def __str__(self) -> str:
        return f"{super().__str__()}: {self.remedy}"
