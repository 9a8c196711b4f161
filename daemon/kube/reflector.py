"""One kind of object, kept current by LIST and then WATCH, in one thread.

Why not the client's informer: it builds a model object of every field of every pod. Here a page or a line
goes from bytes into a partial struct.

Consistency: the thread changes its own dict under a lock, line by line. `view` hands out a copy that is
made at most once a look and only if something changed; copying 20,000 entries takes about 0.3 ms, and a
reader's map never changes under it. Nothing is copied for an event.

Never lost: the resource version moves only past lines that were applied whole. Whatever breaks (a cut
stream, half a line, garbage), the watch is opened again from there; 410 lists anew, and only a complete
list replaces what was known. Never stale in silence: each watch is ended by the server after WATCH_SECONDS,
so a healthy one proves life at least that often; a kind that was not heard for longer is a Gap.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
import structlog

from daemon.kube.decode import BOOKMARK, EVENT, FAILURE, FactDecoder
from daemon.kube.errors import ClusterError, from_status
from daemon.kube.kinds import Resource
from daemon.kube.transport import Stream, Transport
from daemon.ports import Clock
from detectors.facts import Fact
from detectors.model import Gap, Name, Turn

PAGE = 500
"""Objects a page: client-go's default."""
LINE_LIMIT = 16 * 1024 * 1024
"""Bytes of one watch line; etcd takes objects up to 1.5 MiB, so more than this is not an object."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """Times in seconds. `watch`: the server ends each watch after so long (client-go: 300 to 600; shorter
    here because its end is our proof of life). `stale`: a kind not heard for so long is a Gap. `backoff`
    doubles from first to last; without jitter, for we are one client and tests should repeat."""

    watch: int = 60
    grace: float = 10.0
    stale: float = 90.0
    backoff_first: float = 0.5
    backoff_last: float = 30.0

    def backoff(self, failures: int, asked: float | None) -> float:
        """How long to wait after so many failures in a row; never less than the server asked for."""
        own = min(self.backoff_last, self.backoff_first * 2.0 ** min(failures - 1, 16))
        return max(own, min(asked or 0.0, 60.0))


class _ExpiredError(Exception):
    """The resource version is too old: list again."""


class Reflector:
    """Keeps the facts of one kind, of one namespace or of all."""

    def __init__(
        self,
        resource: Resource,
        transport: Transport,
        clock: Clock,
        changed: threading.Event,
        *,
        namespace: str = "",
        pace: Pace | None = None,
    ) -> None:
        self.kind = resource.kind
        self._optional = resource.optional
        self._path = resource.collection(namespace)
        self._transport = transport
        self._clock = clock
        self._changed = changed
        self._pace = pace or Pace()
        self._decoder = FactDecoder(resource.kind)
        self._lock = threading.Lock()
        self._live: dict[Name, Fact] = {}
        self._view: dict[Name, Fact] | None = None
        self._version = ""
        self._listed = False
        self._heard = clock.monotonic()
        self._trouble: ClusterError | None = None
        self._stop = threading.Event()
        self._stream: Stream | None = None
        self.lists = 0  # complete lists and opened watches since the start, for /metrics and tests
        self.watches = 0
        where = namespace or "all"
        self._thread = threading.Thread(target=self._run, name=f"watch-{self.kind}-{where}", daemon=True)

    # ------------------------------------------------------------ for the look loop

    def view(self) -> Mapping[Name, Fact] | Gap:
        """The facts as of the last line applied, or why they cannot be told. Free where nothing changed."""
        with self._lock:
            trouble = self._trouble
            if trouble is not None and (trouble.turn is Turn.OPERATOR or not self._listed):
                return trouble.gap(self.kind)
            if not self._listed:
                return Gap(self.kind, "NoData", f"{self.kind} has not been listed yet")
            silent = self._clock.monotonic() - self._heard
            if silent > self._pace.stale:
                why = f": {trouble}" if trouble else ""
                return Gap(self.kind, "Stale", f"{self.kind}: nothing heard for {silent:.0f} s{why}")
            if self._view is None:
                self._view = self._live.copy()
            return self._view

    # ------------------------------------------------------------ life

    def start(self) -> None:
        """Begin listing in the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end and wake it; does not wait (`join` does)."""
        self._stop.set()
        stream = self._stream
        if stream is not None:
            stream.close()

    def join(self, seconds: float) -> bool:
        """Whether the thread has ended within so many seconds."""
        if self._thread.ident is not None:
            self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        failures = 0
        while not self._stop.is_set():
            asked: float | None = None
            try:
                if not self._version:
                    self._list()
                if not self._version:
                    self._clock.wait(self._stop, self._pace.backoff_last)
                    continue
                if self._watch():
                    failures = 0
                    continue
                failures += 1
            except _ExpiredError:
                self._version = ""
                failures += 1
                if failures == 1:
                    continue
            except ClusterError as error:
                if self._stop.is_set():
                    return
                failures += 1
                asked = error.retry_after
                if failures % 4 == 0 and error.reason == "Invalid":
                    self._version = ""  # the same line again and again: a list goes around it
                self._note(error, failures)
            self._clock.wait(self._stop, self._pace.backoff(failures, asked))

    def _note(self, error: ClusterError, failures: int) -> None:
        with self._lock:
            told = self._trouble is not None and str(self._trouble) == str(error)
            self._trouble = error
        if not told:
            log.warning("watch failed", kind=self.kind, error=str(error), turn=error.turn, failures=failures)
        self._changed.set()

    # ------------------------------------------------------------ list

    def _list(self) -> None:
        """Every page, then one swap. Objects that did not change keep their struct, so that a new list of
        20,000 pods does not need the memory of 40,000."""
        fresh: dict[Name, Fact] = {}
        going_on = ""
        while True:
            params = [("limit", str(PAGE))]
            if going_on:
                params.append(("continue", going_on))
            reply = self._transport.get(self._path, params)
            if reply.status == 410:
                raise _ExpiredError
            if reply.status == 404 and self._optional:
                self._hold({})  # the cluster does not know the kind; asked again later
                return
            if not reply.ok:
                raise reply.error()
            try:
                page = self._decoder.page(reply.body)
            except msgspec.MsgspecError as error:
                raise _nonsense(f"a list of {self.kind}", error) from error
            for fact in page.items or ():
                meta = fact.metadata
                name = (meta.namespace, meta.name)
                known = self._live.get(name)
                same = (
                    known is not None
                    and known.metadata.uid == meta.uid
                    and known.metadata.resource_version == meta.resource_version
                )
                fresh[name] = known if known is not None and same else fact
            self._hear()
            going_on = page.metadata.continue_
            if not going_on or self._stop.is_set():
                break
        if self._stop.is_set():
            return
        self._hold(fresh)
        self._version = page.metadata.resource_version
        self._decoder.forget(len(fresh))
        self.lists += 1
        self._changed.set()

    def _hold(self, fresh: dict[Name, Fact]) -> None:
        with self._lock:
            self._live = fresh
            self._view = None
            self._listed = True
            self._trouble = None
            self._heard = self._clock.monotonic()

    # ------------------------------------------------------------ watch

    def _watch(self) -> bool:
        """Apply lines until the server ends the watch. False where it ended at once without a word (a
        caller that came straight back would hammer the server)."""
        began = self._clock.monotonic()
        params = [
            ("watch", "1"),
            ("allowWatchBookmarks", "true"),
            ("resourceVersion", self._version),
            ("timeoutSeconds", str(self._pace.watch)),
        ]
        try:
            stream = self._transport.stream(self._path, params, silence=self._pace.watch + self._pace.grace)
        except ClusterError as error:
            if error.status == 410:
                raise _ExpiredError from error
            raise
        self._stream = stream
        if self._stop.is_set():
            stream.finish()
            return True
        self.watches += 1
        self._hear()
        lines = 0
        buffer = bytearray()
        try:
            for chunk in stream.chunks():
                buffer += chunk
                lines += self._take(buffer)
                self._hear()
        finally:
            self._stream = None
            stream.finish()
        return lines > 0 or self._clock.monotonic() - began >= 1.0

    def _take(self, buffer: bytearray) -> int:
        """Apply the whole lines in the buffer and leave the rest in it."""
        end = buffer.rfind(b"\n")
        if end < 0:
            if len(buffer) > LINE_LIMIT:
                raise _nonsense(f"a watch line of more than {LINE_LIMIT} bytes", None)
            return 0
        lines = bytes(buffer[:end]).split(b"\n")
        del buffer[: end + 1]
        applied = 0
        try:
            for line in lines:
                if line:
                    self._apply(line)
                    applied += 1
        except msgspec.MsgspecError as error:
            raise _nonsense(f"a watch line of {self.kind}", error) from error
        finally:
            if applied:
                self._changed.set()
        return applied

    def _apply(self, line: bytes) -> None:
        event = EVENT.decode(line)
        if event.type == "BOOKMARK":
            self._version = BOOKMARK.decode(event.object).metadata.resource_version or self._version
            return
        if event.type == "ERROR":
            failure = FAILURE.decode(event.object)
            if failure.code == 410 or failure.reason in {"Expired", "Gone"}:
                raise _ExpiredError
            raise from_status(failure.code or 500, bytes(event.object), self._transport.host, None)
        if event.type not in {"ADDED", "MODIFIED", "DELETED"}:
            raise _nonsense(f"a watch event of type {event.type[:40]!r}", None)
        fact = self._decoder.object(event.object)
        name = (fact.metadata.namespace, fact.metadata.name)
        with self._lock:
            if event.type == "DELETED":
                self._live.pop(name, None)
            else:
                self._live[name] = fact
            self._view = None
        self._version = fact.metadata.resource_version
        self._decoder.forget(len(self._live))

    def _hear(self) -> None:
        with self._lock:
            self._heard = self._clock.monotonic()
            if self._listed:
                self._trouble = None


def _nonsense(what: str, error: Exception | None) -> ClusterError:
    why = f": {error}" if error else ""
    return ClusterError(
        f"the API server sent {what} that cannot be read{why}", turn=Turn.OURS, reason="Invalid"
    )
