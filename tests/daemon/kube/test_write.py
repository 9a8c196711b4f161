"""Writes over a connection that misbehaves: sent once, and never called done or not done without knowing."""

from __future__ import annotations

import json

import pytest

from daemon.ports import WriteStatus
from detectors.model import ObjectRef, Turn
from remediation.model import Operation
from tests.daemon.kube.chaos import answer, drop, hang, status

REF = ObjectRef("Service", "shop", "web", "uid-1")
PATH = "/api/v1/namespaces/shop/services/web"
META = {"name": "web", "namespace": "shop", "uid": "uid-1", "resourceVersion": "7"}
LIVE = {"metadata": META, "spec": {"selector": {"app": "web"}}}
MANIFEST = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {"selector": {"app": "web"}},
}
TO_X = Operation("replace", "/spec/selector/app", "x")


@pytest.fixture
def cluster(server, make_cluster):
    server.routes[PATH] = answer(200, LIVE)
    return make_cluster(read_timeout=0.5)


def patch(cluster, **changes):
    arguments = {"resource_version": "7", "operation_id": "op-1", "dry_run": False, **changes}
    return cluster.patch(REF, [TO_X], **arguments)


def test_a_patch_carries_its_preconditions_before_and_its_mark_after_the_change(server, cluster):
    server.write_answers.append(answer(200, LIVE))
    assert patch(cluster).status is WriteStatus.DONE
    [(verb, _, body)] = server.writes
    assert verb == "PATCH"
    assert json.loads(body) == [
        {"op": "test", "path": "/metadata/uid", "value": "uid-1"},
        {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
        {"op": "replace", "path": "/spec/selector/app", "value": "x"},
        {"op": "add", "path": "/metadata/annotations", "value": {}},
        {"op": "add", "path": "/metadata/annotations/intentd.io~1operation", "value": "op-1"},
    ]


@pytest.mark.parametrize("verb", ["patch", "create", "delete"])
@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        (drop, WriteStatus.UNKNOWN),
        (hang, WriteStatus.UNKNOWN),
        (status(500, "InternalError", "etcd timed out"), WriteStatus.UNKNOWN),
        (status(504, "Timeout", "the request timed out"), WriteStatus.UNKNOWN),
        (status(429, "TooManyRequests", "busy", {"Retry-After": "1"}), WriteStatus.CONFLICT),
        (status(401, "Unauthorized", "expired"), WriteStatus.CONFLICT),
        (status(403, "Forbidden", "no"), WriteStatus.REFUSED),
        (status(404, "NotFound", "gone"), WriteStatus.GONE),
        (status(307, "", "elsewhere", {"Location": "/elsewhere"}), WriteStatus.REFUSED),
    ],
)
def test_each_write_is_sent_exactly_once_whatever_comes_back(server, cluster, verb, behaviour, expected):
    server.write_answers.extend([behaviour, answer(200, LIVE), answer(200, LIVE)])
    if verb == "patch":
        result = patch(cluster)
    elif verb == "create":
        result = cluster.create(MANIFEST, operation_id="op-1", dry_run=False)
    else:
        result = cluster.delete(REF, resource_version="7", dry_run=False)
    assert result.status is expected, result
    assert len(server.writes) == 1


def test_a_server_that_is_not_there_was_certainly_not_written_to(server, cluster):
    server.end()
    assert patch(cluster).status is WriteStatus.CONFLICT
    result = cluster.create(MANIFEST, operation_id="op-1", dry_run=False)
    assert (result.status, result.turn) == (WriteStatus.CONFLICT, Turn.OURS)
    assert "not sent" in result.message


def test_what_the_server_quotes_goes_on_record_without_secrets(server, cluster):
    said = "admission webhook denied it: env DB_PASSWORD=hunter2-Kx9vQ7pLw3Zt is not allowed"
    server.write_answers.append(status(403, "Forbidden", said))
    result = patch(cluster)
    assert result.status is WriteStatus.REFUSED
    assert "admission webhook denied it" in result.message
    assert "hunter2" not in result.message


def test_an_object_that_was_just_read_is_not_read_again(server, cluster):
    server.write_answers.append(answer(200, LIVE))
    assert patch(cluster, live=LIVE).status is WriteStatus.DONE
    assert [path for path, _, _ in server.requests if path == PATH] == []
    assert len(server.writes) == 1


def test_an_object_of_another_version_is_read_again(server, cluster):
    older = {**LIVE, "metadata": {**META, "resourceVersion": "6", "annotations": {"a": "b"}}}
    server.write_answers.append(answer(200, LIVE))
    assert patch(cluster, live=older).status is WriteStatus.DONE
    assert [path for path, _, _ in server.requests if path == PATH] == [PATH]
    [(_, _, body)] = server.writes
    assert {"op": "add", "path": "/metadata/annotations", "value": {}} in json.loads(body)
