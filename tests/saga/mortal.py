"""`intentd run` that kills itself with SIGKILL at named points: `python -m tests.saga.mortal SETTINGS FOLDER`.

The daemon is the product's own (`wiring.serve`), over a ledger and a cluster that count where they are:
 * `EVENTS#n`, `EVENTS/commit`, `EVENTS/after`: before the n-th statement that changes the database within the
   transaction that records these events, before its COMMIT, and after it returned.
 * `VERB dry-run before`, `VERB of apply-started before` (of rollback-started, after): around each request that
   writes to the API server, named by the row that announced it; `VERB of earlier apply-started before` where a
   process repeats what another one announced.

FOLDER/orders.json says where to die: {"trial": 7, "deaths": [[NAME, SECONDS or null], ...]}, one after another, each
in the life after the one before. With a delay the process goes on and is killed by a thread of its own so much
later, wherever it is then. FOLDER/died.7 lists the points at which trial 7 has killed. FOLDER/points lists the points
that were passed, FOLDER/acknowledged the head of the ledger after every transaction that returned: what the process
was told to be durable.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import event, select

from daemon.kube.cluster import KubeCluster
from daemon.logs import configure_logging
from daemon.settings import load_settings
from daemon.wiring import cluster_of, serve
from store.ledger import Entry, Ledger
from store.lock import DatabaseLock
from store.projection import SystemEvent
from store.schema import ledger

ANNOUNCING = ("apply-started", "rollback-started")
WRITING = ("BEGIN", "INSERT", "UPDATE", "DELETE")


class Orders:
    """Where to die, and what was passed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self._points = os.open(folder / "points", flags, 0o600)
        self._acknowledged = os.open(folder / "acknowledged", flags, 0o600)
        self._armed, self._dying = False, threading.Lock()
        self.announced = ""

    def passing(self, point: str) -> None:
        """Die here, where that is the order."""
        os.write(self._points, f"{point}\n".encode())
        with self._dying:  # one death at a time, also of two threads that pass
            try:
                order = json.loads((self._folder / "orders.json").read_bytes())
            except FileNotFoundError:
                return
            died = self._folder / f"died.{order['trial']}"
            done = len(died.read_text().splitlines()) if died.exists() else 0
            if self._armed or done >= len(order["deaths"]):
                return
            wanted, delay = order["deaths"][done]
            if wanted != point:
                return
            if delay is None:
                _die(died, point)
            self._armed = True
        threading.Thread(target=self._die_after, args=(delay, died, point), daemon=True).start()

    def _die_after(self, seconds: float, died: Path, point: str) -> None:
        time.sleep(seconds)
        with self._dying:
            _die(died, point)

    def acknowledge(self, head: str) -> None:
        os.write(self._acknowledged, f"{head}\n".encode())


def _die(died: Path, point: str) -> None:
    with died.open("a") as list_:
        list_.write(f"{point}\n")
    os.kill(os.getpid(), signal.SIGKILL)


def _name(entry: Entry) -> str:
    """The row's event; setting the kill switch and lifting it are two."""
    lifted = entry.event is SystemEvent.KILL_SWITCH and not entry.payload["set"]
    return "kill-switch-lifted" if lifted else entry.event.value


class MortalLedger(Ledger):
    """The ledger, which tells where it is."""

    orders: Orders
    _now = threading.local()

    def watch(self, orders: Orders) -> None:
        self.orders = orders

        found = select(ledger.c.event).where(ledger.c.event.in_(ANNOUNCING)).order_by(ledger.c.seq.desc())
        with self.snapshot() as connection:
            orders.announced = f"earlier {connection.execute(found.limit(1)).scalar()}"

        @event.listens_for(self._writer, "before_cursor_execute")
        def _statement(_connection, _cursor, statement, *_more):
            if statement.startswith(WRITING):
                self._now.number = getattr(self._now, "number", 0) + 1
                orders.passing(f"{self._named()}#{self._now.number}")

        @event.listens_for(self._writer, "commit")
        def _commit(_connection):
            orders.passing(f"{self._named()}/commit")

    def _named(self) -> str:
        return getattr(self._now, "name", "other")

    @contextmanager
    def _called(self, name):
        self._now.name, self._now.number = name, 0
        try:
            yield
            with self.snapshot() as connection:
                head = connection.execute(select(ledger.c.hash).order_by(ledger.c.seq.desc()).limit(1))
                self.orders.acknowledge(head.scalar_one())
            self.orders.passing(f"{name}/after")
        finally:
            self._now.name = "other"

    def record(self, entries, *, at):
        name = "+".join(dict.fromkeys(map(_name, entries)))
        if name.endswith(ANNOUNCING):
            self.orders.announced = name.rpartition("+")[2]
        with self._called(name):
            super().record(entries, at=at)

    def open_case(self, key, payload, *, at):
        with self._called("opened"):
            return super().open_case(key, payload, at=at)


class MortalCluster:
    """The cluster, which tells before and after each request that writes."""

    def __init__(self, cluster: KubeCluster, orders: Orders) -> None:
        self._cluster, self._orders = cluster, orders

    def __getattr__(self, name):
        return getattr(self._cluster, name)

    def patch(self, *arguments, dry_run, **named):
        return self._around(
            "patch", dry_run, lambda: self._cluster.patch(*arguments, dry_run=dry_run, **named)
        )

    def create(self, *arguments, dry_run, **named):
        return self._around(
            "create", dry_run, lambda: self._cluster.create(*arguments, dry_run=dry_run, **named)
        )

    def delete(self, *arguments, dry_run, **named):
        return self._around(
            "delete", dry_run, lambda: self._cluster.delete(*arguments, dry_run=dry_run, **named)
        )

    def _around(self, verb, dry_run, send):
        announced = self._orders.announced
        name = f"{verb} dry-run" if dry_run else f"{verb} of {announced}"
        self._orders.passing(f"{name} before")
        result = send()
        self._orders.passing(f"{name} after")
        return result


def main() -> int:
    settings, orders = load_settings(Path(sys.argv[1])), Orders(Path(sys.argv[2]))
    configure_logging(settings.log_format)
    lock = DatabaseLock(settings.database)
    try:
        store = MortalLedger.open(settings.database)
        store.watch(orders)
        return serve(settings, store, MortalCluster(cluster_of(settings), orders))
    finally:
        lock.release()


if __name__ == "__main__":
    sys.exit(main())
