"""When a sample is over, what counts of it, and what is kept of the questions."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest

from gym.run import watch
from gym.run.tap import Tap
from gym.run.watch import Patience, Watched, consultations
from remediation.saga import Event
from store.queries import Step

PATIENCE = Patience(unseen=40, unopened=90, settled=5, waiting=15, longest=400)


def watched(*events: tuple[str, Event, dict[str, Any]]) -> Watched:
    """What following would have made of these rows: (case, event, payload)."""
    seen = Watched()
    for number, (case, event, payload) in enumerate(events, start=1):
        row = Step(number, float(number), case, event.value, payload, "")
        watch._take(seen, row, lambda: None)
    return seen


def opened(name: str) -> tuple[str, Event, dict[str, Any]]:
    told = {
        "intent": "i",
        "kind": "Deployment",
        "namespace": "shop",
        "name": name,
        "fault_class": "ImagePull",
    }
    return f"{name}-1", Event.OPENED, {**told, "summary": "", "violations": [{"message": "no such image"}]}


def ended(name: str, event: Event, outcome: str) -> tuple[str, Event, dict[str, Any]]:
    return f"{name}-1", event, {"outcome": outcome, "reason": ""}


def written(name: str) -> tuple[str, Event, dict[str, Any]]:
    target = {"kind": "Deployment", "namespace": "shop", "name": name, "uid": "1"}
    return f"{name}-1", Event.APPLY_STARTED, {"target": target}


def planned(name: str) -> tuple[str, Event, dict[str, Any]]:
    return f"{name}-1", Event.PLANNED, {"touched": [], "plan": {"plan": "patch"}}


APPLIED: dict[str, Any] = {}


def over(seen: Watched, quiet: float, violations: int = 0) -> bool:
    return watch._over(seen, quiet, PATIENCE, lambda: violations)


@pytest.mark.parametrize(
    ("seconds", "violations", "ended"), [(39, 0, False), (40, 0, True), (40, 1, False), (90, 1, True)]
)
def test_a_case_is_waited_for_longer_where_a_detector_sees_something_already(
    seconds: float, violations: int, ended: bool
) -> None:
    seen = watched()
    seen.seconds = seconds
    assert over(seen, seconds, violations) is ended


def test_nothing_is_waited_for_beyond_the_longest_time() -> None:
    seen = watched(opened("web"), written("web"), ("web-1", Event.APPLIED, APPLIED))
    seen.seconds = 401
    assert over(seen, 0)


def test_an_applied_plan_is_waited_for_until_its_case_ends() -> None:
    rows = [opened("web"), written("web"), ("web-1", Event.APPLIED, APPLIED)]
    assert not over(watched(*rows), 100)
    assert over(watched(*rows, ended("web", Event.HELD, "fixed")), 0)


def test_where_nothing_was_applied_the_last_ended_case_leaves_time_for_another() -> None:
    seen = watched(opened("web"), ended("web", Event.ESCALATED, "escalated"))
    assert not over(seen, 4)
    assert over(seen, 5)
    two = watched(opened("web"), opened("db"), ended("web", Event.ESCALATED, "escalated"))
    assert not over(two, 100)


def test_a_refused_plan_is_not_waited_for_beyond_its_time() -> None:
    refused = {"verdicts": [{"allowed": False}], "dry_run": ""}
    seen = watched(opened("web"), planned("web"), ("web-1", Event.GUARDED, refused))
    assert not over(seen, 14)
    assert over(seen, 15)


def test_only_the_first_applied_plan_counts_and_later_ones_are_counted_apart() -> None:
    seen = watched(
        opened("web"),
        opened("db"),
        planned("db"),
        written("db"),
        ("db-1", Event.APPLIED, APPLIED),
        planned("web"),
        written("web"),
        ("web-1", Event.APPLIED, APPLIED),
        ended("db", Event.ROLLED_BACK, "rolled-back"),
    )
    assert seen.case is not None
    assert seen.case.target == "Deployment/db"
    assert seen.later_plans == 1
    assert seen.later_targets() == [("Deployment", "shop", "web")]


def test_without_a_plan_the_case_that_called_a_person_is_scored_and_names_its_object() -> None:
    seen = watched(opened("db"), opened("web"), ended("web", Event.ESCALATED, "escalated"))
    assert seen.case is not None
    assert seen.case.target == "Deployment/web"
    [named] = seen.called_about()
    assert named.key == ("Deployment", "shop", "web")


def test_a_diagnosis_is_kept_whole() -> None:
    told = {
        "cause": "the tag is not there",
        "weights": "sha",
        "candidates": [{"id": "c1", "p_yes": 0.9}],
        "questions": [{"role": "judge", "prompt_tokens": 300, "answer_tokens": 1}],
        "evidence": [{"id": "e1"}],
        "facts": [{"id": "e2"}],
        "gaps": [],
        "chosen": "c1",
        "confidence": 0.9,
        "manifest": {"spec": {}},
        "wrote_manifest": False,
    }
    seen = watched(opened("web"), ("web-1", Event.DIAGNOSED, told), planned("web"))
    [found] = consultations(seen.rows)
    assert (found.kind, found.namespace, found.name) == ("Deployment", "shop", "web")
    assert (found.chosen, found.cause, found.plan) == ("c1", "the tag is not there", {"plan": "patch"})
    assert (found.facts, found.evidence) == (({"id": "e2"},), ({"id": "e1"},))
    assert seen.tokens == 301


# ---------------------------------------------------------------- the tap


class Upstream(BaseHTTPRequestHandler):
    """Answers as Ollama does: a stream of lines."""

    def do_GET(self) -> None:
        self._send([{"models": []}])

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._send(
            [
                {"message": {"content": "Y"}, "done": False},
                {"message": {"content": "es"}, "done": True, "prompt_eval_count": 40, "eval_count": 2},
            ]
        )

    def _send(self, lines: list[dict[str, Any]]) -> None:
        self.send_response(200)
        self.end_headers()
        for line in lines:
            self.wfile.write(json.dumps(line).encode() + b"\n")

    def log_message(self, *_: object) -> None:
        return


@contextmanager
def upstream() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def ask(url: str, verb: str, path: str, body: object = None) -> list[Any]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    connection.request(verb, path, body=None if body is None else json.dumps(body))
    answer = connection.getresponse()
    lines = [json.loads(line) for line in answer]
    connection.close()
    return lines


@pytest.mark.timeout(30)
def test_the_tap_forwards_everything_and_keeps_each_question_with_its_answer() -> None:
    asked = {
        "model": "m",
        "messages": [{"role": "system", "content": "you"}, {"role": "user", "content": "is it?"}],
        "options": {"num_predict": 1},
        "logprobs": True,
    }
    with upstream() as url, Tap(url).serving() as tap:
        assert ask(tap.url, "GET", "/api/tags") == [{"models": []}]
        assert ask(tap.url, "POST", "/api/chat", asked)[-1]["done"]
        watch_for = threading.Event()
        for _ in range(100):
            if tap.taken:
                break
            watch_for.wait(0.05)
        [kept] = tap.taken
    assert (kept.system, kept.prompt, kept.answer, kept.yes_no) == ("you", "is it?", "Yes", True)
    assert (kept.prompt_tokens, kept.answer_tokens) == (40, 2)
