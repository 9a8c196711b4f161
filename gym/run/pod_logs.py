"""What a kubelet serves to `kubectl logs`, for pods that run no container: the log that their case states."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit


class PodLogs:
    """Logs by (namespace, pod, container). Written by the node agents, read by the API server."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._logs: dict[tuple[str, str, str], str] = {}
        self.port = 0

    def put(self, namespace: str, pod: str, container: str, text: str) -> None:
        """Set a container's log; an empty one is a container that says nothing."""
        with self._lock:
            self._logs[namespace, pod, container] = text

    def get(self, namespace: str, pod: str, container: str) -> str:
        """The log, empty for a container that said nothing."""
        with self._lock:
            return self._logs.get((namespace, pod, container), "")

    @contextmanager
    def serving(self, pki: Path) -> Iterator[None]:
        """Serve on the loopback address with the instance's own certificate; only those whom its authority knows may
        read. `port` is set while the block lasts."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pki / "apiserver.crt", pki / "apiserver.key")
        context.load_verify_locations(pki / "ca.crt")
        context.verify_mode = ssl.CERT_REQUIRED
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        server.daemon_threads = True
        server.socket = context.wrap_socket(server.socket, server_side=True)
        self.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, name="pod logs", daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()


def answer(logs: PodLogs, target: str) -> str | None:
    """The text for a request's target as the API server words it; None for any other path."""
    parts = urlsplit(target)
    match parts.path.strip("/").split("/"):
        case ["containerLogs", namespace, pod, container]:
            text = logs.get(namespace, pod, container)
        case _:
            return None
    lines = text.splitlines(keepends=True)
    tail = _number(parse_qs(parts.query), "tailLines")
    if tail is not None:
        lines = lines[len(lines) - min(tail, len(lines)) :]
    limit = _number(parse_qs(parts.query), "limitBytes")
    told = "".join(line if line.endswith("\n") else line + "\n" for line in lines)
    return told if limit is None else told.encode()[:limit].decode(errors="ignore")


def _number(query: Mapping[str, list[str]], name: str) -> int | None:
    value = query.get(name, [""])[0]
    return int(value) if value.isdigit() else None


def _handler(logs: PodLogs) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            text = answer(logs, self.path)
            body = (text or "").encode()
            self.send_response(404 if text is None else 200)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    return Handler
