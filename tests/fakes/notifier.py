"""The Notifier and IntentSource ports in memory."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Mapping

from daemon.ports import Notice
from intents.problems import FileError


class FakeNotifier:
    """Keeps what it was given; `reachable = False` is a mail server that is down."""

    def __init__(self) -> None:
        self.sent: list[Notice] = []
        self.reachable = True

    def send(self, notice: Notice) -> bool:
        if self.reachable:
            self.sent.append(notice)
        return self.reachable


class FakeIntentSource:
    """A directory as a dict. Assigning through `write` or `delete` is one burst of changes."""

    def __init__(self, files: Mapping[str, bytes | FileError] | None = None) -> None:
        self._files: dict[str, bytes | FileError] = dict(files or {})
        self._bursts: queue.Queue[None] = queue.Queue()

    def read(self) -> Mapping[str, bytes | FileError]:
        return dict(self._files)

    def changes(self, stop: threading.Event) -> Iterator[None]:
        while not stop.is_set():
            try:
                self._bursts.get(timeout=0.02)
            except queue.Empty:
                continue
            yield

    # ------------------------------------------------------------ controls

    def write(self, name: str, content: bytes | FileError) -> None:
        self._files[name] = content
        self._bursts.put(None)

    def delete(self, name: str) -> None:
        del self._files[name]
        self._bursts.put(None)
