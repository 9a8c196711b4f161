"""Bytes to and from the API server, with a time and size limit on everything.

An HTTP status is a value (`Reply`); only "no answer" raises, as ClusterError. A read that meets 401 renews
the credentials once; one that meets 429 or 503 with a short Retry-After waits for it. A write is sent
exactly once, whatever happens.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import urllib3.exceptions as u3

from daemon.kube.connect import Connection
from daemon.kube.errors import ClusterError, from_exception, from_status
from daemon.ports import Clock
from detectors.model import Turn

Params = Sequence[tuple[str, str]]

CONNECT_TIMEOUT = 5.0
"""Seconds for TCP and TLS: a server in another region answers within one."""
READ_TIMEOUT = 15.0
"""Seconds for a whole answer: a page of 500 pods takes well under one; client-go's discovery allows 32."""
BODY_LIMIT = 64 * 1024 * 1024
"""Bytes of one answer: 500 objects of the largest size etcd takes would be more, and are not ours to hold."""
SHORT_WAIT = 5.0
"""A Retry-After up to this many seconds is waited out inside the call; a longer one is the caller's."""
CHUNK = 64 * 1024
GZIP = {"Accept-Encoding": "gzip"}
"""Asked for on every read but watches: the server packs answers above 128 KB. A list of pods is 15 times
smaller so, and takes half the CPU of reading it plain (benchmarks/README.md)."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete answer. `retry_after` in seconds where the server gave one."""

    status: int
    body: bytes
    host: str
    retry_after: float | None = None
    hint: str = ""

    @property
    def ok(self) -> bool:
        """Whether the server did what it was asked."""
        return 200 <= self.status < 300

    def error(self) -> ClusterError:
        """The answer as an error, for callers that cannot go on."""
        return from_status(self.status, self.body, self.host, self.retry_after, self.hint)


class Stream:
    """An open watch. `close` may be called from any thread and wakes a blocked reader."""

    def __init__(self, response: Any, host: str) -> None:
        self._response = response
        self._host = host

    def chunks(self) -> Iterator[bytes]:
        """Whatever arrives, as soon as it arrives; ends with the stream. Raises ClusterError where the
        connection breaks or is silent beyond the read time limit."""
        try:
            while chunk := self._response.read1(CHUNK):
                yield chunk
        except (u3.HTTPError, OSError, ValueError) as error:
            raise from_exception(error, self._host) from error

    def close(self) -> None:
        """Shut the socket down: a thread inside `chunks` returns at once."""
        try:
            self._response.shutdown()
        except (RuntimeError, ValueError, OSError):
            self._response.close()  # already back in the pool, or never connected

    def finish(self) -> None:
        """The reader's own end: the connection is dropped, because an unread watch cannot be reused."""
        self._response.close()


