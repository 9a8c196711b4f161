"""The Metrics port against a Prometheus that misbehaves (real sockets), and against a real one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from daemon import prometheus_metrics
from daemon.clock import SystemClock
from daemon.prometheus_metrics import PrometheusMetrics
from detectors.model import Gap, MetricReading, Turn
from detectors.promql import comparison_query
from intents.model import MetricHolds
from tests.daemon.kube.chaos import ChaosServer, answer, drip, drop, hang

QUERY = "/api/v1/query"


@pytest.fixture
def server() -> Iterator[ChaosServer]:
    server = ChaosServer()
    yield server
    server.end()


@pytest.fixture
def metrics(server: ChaosServer) -> Iterator[Callable[..., PrometheusMetrics]]:
    made: list[PrometheusMetrics] = []

    def make(**settings: object) -> PrometheusMetrics:
        made.append(PrometheusMetrics(server.url + "/", SystemClock(), **{"timeout": 0.5, **settings}))
        return made[-1]

    yield make
    for one in made:
        one.close()


def vector(*series: tuple[dict[str, str], str], **extra: object):
    result = [{"metric": labels, "value": [1.0, value]} for labels, value in series]
    return answer(200, {"status": "success", "data": {"resultType": "vector", "result": result}, **extra})


def refusal(code: int, kind: str, said: str):
    return answer(code, {"status": "error", "errorType": kind, "error": said})


def test_broken_and_held_series_are_told_apart(server, metrics):
    server.routes[QUERY] = vector(
        ({"intentd": "broken", "app": "a"}, "0.7"), ({"intentd": "held", "app": "b"}, "0.1")
    )
    reading = metrics().read({"shop/0": "up"})["shop/0"]
    assert isinstance(reading, MetricReading)
    assert [sample.labels for sample in reading.broken] == [(("app", "a"),)]
    assert [sample.value for sample in reading.held] == [0.1]


@pytest.mark.parametrize(
    ("behaviour", "reason", "turn"),
    [
        (vector(), "NoData", Turn.OPERATOR),
        (vector(({"intentd": "held"}, "NaN")), "NotANumber", Turn.OPERATOR),
        (vector(({"intentd": "held"}, "1"), warnings=["partial response: store-2"]), "Warning", Turn.OURS),
        (refusal(400, "bad_data", "parse error"), "Invalid", Turn.OPERATOR),
        (refusal(422, "execution", "many-to-many"), "Invalid", Turn.OPERATOR),
        (refusal(503, "timeout", "query timed out"), "TimedOut", Turn.OURS),
        (refusal(500, "internal", "boom"), "Unreachable", Turn.OURS),
        (answer(401, b"no"), "Forbidden", Turn.OPERATOR),
        (answer(403, b"no org id"), "Forbidden", Turn.OPERATOR),
        (answer(404, b"404 page not found"), "Invalid", Turn.OPERATOR),
        (answer(429, b"slow down"), "Busy", Turn.OURS),
        (answer(502, b"<html>bad gateway"), "Unreachable", Turn.OURS),
        (answer(200, b"<html>Please log in"), "Invalid", Turn.OPERATOR),
        (answer(200, b'{"status":"success"}'), "Invalid", Turn.OPERATOR),
        (answer(200, b'{"status":"success","data":null}'), "Invalid", Turn.OPERATOR),
        (answer(200, b'{"data":{"result":[{"metric":{},"value":[1,"x"]}]}}'), "Invalid", Turn.OURS),
        (answer(302, b"", {"Location": "/login"}), "Invalid", Turn.OPERATOR),
        (hang, "TimedOut", Turn.OURS),
        (drop, "Unreachable", Turn.OURS),
        (drip(b"x" * 1000, 0.05), "TimedOut", Turn.OURS),
        (answer(200, b"x" * (prometheus_metrics.ANSWER_LIMIT + 1)), "Invalid", Turn.OPERATOR),
    ],
)
def test_what_is_not_a_reading_is_a_gap_with_its_reason(server, metrics, behaviour, reason, turn):
    server.routes[QUERY] = behaviour
    gap = metrics().read({"shop/0": "up"})["shop/0"]
    assert isinstance(gap, Gap), gap
    assert (gap.what, gap.reason, gap.turn) == ("metric shop/0", reason, turn)


def test_a_server_that_is_not_there_is_a_gap(server, metrics):
    port = metrics()
    server.end()
    gap = port.value("up")
    assert isinstance(gap, Gap)
    assert (gap.reason, gap.turn) == ("Unreachable", Turn.OURS)
    assert "connection refused" in gap.message


def test_it_recovers_by_itself_after_a_failure(server, metrics):
    port = metrics()
    server.lists.append(drop)
    assert isinstance(port.value("up"), Gap)
    server.lists.append(vector(({}, "1")))
    assert port.value("up") == "1"


def test_one_bad_query_does_not_hide_the_others(server, metrics):
    def by_query(handler):
        kind = (
            refusal(400, "bad_data", "parse error")
            if "bad" in handler.path
            else vector(({"intentd": "held"}, "1"))
        )
        kind(handler)

    server.routes[QUERY] = by_query
    found = metrics().read({f"k{n}": "bad" if n == 3 else f"good{n}" for n in range(12)})
    assert {key for key, value in found.items() if isinstance(value, Gap)} == {"k3"}


def test_warnings_of_one_answer_are_not_told_of_the_next(server, metrics):
    port = metrics()
    server.lists.append(vector(({}, "1"), warnings=["partial"]))
    server.lists.append(vector(({}, "2")))
    assert isinstance(port.value("up"), Gap)
    assert port.value("up") == "2"


def test_an_info_is_no_warning(server, metrics):
    server.routes[QUERY] = vector(({}, "1"), infos=["metric might not be a counter"])
    assert metrics().value("up") == "1"


def test_the_token_is_read_from_its_file_each_time_and_the_tenant_is_sent(
    server, metrics, tmp_path, monkeypatch
):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    token = tmp_path / "token"
    seen: list[tuple[str | None, str | None]] = []

    def look(handler):
        seen.append((handler.headers["Authorization"], handler.headers["X-Scope-OrgID"]))
        vector(({}, "1"))(handler)

    server.routes[QUERY] = look
    port = metrics(token_file=token, tenant="shop")
    token.write_text("one\n")
    port.value("up")
    token.write_text("two\n")
    port.value("up")
    assert seen == [("Bearer one", "shop"), ("Bearer two", "shop")]


def test_a_token_file_that_is_missing_is_the_operator_s_turn(metrics, tmp_path):
    gap = metrics(token_file=tmp_path / "absent").value("up")
    assert isinstance(gap, Gap)
    assert (gap.reason, gap.turn) == ("Unauthorized", Turn.OPERATOR)


@pytest.mark.parametrize(
    ("behaviour", "text"),
    [
        (vector(({"app": "web"}, "0.123456")), "{app=web} 0.1235"),
        (vector(({}, "NaN")), "NaN"),
        (vector(({}, "+Inf")), "+Inf"),
        (vector(*[({"n": str(n)}, "1") for n in range(9)]), "and 4 more series"),
        (answer(200, {"data": {"resultType": "scalar", "result": [1.0, "42"]}}), "42"),
    ],
)
def test_a_value_is_short_text(server, metrics, behaviour, text):
    server.routes[QUERY] = behaviour
    assert text in str(metrics().value("up"))


# ---------------------------------------------------------------- the real one

PROMETHEUS = "INTENTD_TEST_PROMETHEUS"
"""Names a Prometheus that tests may ask, instead of starting one."""


@pytest.fixture
def real(request) -> Iterator[PrometheusMetrics]:
    url = os.environ.get(PROMETHEUS) or request.getfixturevalue("prometheus_url")
    port = PrometheusMetrics(url, SystemClock(), timeout=5.0)
    yield port
    port.close()


def expectation(query: str, operator: str = ">", threshold: float = 0.5, **more: object) -> str:
    spec = {"type": "metric", "query": query, "operator": operator, "threshold": threshold, **more}
    return comparison_query(MetricHolds.model_validate(spec))


@pytest.mark.prometheus
def test_a_real_prometheus_says_held_broken_and_what_it_cannot_tell(real):
    found = real.read(
        {
            "held": expectation("vector(1)"),
            "broken": expectation("vector(0)"),
            "lasting": expectation("vector(0)", **{"for": "5s"}),
            "nan": expectation("vector(0) / 0", "!="),
            "absent": expectation("no_such_metric"),
            "nonsense": expectation("up{"),
            "warned": expectation("histogram_quantile(2, no_such_bucket) or vector(1)"),
        }
    )
    assert (len(found["held"].held), len(found["held"].broken)) == (1, 0)
    assert (len(found["broken"].held), len(found["broken"].broken)) == (0, 1)
    assert found["lasting"].broken, "a constant has been broken for as long as anybody can ask"
    assert isinstance(found["nan"], Gap)
    assert found["absent"].reason == "NoData"
    assert found["nonsense"].reason == "Invalid"
    assert found["warned"].reason == "Warning"


@pytest.mark.prometheus
def test_a_real_value_is_text(real):
    assert real.value("vector(1.5)") == "1.5"
    assert real.value("vector(0) / 0") == "NaN"
    assert isinstance(real.value("no_such_metric"), Gap)
