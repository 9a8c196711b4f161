"""The reflector against an API server that misbehaves: facts are neither lost nor invented."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daemon.clock import SystemClock
from daemon.kube.connect import connect
from daemon.kube.kinds import RESOURCES
from daemon.kube.reflector import Pace, Reflector
from daemon.kube.transport import Transport
from detectors.facts import Pod
from detectors.model import Gap, Turn
from tests.daemon.kube.chaos import (
    ChaosServer,
    answer,
    bookmark,
    drip,
    drop,
    event,
    hang,
    page,
    pod,
    status,
    watch,
)
from tests.daemon.kube.conftest import QUICK


@pytest.fixture
def follow(server: ChaosServer, tmp_path: Path) -> Iterator[Callable[..., Reflector]]:
    made: list[tuple[Reflector, Transport]] = []

    def make(pace: Pace = QUICK, read_timeout: float = 2.0) -> Reflector:
        clock = SystemClock()
        transport = Transport(connect(server.kubeconfig(tmp_path)), clock, read_timeout=read_timeout)
        reflector = Reflector(RESOURCES["Pod"], transport, clock, threading.Event(), pace=pace)
        made.append((reflector, transport))
        reflector.start()
        return reflector

    yield make
    for reflector, transport in made:
        reflector.stop()
        reflector.join(2.0)
        transport.close()


def names(reflector: Reflector) -> set[str] | Gap:
    view = reflector.view()
    return view if isinstance(view, Gap) else {name for _, name in view}


def phases(reflector: Reflector) -> dict[str, str]:
    view = reflector.view()
    assert not isinstance(view, Gap), view
    return {name: fact.status.phase for (_, name), fact in view.items() if isinstance(fact, Pod)}


def eventually(check: Callable[[], bool], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.005)


def test_a_list_in_pages_becomes_one_view_and_is_not_seen_half(server, follow):
    gate = threading.Event()

    def second_page(handler):
        gate.wait(5)
        page([pod("c", "3")], "100")(handler)

    server.lists.extend([page([pod("a", "1"), pod("b", "2")], "100", "next"), second_page])
    reflector = follow()
    eventually(lambda: len(server.of(watch=False)) == 2)
    assert isinstance(reflector.view(), Gap)
    gate.set()
    eventually(lambda: names(reflector) == {"a", "b", "c"})
    assert server.of(watch=False)[1]["continue"] == "next"
    eventually(lambda: bool(server.of(watch=True)))
    assert server.of(watch=True)[0]["resourceVersion"] == "100"


def test_added_modified_and_deleted_arrive_in_order(server, follow):
    server.objects = {"a": pod("a", "1"), "b": pod("b", "2")}
    server.watches.append(
        watch(
            event("ADDED", pod("c", "101")),
            event("MODIFIED", pod("a", "102", phase="Failed")),
            event("DELETED", pod("b", "103")),
        )
    )
    reflector = follow()
    eventually(lambda: names(reflector) == {"a", "c"})
    assert phases(reflector)["a"] == "Failed"


def test_a_view_handed_out_never_changes_under_its_reader(server, follow):
    server.objects = {"a": pod("a", "1")}
    go_on = threading.Event()

    def slow(handler):
        handler.begin_stream()
        go_on.wait(5)
        handler.chunk(event("DELETED", pod("a", "101")))
        handler.server.closing.wait()

    server.watches.append(slow)
    reflector = follow()
    eventually(lambda: names(reflector) == {"a"})
    before = reflector.view()
    assert reflector.view() is before
    go_on.set()
    eventually(lambda: names(reflector) == set())
    assert list(before) == [("shop", "a")]


def test_a_line_split_over_many_chunks_is_put_together(server, follow):
    line = event("ADDED", pod("a", "101")) + event("ADDED", pod("ü", "102"))
    server.watches.append(watch(*(line[index : index + 7] for index in range(0, len(line), 7))))
    reflector = follow()
    eventually(lambda: names(reflector) == {"a", "ü"})


@pytest.mark.parametrize("rest", [b"", b'{"type":"ADDED","obj', b'{"type":"ADDED","object":{"metad'])
def test_a_cut_stream_goes_on_from_the_last_whole_line(server, follow, rest):
    first = event("ADDED", pod("a", "101"))
    server.watches.extend([watch(first + rest, then="cut"), watch(event("ADDED", pod("b", "102")))])
    reflector = follow()
    eventually(lambda: names(reflector) == {"a", "b"})
    assert [query["resourceVersion"] for query in server.of(watch=True)[:2]] == ["100", "101"]
    assert len(server.of(watch=False)) == 1, "a cut stream needs no new list"


@pytest.mark.parametrize(
    "garbage",
    [
        b"<html>bad gateway</html>\n",
        b"\x00\xff\xfe\n",
        b'{"type":"ADDED"}\n',
        b'{"type":"MELTED","object":{}}\n',
        b'{"type":"ADDED","object":{"metadata":{"name":7}}}\n',
        b"[" * 5000 + b"\n",
    ],
)
def test_a_garbage_line_loses_nothing_before_or_after_it(server, follow, garbage):
    server.watches.extend(
        [
            watch(event("ADDED", pod("a", "101")) + garbage + event("ADDED", pod("lost", "999"))),
            watch(event("ADDED", pod("b", "102"))),
        ]
    )
    reflector = follow()
    eventually(lambda: names(reflector) == {"a", "b"})
    assert [query["resourceVersion"] for query in server.of(watch=True)[:2]] == ["100", "101"]


def test_a_line_that_stays_garbage_is_gone_around_by_a_new_list(server, follow):
    server.watches.extend([watch(b"garbage\n")] * 4)
    server.objects = {"a": pod("a", "1")}
    reflector = follow()
    eventually(lambda: reflector.lists == 2)
    assert names(reflector) == {"a"}


def test_a_bookmark_moves_the_resource_version_on(server, follow):
    server.watches.append(watch(bookmark("500"), then="end"))
    follow()
    eventually(lambda: len(server.of(watch=True)) >= 2)
    assert server.of(watch=True)[1]["resourceVersion"] == "500"


@pytest.mark.parametrize(
    "expired",
    [
        status(410, "Expired", "too old resource version"),
        watch(event("ERROR", {"code": 410, "reason": "Expired", "message": "too old"})),
    ],
)
def test_410_lists_anew_and_drops_what_vanished_meanwhile(server, follow, expired):
    server.lists.append(page([pod("a", "1"), pod("b", "2")], "100"))
    server.watches.append(expired)
    server.objects = {"b": pod("b", "2"), "c": pod("c", "300")}
    server.version = "300"
    reflector = follow()
    eventually(lambda: names(reflector) == {"b", "c"})
    eventually(lambda: server.of(watch=True)[-1]["resourceVersion"] == "300")


def test_410_in_the_middle_of_a_list_starts_it_again(server, follow):
    server.lists.extend(
        [page([pod("a", "1")], "100", "next"), status(410, "Expired", "continue token expired")]
    )
    server.objects = {"a": pod("a", "1"), "b": pod("b", "2")}
    reflector = follow()
    eventually(lambda: names(reflector) == {"a", "b"})
    assert "continue" not in server.of(watch=False)[2]


def test_while_the_server_fails_the_first_list_is_a_gap_and_it_recovers_by_itself(server, follow):
    server.lists.extend([status(500, "InternalError", "etcd is gone")] * 3)
    server.objects = {"a": pod("a", "1")}
    reflector = follow(Pace(watch=2, grace=1, stale=5, backoff_first=0.1, backoff_last=0.1))
    eventually(lambda: isinstance(gap := reflector.view(), Gap) and gap.reason == "Unreachable")
    assert reflector.view().turn is Turn.OURS
    eventually(lambda: names(reflector) == {"a"})


def test_a_watch_that_fails_for_a_while_keeps_what_is_known(server, follow):
    server.objects = {"a": pod("a", "1")}
    server.watches.extend([status(503, "ServiceUnavailable", "starting")] * 3)
    reflector = follow()
    eventually(lambda: len(server.of(watch=True)) >= 2)
    assert names(reflector) == {"a"}


def test_429_waits_as_long_as_it_was_asked_to(server, follow):
    server.watches.append(status(429, "TooManyRequests", "slow down", {"Retry-After": "1"}))
    server.watches.append(watch(event("ADDED", pod("a", "101"))))
    began = time.monotonic()
    reflector = follow()
    eventually(lambda: names(reflector) == {"a"})
    assert time.monotonic() - began >= 1.0


def test_403_is_a_gap_for_the_operator_at_once_even_with_facts_in_hand(server, follow):
    server.objects = {"a": pod("a", "1")}
    server.watches.extend([watch(then="end"), *[status(403, "Forbidden", "pods is forbidden")] * 50])
    reflector = follow()
    eventually(lambda: isinstance(gap := reflector.view(), Gap) and gap.reason == "Forbidden")
    assert reflector.view().turn is Turn.OPERATOR
    server.watches.clear()
    eventually(lambda: names(reflector) == {"a"})


def test_401_reads_the_credentials_again(server, follow, tmp_path):
    def only_new_token(handler):
        if handler.headers["Authorization"] == "Bearer fresh":
            page([pod("a", "1")], "100")(handler)
        else:
            server.kubeconfig(tmp_path, token="fresh")
            status(401, "Unauthorized", "token expired")(handler)

    server.lists.extend([only_new_token, only_new_token])
    reflector = follow()
    eventually(lambda: names(reflector) == {"a"})
    assert server.requests[-1][2] == "Bearer fresh"


@pytest.mark.parametrize("behaviour", [hang, drop, drip(b"x" * 1000, 0.01), answer(200, b"<html>")])
def test_a_list_that_never_arrives_is_a_gap_and_is_asked_again(server, follow, behaviour):
    server.lists.append(behaviour)
    server.objects = {"a": pod("a", "1")}
    reflector = follow(read_timeout=0.3)
    assert isinstance(reflector.view(), Gap)
    eventually(lambda: names(reflector) == {"a"})


def test_a_kind_that_is_not_heard_for_too_long_is_stale_and_comes_back(server, follow):
    server.objects = {"a": pod("a", "1")}
    server.watches.extend([hang] * 2)
    reflector = follow(Pace(watch=1, grace=0.0, stale=0.5, backoff_first=0.05, backoff_last=0.1))
    eventually(lambda: names(reflector) == {"a"})
    eventually(lambda: isinstance(gap := reflector.view(), Gap) and gap.reason == "Stale")
    eventually(lambda: names(reflector) == {"a"})


def test_a_watch_that_ends_at_once_is_not_hammered(server, follow):
    server.watches.extend([watch(then="end")] * 1000)
    follow(Pace(watch=2, grace=1, stale=5, backoff_first=0.2, backoff_last=0.2))
    time.sleep(1.0)
    assert len(server.of(watch=True)) <= 7


def test_stopping_wakes_a_silent_watch(server, follow):
    reflector = follow(Pace(watch=60, grace=10, stale=90))
    eventually(lambda: reflector.watches == 1)
    began = time.monotonic()
    reflector.stop()
    assert reflector.join(2.0)
    assert time.monotonic() - began < 0.5


def test_an_object_that_did_not_change_is_the_same_struct_after_a_new_list(server, follow):
    server.objects = {"a": pod("a", "1"), "b": pod("b", "2")}
    server.watches.append(status(410, "Expired", "too old"))
    gate = threading.Event()

    def later(handler):
        gate.wait(5)
        page([pod("a", "1"), pod("b", "200")], "200")(handler)

    server.lists.extend([page([pod("a", "1"), pod("b", "2")], "100"), later])
    reflector = follow()
    eventually(lambda: names(reflector) == {"a", "b"})
    before = reflector.view()
    gate.set()
    eventually(lambda: reflector.lists == 2)
    after = reflector.view()
    assert after["shop", "a"] is before["shop", "a"]
    assert after["shop", "b"] is not before["shop", "b"]
