"""A real Prometheus over samples that we wrote: days of history in its first scrape, by explicit timestamps."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from gym.build import program
from gym.ready import wait_for

CONFIG = """
global: {{scrape_interval: 5s, scrape_timeout: 5s}}
storage: {{tsdb: {{out_of_order_time_window: 5d}}}}
scrape_configs:
  - job_name: recorded
    honor_labels: true
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""

Line = tuple[str, float, float]
"""A series, a value, and the Unix time of the sample."""


@contextmanager
def recorded(folder: Path, lines: Iterable[Line]) -> Iterator[tuple[str, int]]:
    """Its address and process, once all samples are there."""
    text = "".join(f"{series} {value!r} {round(at * 1000)}\n" for series, value, at in lines)
    pages = [f"{text}recorded_all 1\n".encode()]

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(pages.pop() if pages else b"recorded_all 1\n")

        def log_message(self, *_: object) -> None:
            pass

    page = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=page.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    config = folder / "prometheus.yml"
    config.write_text(CONFIG.format(port=page.server_port))
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [
                program("prometheus"),
                f"--config.file={config}",
                f"--storage.tsdb.path={folder}/data",
                f"--web.listen-address={url.removeprefix('http://')}",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        wait_for("the recorded samples", lambda: _is_there(url), 40)
        yield url, server.pid
    finally:
        server.terminate()
        server.wait(20)
        page.shutdown()
        page.server_close()


def _is_there(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/api/v1/query?query=recorded_all", timeout=2) as answer:
            return b'"value"' in answer.read()
    except OSError:
        return False


def now() -> float:
    """The time that the history ends with."""
    return time.time()
