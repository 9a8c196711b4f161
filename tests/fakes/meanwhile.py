"""What happens in the world at one point of a write: during its dry run, or once it is recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from remediation.saga import Event
from store.ledger import Entry, Ledger
from tests.fakes.rig import Rig


class EventfulLedger(Ledger):
    """`after` runs once, when a row of that event is durable."""

    after: tuple[Event, Callable[[], None]] | None = None

    def record(self, entries: Sequence[Entry], *, at: float) -> None:
        super().record(entries, at=at)
        if self.after and any(entry.event is self.after[0] for entry in entries):
            (_, happen), self.after = self.after, None
            happen()


class EventfulRig(Rig):
    """A rig in which something can happen between two steps of a write."""

    ledger = EventfulLedger

    def during_the_dry_run(self, happen: Callable[[], None]) -> None:
        """Once, while the API server still thinks about the next dry run."""
        patch = self.cluster.patch

        def slow(ref, operations, *, dry_run, **named):  # type: ignore[no-untyped-def]
            answer = patch(ref, operations, dry_run=dry_run, **named)
            if dry_run:
                self.cluster.patch = patch  # type: ignore[method-assign]
                happen()
            return answer

        self.cluster.patch = slow  # type: ignore[method-assign]

    def once_recorded(self, event: Event, happen: Callable[[], None]) -> None:
        """Once, between the durable row and what it announces."""
        assert isinstance(self.store, EventfulLedger)
        self.store.after = (event, happen)
