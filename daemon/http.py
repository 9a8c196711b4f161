"""`/healthz`, `/readyz` and `/metrics` on one small server.

Healthy = the look loop turned lately (a kubelet or systemd may restart us otherwise). Ready = the cluster's
kinds were listed, the database answers, and intents are loaded; the reasons why not are the body.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app

from daemon.settings import Http, SettingsError

Check = Callable[[], str | None]
"""None when all is well, else why not."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    timeout = 10

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
        """Scrapes are no news."""


class HttpServer:
    """Serves in a thread of its own until closed. Raises SettingsError where it cannot listen."""

    def __init__(self, settings: Http, registry: CollectorRegistry, *, healthy: Check, ready: Check) -> None:
        metrics = make_wsgi_app(registry)

        def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            match environ.get("PATH_INFO"):
                case "/metrics":
                    answer: Iterable[bytes] = metrics(environ, start_response)
                    return answer
                case "/healthz":
                    return _answer(start_response, healthy())
                case "/readyz":
                    return _answer(start_response, ready())
                case _:
                    start_response("404 Not Found", [("Content-Type", "text/plain")])
                    return [b"/healthz, /readyz, /metrics\n"]

        try:
            self._server = make_server(
                settings.host, settings.port, app, server_class=_Server, handler_class=_Quiet
            )
        except OSError as error:
            raise SettingsError(
                f"http: {settings.host}:{settings.port} cannot be listened on ({error.strerror or error}). Set "
                "http.port (0 takes a free one) or http.host, or `http: {enabled: false}`."
            ) from error
        self.port = int(self._server.server_port)
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.2}, name="http", daemon=True
        ).start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


def _answer(start_response: Callable[..., Any], problem: str | None) -> list[bytes]:
    start_response(
        "200 OK" if problem is None else "503 Service Unavailable",
        [("Content-Type", "text/plain; charset=utf-8")],
    )
    return [(problem or "ok").encode() + b"\n"]
