"""A model server that answers at once, as Ollama would: what is left of an incident is the daemon.

The daemon asks it through its own adapter over HTTP, so nothing of the daemon is replaced; the seconds of each
answer are in the ledger and can be taken off.
"""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from remediation.model import Answer, Question, Role
from tests.fakes.model import FakeModel

NAME = "scripted"
DIGEST = "scripted"


@contextmanager
def scripted_model(believes: Callable[[str], float]) -> Iterator[str]:
    """Its address. `believes` gives p(Yes) for a judge question's text."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.model = FakeModel(believes)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    model: FakeModel


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # one packet an answer
    server: _Server

    def do_GET(self) -> None:
        self._send({"models": [{"model": f"{NAME}:latest", "name": f"{NAME}:latest", "digest": DIGEST}]})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.model.asked.clear()
        answer = self.server.model.ask(_question(asked))
        assert isinstance(answer, Answer)
        self._send(_told(answer))

    def _send(self, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode() + b"\n"
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *_: Any) -> None:
        """A line for each request would be work of ours in the middle of what is measured."""


def _question(asked: dict[str, Any]) -> Question:
    role = Role.JUDGE if asked.get("logprobs") else Role.DIAGNOSE
    system, prompt = (message["content"] for message in asked["messages"])
    return Question(role, system, prompt, asked["options"]["num_predict"], asked.get("format"))


def _told(answer: Answer) -> dict[str, Any]:
    told: dict[str, Any] = {
        "model": NAME,
        "message": {"role": "assistant", "content": answer.text},
        "done": True,
        "done_reason": "stop",
        "prompt_eval_count": answer.prompt_tokens,
        "eval_count": answer.answer_tokens,
    }
    if answer.p_yes is not None:
        shares = {"Yes": answer.p_yes, "No": 1 - answer.p_yes}
        top = [{"token": token, "logprob": math.log(share)} for token, share in shares.items()]
        told["logprobs"] = [{**top[0], "top_logprobs": top}]
    return told
