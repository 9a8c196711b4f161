"""A model server that speaks Ollama's protocol and answers by a script: Yes to every change, the first allowed
fault class as the cause. The daemon's real adapter and client are on the other side."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NAME, DIGEST = "scripted", "5c" * 32
TAGS = {"models": [{"model": f"{NAME}:latest", "name": f"{NAME}:latest", "digest": DIGEST}]}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self._send(TAGS)

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text, more = ("Yes", {"logprobs": _yes()}) if asked.get("logprobs") else (_cause(asked), {})
        counts = {"done_reason": "stop", "prompt_eval_count": 40, "eval_count": 1}
        message = {"role": "assistant", "content": text}
        self._send({"model": NAME, "message": message, "done": True} | counts | more)

    def _send(self, told):
        body = json.dumps(told).encode() + b"\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def _yes():
    top = [{"token": "Yes", "logprob": math.log(0.95)}, {"token": "No", "logprob": math.log(0.03)}]
    return [{**top[0], "top_logprobs": top}]


def _cause(asked):
    """A cause with the first of every allowed choice; where a change is to be written, an abstention."""
    first = asked["format"].get("anyOf", [asked["format"]])[0]["properties"]
    if "cause" not in first:
        return json.dumps({"abstain": "unsure"})
    told = {"cause": "the image tag does not exist", "evidence": first["evidence"]["items"]["enum"][:1]}
    if "fault_class" in first:
        told["fault_class"] = first["fault_class"]["enum"][0]
    return json.dumps(told)


@contextmanager
def scripted_model() -> Iterator[str]:
    """The server's address while the block lasts."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
