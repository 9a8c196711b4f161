"""What a model server can do wrong, played by a small HTTP server; the real adapter and client on this side."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from daemon.clock import SystemClock
from daemon.ollama_model import OllamaModel, OllamaSettings, probability_of_yes
from remediation.model import Answer, Question, Role, Unusable, UnusableReason

JUDGE = Question(Role.JUDGE, "system", "Does it? Answer Yes or No.", 1, yes_no=True)
CAUSE = Question(Role.DIAGNOSE, "system", "State the cause.", 20, schema={"type": "object"})
TAGS = {"models": [{"model": "m:latest", "name": "m:latest", "digest": "abc123"}]}


def chunk(text="Yes", *, done=True, **more):
    told = {"model": "m", "message": {"role": "assistant", "content": text}, "done": done}
    if done:
        told |= {"done_reason": "stop", "prompt_eval_count": 40, "eval_count": 1}
    return told | more


def logprobs(**shares):
    import math

    top = [{"token": token, "logprob": math.log(share)} for token, share in shares.items()]
    return [{"token": top[0]["token"], "logprob": top[0]["logprob"], "top_logprobs": top}]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self._send(200, json.dumps(self.server.tags).encode())

    def do_POST(self):
        self.server.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.server.play(self)

    def _send(self, status, body, *, cut=0):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) + cut))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = bool(cut)

    def log_message(self, *_):
        pass


@contextmanager
def server(play, tags=None):
    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.daemon_threads = True
    running.play, running.asked, running.tags = play, [], TAGS if tags is None else tags
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    try:
        yield running
    finally:
        running.shutdown()
        running.server_close()


def says(*parts, status=200, cut=0):
    def play(handler):
        lines = b"".join((p if isinstance(p, bytes) else json.dumps(p).encode()) + b"\n" for p in parts)
        handler._send(status, lines, cut=cut)

    return play


def ask(play, question=JUDGE, tags=None, **settings):
    with server(play, tags) as running:
        model = OllamaModel(
            OllamaSettings("m", host=f"http://127.0.0.1:{running.server_port}", **settings), SystemClock()
        )
        try:
            return model.ask(question), running.asked
        finally:
            model.close()


def reason(play, question=JUDGE, tags=None, **settings):
    found, _ = ask(play, question, tags, **settings)
    assert isinstance(found, Unusable), found
    assert found.detail
    return found.reason


def test_a_good_answer_is_an_answer():
    found, asked = ask(says(chunk("Yes", logprobs=logprobs(Yes=0.6, No=0.2, Maybe=0.1))))
    assert isinstance(found, Answer)
    assert found.p_yes == pytest.approx(0.75)
    assert found.weights == "abc123"
    (sent,) = asked
    assert sent["options"] == {"num_ctx": 4096, "num_predict": 1, "temperature": 0.0, "seed": 0}
    assert sent["logprobs"] is True
    assert [m["role"] for m in sent["messages"]] == ["system", "user"]


def test_the_grammar_travels_with_the_question():
    _, (sent,) = ask(says(chunk("{}")), CAUSE)
    assert sent["format"] == {"type": "object"}


def test_an_answer_in_many_pieces_is_put_together():
    found, _ = ask(says(chunk('{"a"', done=False), chunk(": 1}", done=False), chunk("")), CAUSE)
    assert found.text == '{"a": 1}'


@pytest.mark.parametrize(
    ("play", "expected"),
    [
        (says({"error": "model runner has crashed"}), UnusableReason.INVALID),
        (says(chunk("Ye", done=False), {"error": "out of memory"}), UnusableReason.INVALID),
        (says({"error": "model 'm' not found"}, status=404), UnusableReason.NO_MODEL),
        (says({"error": "unauthorized"}, status=401), UnusableReason.UNREACHABLE),
        (says({"error": "busy"}, status=503), UnusableReason.UNREACHABLE),
        (says({"error": "bad grammar"}, status=400), UnusableReason.INVALID),
        (says({"error": "moved"}, status=302), UnusableReason.INVALID),
        (says(b"<html>hello</html>"), UnusableReason.INVALID),
        (says(b"[1, 2]"), UnusableReason.INVALID),
        (says(b"null"), UnusableReason.INVALID),
        (says(b"\xff\xfe\x00"), UnusableReason.INVALID),
        (says({"done": True}), UnusableReason.INVALID),
        (says(), UnusableReason.CUT_SHORT),
        (says(chunk("Yes", done=False)), UnusableReason.CUT_SHORT),
        (says(chunk("Yes", done=False), cut=50), UnusableReason.UNREACHABLE),
        (says(chunk("Perhaps", logprobs=logprobs(Perhaps=0.9, Yes=0.01))), UnusableReason.INVALID),
        (says(chunk("Yes")), UnusableReason.INVALID),
        (says(chunk("Yes", done_reason="load")), UnusableReason.INVALID),
        (says(chunk("Yes", prompt_eval_count=4096)), UnusableReason.PROMPT_TOO_LONG),
        (says(b"x" * (9 * 2**20)), UnusableReason.INVALID),
    ],
)
def test_whatever_the_server_answers_it_is_a_reason_and_never_an_exception(play, expected):
    assert reason(play) is expected


def test_an_answer_cut_by_its_length_is_no_answer_under_a_grammar():
    assert reason(says(chunk('{"cause": "the', done_reason="length")), CAUSE) is UnusableReason.CUT_SHORT


def test_a_prompt_too_long_for_the_context_is_never_sent():
    question = Question(Role.JUDGE, "system", "word " * 4000, 1, yes_no=True)
    found, asked = ask(says(chunk("Yes")), question)
    assert found.reason is UnusableReason.PROMPT_TOO_LONG
    assert asked == []


def test_a_model_that_is_not_listed_is_not_asked():
    found, asked = ask(says(chunk("Yes")), tags={"models": []})
    assert found.reason is UnusableReason.NO_MODEL
    assert asked == []


def test_a_silent_server_costs_the_time_limit_and_no_more():
    begun = time.monotonic()
    assert reason(lambda _: time.sleep(3), seconds=0.4) is UnusableReason.TIMED_OUT
    assert time.monotonic() - begun < 2


def test_a_server_that_drips_costs_the_time_limit_and_no_more():
    def drip(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        for _ in range(60):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.1)

    begun = time.monotonic()
    assert reason(drip, seconds=0.5) is UnusableReason.TIMED_OUT
    assert time.monotonic() - begun < 3


def test_nobody_listening_is_unreachable():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        model = OllamaModel(
            OllamaSettings("m", host=f"http://127.0.0.1:{taken.getsockname()[1]}"), SystemClock()
        )
        found = model.ask(JUDGE)
        assert isinstance(found, Unusable)
        assert found.reason is UnusableReason.UNREACHABLE
        assert model.weights().reason is UnusableReason.UNREACHABLE


def test_a_second_question_waits_for_its_turn_only_so_long():
    started = threading.Event()

    def slow(handler):
        started.set()
        time.sleep(1.5)
        says(chunk("Yes", logprobs=logprobs(Yes=0.9, No=0.1)))(handler)

    with server(slow) as running:
        url = f"http://127.0.0.1:{running.server_port}"
        model = OllamaModel(OllamaSettings("m", host=url, queue_seconds=0.2), SystemClock())
        results = []
        first = threading.Thread(target=lambda: results.append(model.ask(JUDGE)))
        first.start()
        assert started.wait(5)
        second = model.ask(JUDGE)
        first.join(10)
        assert isinstance(second, Unusable)
        assert second.reason is UnusableReason.TIMED_OUT
        assert isinstance(results[0], Answer)


class Token:
    def __init__(self, token, logprob, top=()):
        self.token, self.logprob, self.top_logprobs = token, logprob, top


def test_yes_in_other_spellings_counts_and_nothing_counts_twice():
    first = Token(
        "Yes", -0.5, [Token("Yes", -0.5), Token(" yes", -2.0), Token("NO", -2.0), Token("No", -3.0)]
    )
    import math

    yes, no = math.exp(-0.5) + math.exp(-2.0), math.exp(-2.0) + math.exp(-3.0)
    assert probability_of_yes(first) == pytest.approx(yes / (yes + no))


@pytest.mark.parametrize("value", [float("nan"), float("-inf")])
def test_a_log_probability_that_is_no_number_counts_for_nothing(value):
    assert probability_of_yes(Token("Yes", value, [Token("Yes", value), Token("No", value)])) is None


def test_a_positive_log_probability_is_not_more_than_certain():
    assert probability_of_yes(Token("Yes", 5.0, [Token("Yes", 5.0), Token("No", -1.0)])) < 1.0
