"""Between the daemon and its model server: forwards everything as it is, and keeps every question with its answer.

The daemon's ledger keeps what was answered, not the prompts (they hold the evidence once more). Whoever wants to put the
same questions to another model needs them as they were sent.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from gym.run.record import Exchange

Json = dict[str, Any]

SECONDS = 600
"""Limit of one exchange; the daemon's own is shorter and ends it."""

CHAT = "/api/chat"


class Tap:
    """A server on the loopback address, in front of the one at `upstream`."""

    def __init__(self, upstream: str) -> None:
        parts = urlsplit(upstream)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 11434
        self._lock = threading.Lock()
        self._taken: list[Exchange] = []
        self.url = ""

    @property
    def taken(self) -> tuple[Exchange, ...]:
        """The exchanges so far, in the order in which they ended."""
        with self._lock:
            return tuple(self._taken)

    @contextmanager
    def serving(self) -> Iterator[Tap]:
        """`url` is where the daemon finds it while the block lasts."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        server.daemon_threads = True
        self.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, name="model tap", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()

    def connect(self) -> http.client.HTTPConnection:
        """A connection to the server behind."""
        return http.client.HTTPConnection(self._host, self._port, timeout=SECONDS)

    def keep(self, asked: Json, lines: list[bytes], seconds: float) -> None:
        """Note one exchange. What is no chat of Ollama's is forwarded and not kept."""
        found = exchange(asked, lines, seconds)
        if found is not None:
            with self._lock:
                self._taken.append(found)


def exchange(asked: Json, lines: list[bytes], seconds: float) -> Exchange | None:
    """The exchange of a request and the lines of its answer; None where they are not a whole one."""
    try:
        told = [json.loads(line) for line in lines if line.strip()]
        said = {one["role"]: one["content"] for one in asked["messages"]}
        last = told[-1]
        if not last.get("done"):
            return None
        return Exchange(
            model=asked["model"],
            system=said.get("system", ""),
            prompt=said["user"],
            schema=asked.get("format") or None,
            yes_no=bool(asked.get("logprobs")),
            max_tokens=asked["options"]["num_predict"],
            answer="".join(one.get("message", {}).get("content") or "" for one in told),
            prompt_tokens=last.get("prompt_eval_count") or 0,
            answer_tokens=last.get("eval_count") or 0,
            seconds=round(seconds, 3),
        )
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return None


def _handler(tap: Tap) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """HTTP/1.0: the end of the connection is the end of the answer, so that a stream flows as it comes."""

        def do_GET(self) -> None:
            self._forward(b"")

        def do_POST(self) -> None:
            self._forward(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

        def _forward(self, body: bytes) -> None:
            began, lines = time.monotonic(), list[bytes]()
            upstream = tap.connect()
            try:
                headers = {"Content-Type": self.headers.get("Content-Type") or "application/json"}
                upstream.request(self.command, self.path, body=body or None, headers=headers)
                answer = upstream.getresponse()
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.getheader("Content-Type") or "application/json")
                self.end_headers()
                for line in answer:
                    self.wfile.write(line)
                    self.wfile.flush()
                    lines.append(line)
            except (OSError, http.client.HTTPException):
                self.close_connection = True
                return  # whoever asked sees a broken answer, as without us
            finally:
                upstream.close()
            if self.path == CHAT and answer.status == 200:
                tap.keep(json.loads(body), lines, time.monotonic() - began)

        def log_message(self, *_: object) -> None:
            return

    return Handler
