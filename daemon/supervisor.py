"""Threads, signals and the watchdog. The only place that catches every exception: a loop that dies of a bug
is logged with its trace and started again, with growing pauses; one that keeps dying ends the process, and
systemd or the kubelet starts a fresh one from the ledger.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable
from types import FrameType

import structlog

from daemon.ports import Clock

log = structlog.get_logger("intentd")

CRASHES_ALLOWED = 5
"""Restarts of one loop within an hour before the process gives up."""

DRAIN_SECONDS = 8.0
"""Time for loops to end after SIGTERM, so that the whole drains within 10 s."""


class Supervisor:
    """Runs named loops until asked to stop."""

    def __init__(self, clock: Clock, stop: threading.Event, *, crashed: Callable[[str], None]) -> None:
        self._clock, self._stop, self._crashed = clock, stop, crashed
        self._threads: list[threading.Thread] = []
        self.failed = False
        self._wakers: list[threading.Event] = []

    def start(self, name: str, loop: Callable[[], None]) -> None:
        """Run a loop in a thread of its own."""
        thread = threading.Thread(target=self._run, args=(name, loop), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def wakes(self, *events: threading.Event) -> None:
        """Events that loops wait on, to be set at stop."""
        self._wakers.extend(events)

    def _run(self, name: str, loop: Callable[[], None]) -> None:
        crashes: list[float] = []
        while not self._stop.is_set():
            try:
                loop()
            except Exception:  # the supervisor's job (module docstring)
                log.exception("a loop crashed and is started again", loop=name)
                self._crashed(name)
                now = self._clock.monotonic()
                crashes = [at for at in crashes if now - at < 3600] + [now]
                if len(crashes) > CRASHES_ALLOWED:
                    log.critical("a loop keeps crashing; the process ends for a fresh start", loop=name)
                    self.failed = True
                    self.stop()
                    return
                self._clock.wait(self._stop, min(30.0, 2.0 ** len(crashes)))

    def stop(self) -> None:
        """Ask every loop to end."""
        self._stop.set()
        for event in self._wakers:
            event.set()

    def drain(self) -> bool:
        """Wait for the loops to end; false where one did not in time (a model call, say: nothing of it is
        lost, the ledger knows where it was)."""
        deadline = self._clock.monotonic() + DRAIN_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, deadline - self._clock.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def handle_signals(self) -> None:
        """SIGTERM and SIGINT drain; a second one ends at once.

        A handler runs between two instructions of the main thread, which may just hold the lock of the very event or
        log that it would use. So it only hands the signal on; a thread of its own does the rest.
        """
        reading, writing = os.pipe()

        def handler(number: int, _frame: FrameType | None) -> None:
            os.write(writing, bytes([number]))

        def heard() -> None:
            log.info("draining", signal=signal.Signals(os.read(reading, 1)[0]).name)
            self.stop()
            os._exit(128 + os.read(reading, 1)[0])

        threading.Thread(target=heard, name="signals", daemon=True).start()
        signal.signal(signal.SIGTERM, handler)
        signal.signal(signal.SIGINT, handler)


def notify_systemd(message: str) -> None:
    """Tell systemd `READY=1`, `WATCHDOG=1` or `STOPPING=1`; nothing where it does not listen
    (sd_notify(3): a datagram to $NOTIFY_SOCKET, `@` for the abstract namespace)."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        try:
            channel.connect("\0" + address[1:] if address.startswith("@") else address)
            channel.sendall(message.encode())
        except OSError as error:
            log.warning("systemd could not be told", message=message, error=str(error))
