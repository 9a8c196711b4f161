"""The comparison queries: what their answers mean, and that a real Prometheus answers so."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from detectors.comparisons import metric_queries
from detectors.model import Gap, MetricReading
from detectors.promql import comparison_query, parse_reading
from gym.build import is_built, program
from intents.model import MetricHolds
from tests.fakes.world import intent


def series(reading: str, value: str, **labels: str) -> dict[str, object]:
    return {"metric": {"intentd": reading, **labels}, "value": [1.0, value]}


# ---------------------------------------------------------------- reading answers


def test_a_series_that_breaks_is_pending_until_it_has_been_broken_for_long_enough():
    found = parse_reading(
        [
            series("held", "1", s="a"),
            series("breaking", "9", s="b"),
            series("breaking", "8", s="c"),
            series("broken", "8", s="c"),
        ]
    )
    assert isinstance(found, MetricReading)
    values = {name: [s.value for s in getattr(found, name)] for name in ("held", "pending", "broken")}
    assert values == {"held": [1.0], "pending": [9.0], "broken": [8.0]}
    assert found.broken[0].labels == (("s", "c"),)


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        ([], "NoData"),
        ([series("held", "NaN")], "NotANumber"),
        (None, "Invalid"),
        ({"result": []}, "Invalid"),
        (["x"], "Invalid"),
        ([{"metric": {}, "value": [1, "1"]}], "Invalid"),
        ([series("perhaps", "1")], "Invalid"),
        ([series("held", "one")], "Invalid"),
        ([{"metric": {"intentd": "held"}, "value": [1]}], "Invalid"),
        ([series("held", "1"), {"metric": {"intentd": ["held"]}, "value": [1, "1"]}], "Invalid"),
    ],
)
def test_an_answer_that_says_nothing_is_a_gap_with_a_reason(result, reason):
    found = parse_reading(result, "metric shop/0")
    assert isinstance(found, Gap)
    assert (found.what, found.reason) == ("metric shop/0", reason)


def test_infinity_is_a_number():
    found = parse_reading([series("broken", "+Inf")])
    assert isinstance(found, MetricReading)
    assert found.broken[0].value == float("inf")


def test_each_metric_expectation_has_its_query_under_its_own_key():
    metric = {"type": "metric", "query": "up", "operator": "==", "threshold": 1}
    queries = metric_queries([intent({"type": "workloadHealthy"}, metric), intent(name="other")])
    assert list(queries) == ["shop/1"]


# ---------------------------------------------------------------- a real Prometheus

HISTORY = 120  # seconds of samples, one a second
LINES = {
    'v{s="good"}': lambda ago: "1",
    'v{s="bad"}': lambda ago: "9",
    'v{s="inf"}': lambda ago: "+Inf",
    'v{s="nan"}': lambda ago: "NaN",
    'v{s="late"}': lambda ago: "9" if ago < 20 else "1",
    'v{s="blinked"}': lambda ago: "1" if 10 <= ago < 14 else "9",
    'v{s="young"}': lambda ago: "9" if ago < 15 else None,
    'v{s="recovered"}': lambda ago: "1" if ago < 2 else "9",
    'v{s="was_nan"}': lambda ago: "NaN" if 10 <= ago < 14 else "9",
    'other{s="bad"}': lambda ago: "9",
}


class Page(BaseHTTPRequestHandler):
    """Two minutes of history in one scrape, by explicit timestamps; the same at every scrape."""

    now = 0

    def do_GET(self) -> None:
        lines = [
            f"{name} {value(ago)} {(self.now - ago) * 1000}"
            for name, value in LINES.items()
            for ago in range(HISTORY, -1, -1)
            if value(ago) is not None
        ]
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(("\n".join(lines) + "\n").encode())

    def log_message(self, *_: object) -> None:
        pass


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not is_built("prometheus"):
        pytest.skip("the gym's Prometheus is not built (python -m gym up builds it)")
    folder: Path = tmp_path_factory.mktemp("prometheus")
    Page.now = int(time.time())
    page = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=page.serve_forever, daemon=True).start()
    (folder / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s}\nscrape_configs: [{job_name: t, static_configs:"
        f' [{{targets: ["127.0.0.1:{page.server_port}"]}}]}}]\n'
    )
    url = f"http://127.0.0.1:{free_port()}"
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [
                program("prometheus"),
                f"--config.file={folder}/prometheus.yml",
                f"--storage.tsdb.path={folder}/data",
                f"--web.listen-address={url.removeprefix('http://')}",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        wait_for_samples(url)
        yield url
    finally:
        server.terminate()
        server.wait(20)
        page.shutdown()
        page.server_close()


def wait_for_samples(url: str) -> None:
    for _ in range(150):
        try:
            if query(url, "count(v)") and query(url, 'v{s="bad"}'):
                return
        except OSError:
            pass
        time.sleep(0.2)
    pytest.fail("Prometheus did not scrape within 30 s")


def query(url: str, text: str) -> object:
    body = urllib.parse.urlencode({"query": text, "time": str(Page.now)}).encode()
    with urllib.request.urlopen(f"{url}/api/v1/query", body, timeout=10) as answer:
        return json.load(answer)["data"]["result"]


def ask(
    url: str, expression: str, operator: str, threshold: float, lasting: str = "0s"
) -> dict[str, set[str]]:
    wish = MetricHolds.model_validate(
        {"type": "metric", "query": expression, "operator": operator, "threshold": threshold, "for": lasting}
    )
    found = parse_reading(query(url, comparison_query(wish)))
    assert isinstance(found, MetricReading), found
    return {
        name: {dict(sample.labels).get("s", "") for sample in getattr(found, name)}
        for name in ("held", "pending", "broken")
    }


@pytest.mark.prometheus
class TestRealPrometheus:
    def test_without_a_duration_what_breaks_now_is_broken(self, prometheus):
        assert ask(prometheus, "v # with a remark", "<", 5) == {
            "held": {"good", "recovered"},
            "pending": set(),
            "broken": {"bad", "inf", "late", "blinked", "young", "was_nan"},
        }

    def test_with_a_duration_only_what_broke_without_a_break_and_long_enough(self, prometheus):
        assert ask(prometheus, "v", "<", 5, "30s") == {
            "held": {"good", "recovered"},
            "pending": {"late", "blinked", "young", "was_nan"},
            "broken": {"bad", "inf"},
        }

    def test_a_duration_longer_than_all_samples_breaks_nothing(self, prometheus):
        assert ask(prometheus, "v", "<", 5, "1h")["broken"] == set()

    @pytest.mark.parametrize(
        ("operator", "threshold", "held", "broken"),
        [
            (">", 5, {"bad"}, {"good"}),
            (">=", 9, {"bad"}, {"good"}),
            ("<=", 1, {"good"}, {"bad"}),
            ("==", 9, {"bad"}, {"good"}),
            ("!=", 9, {"good"}, {"bad"}),
        ],
    )
    @pytest.mark.parametrize("lasting", ["0s", "500ms", "20s"])
    def test_every_operator_has_its_opposite_and_nan_is_neither(
        self, prometheus, operator, threshold, held, broken, lasting
    ):
        expression = 'v{s=~"good|bad|nan"}'
        assert ask(prometheus, expression, operator, threshold, lasting) == {
            "held": held,
            "pending": set(),
            "broken": broken,
        }

    def test_a_nan_within_the_duration_is_no_proof_of_inequality(self, prometheus):
        assert ask(prometheus, 'v{s=~"bad|was_nan"}', "==", 5, "30s") == {
            "held": set(),
            "pending": {"was_nan"},
            "broken": {"bad"},
        }

    def test_the_value_that_comes_back_is_the_expressions_own(self, prometheus):
        wish = MetricHolds.model_validate(
            {"type": "metric", "query": 'v{s="bad"} * 2', "operator": "<", "threshold": 5, "for": "10s"}
        )
        found = parse_reading(query(prometheus, comparison_query(wish)))
        assert isinstance(found, MetricReading)
        assert [sample.value for sample in found.broken] == [18.0]

    def test_no_series_is_a_gap(self, prometheus):
        wish = MetricHolds.model_validate(
            {"type": "metric", "query": "nothing_of_that_name", "operator": "<", "threshold": 5}
        )
        found = parse_reading(query(prometheus, comparison_query(wish)))
        assert isinstance(found, Gap)
        assert found.reason == "NoData"

    @pytest.mark.parametrize("expression", ["1", "v or", 'v{s="bad"'])
    def test_what_is_no_vector_is_refused_and_never_a_reading(self, prometheus, expression):
        wish = MetricHolds.model_validate(
            {"type": "metric", "query": expression, "operator": "<", "threshold": 5}
        )
        with pytest.raises(urllib.error.HTTPError) as refused:
            query(prometheus, comparison_query(wish))
        assert refused.value.code == 400
