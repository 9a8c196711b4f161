"""Clock, Notifier, IntentSource and Metrics: what every implementation promises, asked of fake and real alike."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic import SecretStr

from daemon.clock import SystemClock
from daemon.intent_directory import IntentDirectory
from daemon.notify import AppriseNotifier
from daemon.ports import Notice
from daemon.prometheus_metrics import PrometheusMetrics
from daemon.settings import Notify
from detectors.facts import Sample
from detectors.model import Gap, MetricReading, Turn
from tests.fakes.clock import FakeClock
from tests.fakes.metrics import FakeMetrics
from tests.fakes.notifier import FakeIntentSource, FakeNotifier

# ---------------------------------------------------------------- clock


@pytest.fixture(params=[FakeClock, SystemClock])
def clock(request):
    return request.param()


def test_waiting_passes_the_time_and_says_that_nothing_came(clock):
    before, started = clock.now(), clock.monotonic()
    assert clock.wait(threading.Event(), 0.05) is False
    assert clock.monotonic() - started >= 0.05
    assert clock.now() - before >= 0.04


def test_an_event_that_is_set_ends_the_wait_at_once(clock):
    event = threading.Event()
    event.set()
    started = clock.monotonic()
    assert clock.wait(event, 30) is True
    assert clock.monotonic() - started < 5


def test_a_negative_wait_is_no_wait(clock):
    assert clock.wait(threading.Event(), -1) is False


# ---------------------------------------------------------------- notifier

NOTICE = Notice(
    "intentd needs you: Deployment/web", "Cause: the tag does not exist", "3fa9c1d2-1", "critical"
)


class Inbox:
    """A webhook on loopback that keeps what it is sent, or refuses."""

    def __init__(self):
        inbox = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                inbox.got.append(json.loads(body))
                self.send_response(200 if inbox.open else 503)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.got, self.open = [], True
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()
        self.notifier = AppriseNotifier(
            Notify(urls=(SecretStr(f"json://127.0.0.1:{self.server.server_port}/"),))
        )

    def received(self):
        return [(item["title"], item["message"]) for item in self.got]

    def close_door(self):
        self.open = False


class FakeInbox:
    def __init__(self):
        self.notifier = FakeNotifier()

    def received(self):
        return [(notice.title, notice.body) for notice in self.notifier.sent]

    def close_door(self):
        self.notifier.reachable = False


@pytest.fixture(params=["fake", "apprise"])
def inbox(request):
    if request.param == "fake":
        yield FakeInbox()
        return
    inbox = Inbox()
    yield inbox
    inbox.server.shutdown()
    inbox.server.server_close()


def test_a_notice_arrives_with_title_and_body(inbox):
    assert inbox.notifier.send(NOTICE) is True
    assert inbox.received() == [(NOTICE.title, NOTICE.body)]


def test_who_cannot_be_reached_is_said_and_not_raised(inbox):
    inbox.close_door()
    assert inbox.notifier.send(NOTICE) is False


def test_without_any_address_the_log_line_is_the_notice():
    assert AppriseNotifier(Notify()).send(NOTICE) is True


# ---------------------------------------------------------------- intents


class Folder:
    """IntentDirectory with the fake's controls."""

    def __init__(self, path):
        self.path, self.source = path, IntentDirectory(path)
        path.mkdir()

    def write(self, name, content):
        part = self.path / f".{name}.part"
        part.write_bytes(content)
        part.rename(self.path / name)

    def delete(self, name):
        (self.path / name).unlink()


class FakeFolder:
    def __init__(self):
        self.source = FakeIntentSource()
        self.write, self.delete = self.source.write, self.source.delete


@pytest.fixture(params=["fake", "directory"])
def folder(request, tmp_path):
    return FakeFolder() if request.param == "fake" else Folder(tmp_path / "intents")


def test_a_written_file_is_read_whole_and_a_deleted_one_is_gone(folder):
    folder.write("web.yaml", b"kind: Intent\n")
    assert folder.source.read() == {"web.yaml": b"kind: Intent\n"}
    folder.delete("web.yaml")
    assert folder.source.read() == {}


def test_a_change_wakes_the_reader_and_stop_ends_it(folder):
    stop, woken, ready = threading.Event(), threading.Event(), threading.Event()

    def watch():
        ready.set()
        for _ in folder.source.changes(stop):
            woken.set()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    ready.wait(5)
    for number in range(50):  # the watch may need a moment to stand
        folder.write("web.yaml", b"kind: Intent # %d\n" % number)
        if woken.wait(0.2):
            break
    assert woken.is_set()
    stop.set()
    watcher.join(5)
    assert not watcher.is_alive()


# ---------------------------------------------------------------- metrics


@pytest.fixture(params=["fake", pytest.param("prometheus", marks=pytest.mark.prometheus)])
def metrics(request):
    if request.param == "fake":
        fake = FakeMetrics()
        fake.values = {"vector(7)": "7"}
        fake.readings = {"up": MetricReading(broken=(), held=())}
        yield fake
        return
    real = PrometheusMetrics(request.getfixturevalue("prometheus_url"), SystemClock())
    yield real
    real.close()


def test_every_query_is_answered_by_its_key_and_no_series_is_a_gap(metrics):
    answers = metrics.read({"intent/0": 'label_replace(no_such_series, "intentd", "held", "", "")'})
    assert set(answers) == {"intent/0"}
    assert isinstance(answers["intent/0"], Gap)
    assert answers["intent/0"].reason == "NoData"


def test_many_queries_are_each_answered_by_their_own_key_and_a_bad_one_spoils_none(metrics):
    queries = {f"intent/{n}": f'label_replace(vector({n}), "intentd", "held", "", "")' for n in range(30)}
    if isinstance(metrics, FakeMetrics):
        metrics.readings = {key: MetricReading((), (Sample((), float(n)),)) for n, key in enumerate(queries)}
        metrics.readings["bad/0"] = Gap("metric bad/0", "Invalid", "parse error", Turn.OPERATOR)
    answers = metrics.read({**queries, "bad/0": "vector("})
    assert [answers[key].held[0].value for key in queries] == [float(n) for n in range(30)]
    assert (answers["bad/0"].what, answers["bad/0"].reason) == ("metric bad/0", "Invalid")


def test_no_queries_are_no_answers(metrics):
    assert dict(metrics.read({})) == {}


def test_a_value_is_short_text_and_no_value_a_gap(metrics):
    assert "7" in str(metrics.value("vector(7)"))
    assert isinstance(metrics.value("no_such_series"), Gap)