class Transport:
    """Requests over one Connection. Safe to share between threads."""

    def __init__(
        self,
        connection: Connection,
        clock: Clock,
        *,
        connect_timeout: float = CONNECT_TIMEOUT,
        read_timeout: float = READ_TIMEOUT,
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._stopping = threading.Event()

    @property
    def host(self) -> str:
        """The server's address."""
        return self._connection.host

    def get(
        self,
        path: str,
        params: Params = (),
        *,
        accept: str = "application/json",
        limit: int = BODY_LIMIT,
        timeout: float | None = None,
    ) -> Reply:
        """One object or one page. Renews credentials once, waits out two short Retry-Afters."""
        renewed = False
        waits = 0
        while True:
            generation = self._connection.generation
            reply = self._whole(
                self._open("GET", path, params, accept=accept, timeout=timeout, packed=True), limit, timeout
            )
            if reply.status == 401 and not renewed:
                renewed = True
                self._connection.renew(generation)
            elif (
                reply.status in {429, 503}
                and reply.retry_after is not None
                and reply.retry_after <= SHORT_WAIT
                and waits < 2
                and not self._clock.wait(self._stopping, reply.retry_after)
            ):
                waits += 1
            else:
                return reply

    def stream(self, path: str, params: Params, *, silence: float) -> Stream:
        """Open a watch; `silence` is how many seconds without a byte end it. Raises ClusterError for every
        status but 200."""
        generation = self._connection.generation
        response = self._open("GET", path, params, accept="application/json", timeout=silence)
        if response.status != 200:
            reply = self._whole(response, BODY_LIMIT, None)
            if reply.status == 401:
                self._connection.renew(generation)
            raise reply.error()
        return Stream(response, self.host)

    def send(
        self, method: str, path: str, params: Params, body: Any, content_type: str = "application/json"
    ) -> Reply:
        """One write, once. The caller is daemon/kube/write.py and nobody else (a test looks)."""
        generation = self._connection.generation
        reply = self._whole(
            self._open(method, path, params, body=body, content_type=content_type), BODY_LIMIT, None
        )
        if reply.status == 401:
            self._connection.renew(generation)  # for the next one; this one was not carried out
        return reply

    def close(self) -> None:
        """End waits and idle connections."""
        self._stopping.set()
        self._connection.close()

    def _open(
        self,
        method: str,
        path: str,
        params: Params,
        *,
        accept: str = "application/json",
        body: Any = None,
        content_type: str | None = None,
        timeout: float | None = None,
        packed: bool = False,
    ) -> Any:
        from kubernetes.client.exceptions import ApiException

        url = self.host + path + (f"?{urlencode(params)}" if params else "")
        headers = {**self._connection.headers(), "Accept": accept, **(GZIP if packed else {})}
        if content_type:
            headers["Content-Type"] = content_type
        try:
            return self._connection.client.call_api(
                method,
                url,
                header_params=headers,
                body=body,
                _request_timeout=(self._connect_timeout, timeout or self._read_timeout),
            ).response
        except (ApiException, u3.HTTPError, OSError) as error:
            raise from_exception(error, self.host) from error

    def _whole(self, response: Any, limit: int, timeout: float | None) -> Reply:
        """The body, read to its end within the time limit (urllib3's own counts each packet anew)."""
        deadline = self._clock.monotonic() + (timeout or self._read_timeout)
        parts: list[bytes] = []
        size = 0
        try:
            while size <= limit and self._clock.monotonic() <= deadline:
                chunk = response.read1(CHUNK, decode_content=False)
                if not chunk:
                    break
                parts.append(chunk)
                size += len(chunk)
            body = b"".join(parts)
            if response.headers.get("Content-Encoding") == "gzip" and size <= limit:
                body = _unzipped(body, limit)
                size = len(body)
        except (u3.HTTPError, OSError, ValueError) as error:
            response.close()
            raise from_exception(error, self.host) from error
        if size > limit:
            response.close()
            raise ClusterError(
                f"{self.host} answered more than {limit} bytes", turn=Turn.NOBODY, reason="Partial"
            )
        if self._clock.monotonic() > deadline:
            response.close()
            raise ClusterError(
                f"{self.host} took too long to finish its answer", turn=Turn.OURS, reason="TimedOut"
            )
        response.release_conn()
        after = _seconds(response.headers.get("Retry-After"))
        return Reply(response.status, body, self.host, after, self._connection.hint)


def _unzipped(body: bytes, limit: int) -> bytes:
    """At most one byte more than `limit`, whatever was packed. Raises ValueError where it is cut or broken."""
    unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        plain = unpacking.decompress(body, limit + 1)
    except zlib.error as error:
        raise ValueError(f"the answer cannot be unpacked: {error}") from error
    if not unpacking.eof and len(plain) <= limit:
        raise ValueError("the answer ends before its time")
    return plain


def _seconds(header: str | None) -> float | None:
    """Retry-After in seconds; its date form is not used by Kubernetes and counts as not given."""
    try:
        value = float(header) if header else None
    except ValueError:
        return None
    return value if value is not None and 0 <= value < 3600 else None
