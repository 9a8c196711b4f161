"""A round of comparisons: few requests, and one bad query costs the others nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import pytest

from daemon.clock import SystemClock
from daemon.metric_round import ROUND_SECONDS, MetricRound
from daemon.prometheus_metrics import PrometheusMetrics
from detectors.model import Gap, MetricReading, Turn
from tests.daemon.kube.chaos import ChaosServer, answer
from tests.fakes.clock import FakeClock

TEXT = 24 * 1024
PART = re.compile(r'label_replace\(\(\n(.*)\n\), "intentd_question", "(\d+)", "", ""\)')


class Server:
    """Answers each query with one held series that carries its text; `trouble` maps a text to a Gap's reason."""

    def __init__(self) -> None:
        self.asked: list[int] = []  # how many queries each request held
        self.trouble: dict[str, str] = {}
        self.down = ""
        self.most = 1000  # that it can answer at once
        self.clock = FakeClock()
        self.seconds = 0.0  # that each request takes

    def __call__(self, what: str, query: str) -> object:
        parts = PART.findall(query) or [(query, None)]
        self.asked.append(len(parts))
        self.clock.advance(self.seconds)
        reasons = [self.trouble[text] for text, _ in parts if text in self.trouble]
        reasons += ["TimedOut"] if len(parts) > self.most else []
        if self.down or reasons:
            return Gap(what, self.down or reasons[0], "no", Turn.OURS)
        return [
            {
                "metric": {"intentd": "held", "of": text} | ({"intentd_question": at} if at else {}),
                "value": [1, "1"],
            }
            for text, at in parts
        ]


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def metric_round(server: Server) -> Iterator[MetricRound]:
    with ThreadPoolExecutor(1) as pool:
        yield MetricRound(server, pool, server.clock, "http://prometheus")


def queries(count: int) -> dict[str, str]:
    return {f"intent/{n}": f"q{n}" for n in range(count)}


def test_a_thousand_comparisons_are_ten_requests_and_each_gets_its_own_answer(server, metric_round):
    found = metric_round.read(queries(1000), text=TEXT)
    assert len(server.asked) == 10
    assert list(found) == list(queries(1000))
    assert all(reading.held[0].labels == (("of", f"q{n}"),) for n, reading in enumerate(found.values()))


@pytest.mark.parametrize("reason", ["Invalid", "Warning", "TimedOut"])
def test_one_bad_query_is_told_of_itself_alone_and_asked_alone_from_then_on(server, metric_round, reason):
    server.trouble = {"q42": reason}
    found = metric_round.read(queries(100), text=TEXT)
    gaps = {key: reading for key, reading in found.items() if isinstance(reading, Gap)}
    assert [(key, gap.what, gap.reason) for key, gap in gaps.items()] == [
        ("intent/42", "metric intent/42", reason)
    ]
    server.asked.clear()
    assert isinstance(metric_round.read(queries(100), text=TEXT)["intent/42"], Gap)
    assert sorted(server.asked) == [1, 99]


def test_a_query_that_answers_again_is_asked_with_the_others_again(server, metric_round):
    server.trouble = {"q1": "Invalid"}
    metric_round.read(queries(3), text=TEXT)
    server.trouble = {}
    metric_round.read(queries(3), text=TEXT)
    server.asked.clear()
    assert isinstance(metric_round.read(queries(3), text=TEXT)["intent/1"], MetricReading)
    assert server.asked == [3]


@pytest.mark.parametrize("reason", ["Unreachable", "Forbidden", "Busy", "Unauthorized"])
def test_a_server_that_does_not_answer_is_not_asked_again_for_each_query(server, metric_round, reason):
    server.down = reason
    found = metric_round.read(queries(50), text=TEXT)
    assert server.asked == [50]
    assert {(gap.what, gap.reason) for gap in found.values()} == {
        (f"metric {key}", reason) for key in queries(50)
    }


def test_what_there_was_no_time_for_is_a_gap_and_is_no_suspect_afterwards(server, metric_round):
    server.trouble, server.seconds = {"q0": "TimedOut"}, ROUND_SECONDS / 3
    found = metric_round.read(queries(10), text=TEXT)
    assert {gap.reason for gap in found.values() if isinstance(gap, Gap)} == {"TimedOut"}
    server.asked.clear()
    server.seconds = 0.0
    metric_round.read(queries(10), text=TEXT)
    assert sorted(server.asked) == [1, 9]


def test_batches_that_are_too_much_although_each_query_answers_become_smaller(server, metric_round):
    server.most = 30
    for _ in range(3):
        assert all(
            isinstance(each, MetricReading) for each in metric_round.read(queries(100), text=TEXT).values()
        )
    server.asked.clear()
    metric_round.read(queries(100), text=TEXT)
    assert max(server.asked) <= 30
    assert len(server.asked) < 10


def test_no_queries_are_no_requests(server, metric_round):
    assert metric_round.read({}, text=TEXT) == {}
    assert server.asked == []


# ---------------------------------------------------------------- how much goes into an address


@pytest.fixture
def http() -> Iterator[ChaosServer]:
    server = ChaosServer()
    yield server
    server.end()


@pytest.mark.parametrize("status", [400, 413, 414, 431])
def test_a_proxy_that_refuses_long_addresses_costs_one_round_and_no_answer(http, status):
    held = {
        "status": "success",
        "data": {"resultType": "vector", "result": [{"metric": {"intentd": "held"}, "value": [1.0, "1"]}]},
    }
    lengths: list[int] = []

    def proxy(handler):
        lengths.append(len(handler.path))
        if len(handler.path) > 8192:
            answer(status, b"<html>too large")(handler)
            return
        (query,) = parse_qs(urlsplit(handler.path).query)["query"]
        places = [place for _, place in PART.findall(query)]
        series = [
            {"metric": {"intentd": "held", "intentd_question": place}, "value": [1.0, "1"]}
            for place in places
        ]
        data = {"resultType": "vector", "result": series}
        answer(200, {**held, "data": data} if places else held)(handler)

    http.routes["/api/v1/query"] = proxy
    port = PrometheusMetrics(http.url, SystemClock(), timeout=5)
    asked = {f"intent/{n}": f"up{{job='{'x' * 200}{n}'}}" for n in range(60)}
    first = port.read(asked)
    lengths.clear()
    second = port.read(asked)
    assert all(isinstance(reading, MetricReading) for reading in (*first.values(), *second.values()))
    assert max(lengths) <= 8192
    assert len(lengths) < 10
    port.close()
