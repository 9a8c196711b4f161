"""A time limit and a size limit for a whole exchange.

httpx limits each read, so a server that drips one byte a second holds a caller for ever. This transport
looks at the clock at every chunk and stops at the deadline.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from daemon.ports import Clock

MOST_BYTES = 8 * 2**20
"""A reply of ours is a few kilobytes; logprobs of a hundred tokens stay under a megabyte."""


class TooMuchError(Exception):
    """The server sent more than any answer could be."""


class Deadline:
    """The end of the exchange in progress, in the clock's monotonic seconds. One exchange at a time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._end = float("inf")

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """All exchanges of the block end within so many seconds."""
        self._end = self._clock.monotonic() + seconds
        try:
            yield
        finally:
            self._end = float("inf")

    def left(self) -> float:
        """Seconds until the end; never below 0."""
        return max(0.0, self._end - self._clock.monotonic())


class DeadlineTransport(httpx.HTTPTransport):
    """An HTTP transport under a Deadline."""

    def __init__(self, deadline: Deadline, *, verify: str | bool = True) -> None:
        super().__init__(verify=verify)
        self._deadline = deadline

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send; no single read may outlast the deadline."""
        left = self._deadline.left()
        if left <= 0:
            raise httpx.ReadTimeout("the time limit has passed", request=request)
        limits = request.extensions.get("timeout", {})
        request.extensions["timeout"] = {
            name: left if value is None else min(value, left) for name, value in limits.items()
        }
        response = super().handle_request(request)
        if isinstance(response.stream, httpx.SyncByteStream):
            response.stream = _Limited(response.stream, self._deadline, request)
        return response


class _Limited(httpx.SyncByteStream):
    def __init__(self, inner: httpx.SyncByteStream, deadline: Deadline, request: httpx.Request) -> None:
        self._inner, self._deadline, self._request = inner, deadline, request

    def __iter__(self) -> Iterator[bytes]:
        total = 0
        for chunk in self._inner:
            if self._deadline.left() <= 0:
                raise httpx.ReadTimeout("the time limit has passed", request=self._request)
            total += len(chunk)
            if total > MOST_BYTES:
                raise TooMuchError(f"the server sent more than {MOST_BYTES} bytes")
            yield chunk

    def close(self) -> None:
        self._inner.close()
