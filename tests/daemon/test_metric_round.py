"""A round of comparisons: few requests, and one bad query costs the others nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs

import pytest

from daemon.clock import SystemClock
from daemon.metric_round import ROUND_SECONDS, MetricRound
from daemon.prometheus_metrics import PrometheusMetrics
from detectors.model import Gap, MetricReading, Turn
from tests.daemon.kube.chaos import ChaosServer, answer
from tests.fakes.clock import FakeClock

QUERY = "/api/v1/query"
PART = re.compile(r'label_replace\(\(\n(.*)\n\), "intentd_question", "(\d+)", "", ""\)')


class Server:
    """Answers each query with one held series that carries its text; `trouble` maps a text to a Gap's reason."""

    def __init__(self) -> None:
        self.asked: list[int] = []  # how many queries each request held
        self.trouble: dict[str, str] = {}
        self.down = ""
        self.clock = FakeClock()
        self.seconds = 0.0  # that each request takes

    def __call__(self, what: str, query: str) -> object:
        parts = PART.findall(query) or [(query, None)]
        self.asked.append(len(parts))
        self.clock.advance(self.seconds)
        reasons = [self.trouble[text] for text, _ in parts if text in self.trouble]
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
    found = metric_round.read(queries(1000))
    assert len(server.asked) == 10
    assert list(found) == list(queries(1000))
    assert all(reading.held[0].labels == (("of", f"q{n}"),) for n, reading in enumerate(found.values()))


@pytest.mark.parametrize("reason", ["Invalid", "Warning", "TimedOut"])
def test_one_bad_query_is_told_of_itself_alone_and_asked_alone_from_then_on(server, metric_round, reason):
    server.trouble = {"q42": reason}
    found = metric_round.read(queries(100))
    gaps = {key: reading for key, reading in found.items() if isinstance(reading, Gap)}
    assert [(key, gap.what, gap.reason) for key, gap in gaps.items()] == [
        ("intent/42", "metric intent/42", reason)
    ]
    server.asked.clear()
    assert isinstance(metric_round.read(queries(100))["intent/42"], Gap)
    assert sorted(server.asked) == [1, 99]


def test_a_query_that_answers_again_is_asked_with_the_others_again(server, metric_round):
    server.trouble = {"q1": "Invalid"}
    metric_round.read(queries(3))
    server.trouble = {}
    metric_round.read(queries(3))
    server.asked.clear()
    assert isinstance(metric_round.read(queries(3))["intent/1"], MetricReading)
    assert server.asked == [3]


@pytest.mark.parametrize("reason", ["Unreachable", "Forbidden", "Busy", "Unauthorized"])
def test_a_server_that_does_not_answer_is_not_asked_again_for_each_query(server, metric_round, reason):
    server.down = reason
    found = metric_round.read(queries(50))
    assert server.asked == [50]
    assert {(gap.what, gap.reason) for gap in found.values()} == {
        (f"metric {key}", reason) for key in queries(50)
    }


def test_what_there_was_no_time_for_is_a_gap_and_is_no_suspect_afterwards(server, metric_round):
    server.trouble, server.seconds = {"q0": "TimedOut"}, ROUND_SECONDS / 3
    found = metric_round.read(queries(10))
    assert {gap.reason for gap in found.values() if isinstance(gap, Gap)} == {"TimedOut"}
    server.asked.clear()
    server.seconds = 0.0
    metric_round.read(queries(10))
    assert sorted(server.asked) == [1, 9]


def test_no_queries_are_no_requests(server, metric_round):
    assert metric_round.read({}) == {}
    assert server.asked == []


# ---------------------------------------------------------------- how a long query is sent


@pytest.fixture
def http() -> Iterator[ChaosServer]:
    server = ChaosServer()
    yield server
    server.end()


@pytest.fixture
def port(http: ChaosServer) -> Iterator[PrometheusMetrics]:
    port = PrometheusMetrics(http.url, SystemClock(), timeout=2)
    yield port
    port.close()


ONE = {
    "status": "success",
    "data": {"resultType": "vector", "result": [{"metric": {}, "value": [1.0, "1"]}]},
}
LONG = f"up{{job=~'{'x' * 5000}'}}"


def test_a_long_query_is_sent_as_a_form_and_a_short_one_in_the_address(http, port):
    http.write_answers.append(answer(200, ONE))
    assert port.value(LONG) == "1"
    ((method, path, body),) = http.writes
    assert (method, path) == ("POST", QUERY)
    assert parse_qs(body.decode()) == {"query": [LONG], "timeout": ["2s"]}
    http.routes[QUERY] = answer(200, ONE)
    assert port.value("up") == "1"
    assert len(http.writes) == 1


def refuse_forms(http: ChaosServer) -> Callable[[], int]:
    http.write_answers.extend([answer(405, b"method not allowed")] * 5)
    http.routes[QUERY] = answer(200, ONE)
    return lambda: len(http.writes)


def test_where_forms_are_refused_the_address_has_to_do_from_then_on(http, port):
    forms = refuse_forms(http)
    assert [port.value(LONG), port.value(LONG)] == ["1", "1"]
    assert forms() == 1


def test_a_refusal_of_us_is_not_one_of_forms(http, port):
    forms = refuse_forms(http)
    http.routes[QUERY] = answer(403, b"no")
    gap = port.value(LONG)
    assert isinstance(gap, Gap)
    assert gap.reason == "Forbidden"
    http.routes[QUERY] = answer(200, ONE)
    port.value(LONG)
    assert forms() == 2
