"""An API server that misbehaves on command: real sockets on loopback, no patching.

Each LIST takes the next prepared answer of its queue, each WATCH the next prepared behaviour; when a queue
is empty, LIST answers the current objects and WATCH stays silently open until the server closes.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

Behaviour = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ChaosServer

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {key: values[-1] for key, values in parse_qs(url.query).items()}
        watching = query.get("watch") == "1"
        with self.server.lock:
            self.server.requests.append((url.path, query, self.headers.get("Authorization")))
            prepared = self.server.watches if watching else self.server.lists
            behaviour = self.server.routes.get(url.path)
            if behaviour is None:
                behaviour = prepared.popleft() if prepared else None
        with suppress(BrokenPipeError, ConnectionResetError):
            if behaviour is not None:
                behaviour(self)
            elif watching:
                watch()(self)
            else:
                page(list(self.server.objects.values()), self.server.version)(self)

    def do_PATCH(self) -> None:
        self._write()

    def do_POST(self) -> None:
        self._write()

    def do_DELETE(self) -> None:
        self._write()

    def _write(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        with self.server.lock:
            self.server.writes.append((self.command, url.path, body))
            behaviour = self.server.write_answers.popleft()
        with suppress(BrokenPipeError, ConnectionResetError):
            behaviour(self)

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)

    def begin_stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()

    def chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def end_stream(self) -> None:
        self.wfile.write(b"0\r\n\r\n")

    def cut(self) -> None:
        """Drop the connection without a word."""
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(2)

    def log_message(self, *_: object) -> None:
        pass


class ChaosServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.lists: deque[Behaviour] = deque()
        self.watches: deque[Behaviour] = deque()
        self.write_answers: deque[Behaviour] = deque()
        self.requests: list[tuple[str, dict[str, str], str | None]] = []
        self.routes: dict[str, Behaviour] = {}  # by path; go before the queues
        self.writes: list[tuple[str, str, bytes]] = []
        self.objects: dict[str, dict[str, Any]] = {}
        self.version = "100"
        self.closing = threading.Event()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def kubeconfig(self, folder: Path, token: str = "t0ken") -> Path:
        path = folder / "kubeconfig"
        path.write_text(
            json.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": "chaos",
                    "contexts": [{"name": "chaos", "context": {"cluster": "chaos", "user": "u"}}],
                    "clusters": [{"name": "chaos", "cluster": {"server": self.url}}],
                    "users": [{"name": "u", "user": {"token": token}}],
                }
            )
        )
        return path

    def of(self, *, watch: bool) -> list[dict[str, str]]:
        """The queries of the LISTs or WATCHes so far."""
        with self.lock:
            return [query for _, query, _ in self.requests if (query.get("watch") == "1") == watch]

    def end(self) -> None:
        self.closing.set()
        self.shutdown()
        self.server_close()


def pod(name: str, version: str, *, phase: str = "Running", namespace: str = "shop") -> dict[str, Any]:
    meta = {"name": name, "namespace": namespace, "uid": f"uid-{name}", "resourceVersion": version}
    return {"metadata": meta, "spec": {"containers": [{"name": "app"}]}, "status": {"phase": phase}}


def page(items: list[dict[str, Any]], version: str, going_on: str = "") -> Behaviour:
    meta = {"resourceVersion": version, **({"continue": going_on} if going_on else {})}
    return answer(200, {"kind": "PodList", "apiVersion": "v1", "metadata": meta, "items": items})


def answer(status: int, body: Any, headers: dict[str, str] | None = None) -> Behaviour:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return lambda handler: handler.answer(status, raw, headers)


def status(code: int, reason: str, message: str, headers: dict[str, str] | None = None) -> Behaviour:
    body = {"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message}
    return answer(code, body, headers)


def event(kind: str, item: dict[str, Any]) -> bytes:
    return json.dumps({"type": kind, "object": item}).encode() + b"\n"


def bookmark(version: str) -> bytes:
    return event("BOOKMARK", {"kind": "Pod", "metadata": {"resourceVersion": version}})


def watch(*chunks: bytes, then: str = "silence") -> Behaviour:
    """Send these chunks, then stay `silence`, `end` properly or be `cut`."""

    def behave(handler: Handler) -> None:
        handler.begin_stream()
        for chunk in chunks:
            handler.chunk(chunk)
        if then == "silence":
            handler.server.closing.wait()
            handler.cut()
        elif then == "end":
            handler.end_stream()
        else:
            handler.cut()

    return behave


def drip(body: bytes, every: float) -> Behaviour:
    """One byte at a time: each read is in time, the whole is not."""

    def behave(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        for index in range(len(body)):
            handler.wfile.write(body[index : index + 1])
            handler.wfile.flush()
            if handler.server.closing.wait(every):
                return

    return behave


def hang(handler: Handler) -> None:
    """Accept the request and never answer."""
    handler.server.closing.wait()
    handler.cut()


def drop(handler: Handler) -> None:
    """Take the request and drop the connection."""
    handler.cut()
