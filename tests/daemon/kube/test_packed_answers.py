"""Answers that the server packed: the same content, the same limits, and never half of one."""

import gzip
import json

import pytest

from daemon.clock import SystemClock
from daemon.kube.connect import connect
from daemon.kube.errors import ClusterError
from daemon.kube.transport import Transport
from detectors.model import Turn
from tests.daemon.kube.chaos import answer

PLAIN = json.dumps({"items": [{"name": f"pod-{number}"} for number in range(20_000)]}).encode()
PACKED = {"Content-Encoding": "gzip"}


@pytest.fixture
def transport(server, tmp_path):
    made = Transport(connect(server.kubeconfig(tmp_path)), SystemClock(), read_timeout=5.0)
    yield made
    made.close()


def test_a_packed_answer_is_read_as_it_was_before_packing(server, transport):
    server.routes["/list"] = answer(200, gzip.compress(PLAIN), PACKED)
    assert transport.get("/list").body == PLAIN


def test_an_answer_that_is_not_packed_is_read_as_it_is(server, transport):
    server.routes["/list"] = answer(200, PLAIN)
    assert transport.get("/list").body == PLAIN


def test_a_small_parcel_with_too_much_in_it_is_refused_before_it_fills_the_memory(server, transport):
    server.routes["/list"] = answer(200, gzip.compress(bytes(50_000_000)), PACKED)
    with pytest.raises(ClusterError) as caught:
        transport.get("/list", limit=1_000_000)
    assert caught.value.reason == "Partial"


@pytest.mark.parametrize(
    "body", [gzip.compress(PLAIN)[:-100], b"not packed at all", b""], ids=["cut", "nonsense", "empty"]
)
def test_a_broken_parcel_is_no_answer_and_ours_to_ask_again(server, transport, body):
    server.routes["/list"] = answer(200, body, PACKED)
    with pytest.raises(ClusterError) as caught:
        transport.get("/list")
    assert caught.value.turn is Turn.OURS


def test_a_packed_error_keeps_its_words(server, transport):
    said = {"kind": "Status", "reason": "Forbidden", "message": "pods is forbidden", "code": 403}
    server.routes["/list"] = answer(403, gzip.compress(json.dumps(said).encode()), PACKED)
    assert "pods is forbidden" in str(transport.get("/list").error())
