"""Gathering when parts of the cluster do not answer: a gap for each, the rest still there, in bounded time."""

from __future__ import annotations

import time

import pytest

from detectors.model import Case, CaseKey, CaseReason, FaultClass, ObjectRef, Severity, Violation
from tests.daemon.kube.chaos import answer, hang, status

TARGET = ObjectRef("StatefulSet", "shop", "db")
APPS = "/apis/apps/v1/namespaces/shop/statefulsets/db"
CORE = "/api/v1/namespaces/shop"
POD = "db-0"


def event(uid, kind, name, at="2026-01-05T09:00:00Z", of=""):
    about = {"kind": kind, "name": name, "uid": of}
    return {"metadata": {"uid": uid}, "involvedObject": about, "lastTimestamp": at, "message": "m"}


@pytest.fixture
def cluster(server, make_cluster):
    template = {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"name": "app"}]}}
    template["spec"]["containers"][0]["envFrom"] = [{"configMapRef": {"name": "settings"}}]
    spec = {"selector": {"matchLabels": {"app": "db"}}, "template": template}
    owner = {"kind": "StatefulSet", "name": "db", "uid": "u1", "controller": True}
    state = {
        "name": "app",
        "ready": False,
        "restartCount": 3,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
    }
    member = {
        "metadata": {"name": POD, "namespace": "shop", "uid": "p1", "ownerReferences": [owner]},
        "status": {"containerStatuses": [state]},
    }
    meta = {"name": "db", "namespace": "shop", "uid": "u1"}
    empty = answer(200, {"items": [], "metadata": {}})
    server.routes = {
        APPS: answer(200, {"kind": "StatefulSet", "metadata": meta, "spec": spec}),
        f"{CORE}/pods": answer(200, {"items": [member], "metadata": {}}),
        f"{CORE}/services": empty,
        "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers": empty,
        f"{CORE}/configmaps/settings": answer(200, {"metadata": {"name": "settings"}, "data": {"a": "1"}}),
        f"{CORE}/events": answer(200, {"items": [event("e1", "StatefulSet", "db")], "metadata": {}}),
        f"{CORE}/pods/{POD}/log": answer(200, b"panic: no DATABASE_URL\n"),
    }
    return make_cluster(read_timeout=0.5)


def gather(cluster):
    violation = Violation(
        "i", 0, "d", FaultClass.CRASH_LOOP, Severity.CRITICAL, TARGET, TARGET._replace(kind="Pod"), "r", "m"
    )
    return cluster.gather(Case(CaseKey("i", *TARGET.key), TARGET, CaseReason.MENDABLE, (violation,)))


def test_everything_is_read_where_everything_answers(cluster):
    raw = gather(cluster)
    assert raw.gaps == ()
    assert [pod["metadata"]["name"] for pod in raw.pods] == [POD]
    assert raw.logs[POD, "app", True] == "panic: no DATABASE_URL\n"
    assert [ref.name for ref in raw.related] == ["settings"]
    assert len(raw.events) == 1


def test_of_all_events_those_about_the_target_and_its_pods_are_kept_the_newest_of_each(server, cluster):
    old = [event(f"old{n}", "Pod", POD, f"2026-01-05T08:00:{n % 60:02}Z", of="p1") for n in range(60)]
    new = event("new", "Pod", POD, of="p1")
    others = [
        event("x", "Pod", "other-0"),
        event("y", "Pod", POD, of="an earlier pod"),
        event("z", "Node", "db"),
    ]
    page = [new, *old, *others, event("e1", "StatefulSet", "db")]
    server.routes[f"{CORE}/events"] = answer(200, {"items": page, "metadata": {}})
    told = [item["metadata"]["uid"] for item in gather(cluster).events]
    assert (told[0], told[-1], len(told)) == ("e1", "new", 51)
    assert not {"x", "y", "z", "old0"} & set(told)


def test_where_a_namespace_has_too_many_events_each_object_is_asked_about(server, cluster):
    asked = []

    def events(handler):
        query = handler.path.partition("?")[2]
        asked.append("fieldSelector" in query)
        more = {} if asked[-1] else {"continue": "x", "remainingItemCount": 9000}
        item = event(f"e{len(asked)}", "Pod", POD, of="p1")
        answer(200, {"items": [item], "metadata": more})(handler)

    server.routes[f"{CORE}/events"] = events
    raw = gather(cluster)
    assert asked == [False, True, True]  # the target and its pod
    assert raw.gaps == ()
    assert len(raw.events) == 2


@pytest.mark.parametrize(
    ("path", "what"),
    [
        (f"{CORE}/pods", "Pod list"),
        (f"{CORE}/events", "Event list"),
        (f"{CORE}/configmaps/settings", "ConfigMap/settings"),
        (f"{CORE}/pods/{POD}/log", f"log of {POD}/app"),
        (APPS, "StatefulSet/db"),
    ],
)
def test_a_part_that_is_forbidden_is_a_gap_by_name(server, cluster, path, what):
    server.routes[path] = status(403, "Forbidden", "no")
    raw = gather(cluster)
    assert {gap.what for gap in raw.gaps} == {what}
    assert {gap.reason for gap in raw.gaps} == {"Forbidden"}


def test_a_config_map_that_does_not_exist_is_absent_and_no_gap(server, cluster):
    server.routes[f"{CORE}/configmaps/settings"] = status(404, "NotFound", "not found")
    other = {"metadata": {"name": "settings-v2", "namespace": "shop", "uid": "c2"}}
    server.routes[f"{CORE}/configmaps"] = answer(200, {"items": [other], "metadata": {}})
    raw = gather(cluster)
    assert raw.gaps == ()
    assert [(ref.name, found["kind"]) for ref, found in raw.related.items()] == [
        ("settings-v2", "PartialObjectMetadata")
    ]


def test_a_log_that_the_kubelet_lost_is_a_gap_and_not_a_log_line(server, cluster):
    said = b"unable to retrieve container logs for containerd://17420292"
    server.routes[f"{CORE}/pods/{POD}/log"] = answer(200, said)
    raw = gather(cluster)
    assert raw.logs == {}
    assert {gap.reason for gap in raw.gaps} == {"NotFound"}


def test_a_container_that_never_ran_has_no_log_and_that_is_no_gap(server, cluster):
    server.routes[f"{CORE}/pods/{POD}/log"] = status(400, "BadRequest", "container is waiting to start")
    raw = gather(cluster)
    assert (raw.logs, raw.gaps) == ({}, ())


def test_a_long_log_is_kept_from_its_end(server, cluster):
    server.routes[f"{CORE}/pods/{POD}/log"] = answer(
        200, b"one more line\n" * 5_000 + b"fatal: the last words\n"
    )
    text = gather(cluster).logs[POD, "app", True]
    assert 15 * 1024 < len(text) <= 16 * 1024
    assert text.startswith("one more line\n")  # whole lines: half a line could be a secret without its name
    assert text.endswith("fatal: the last words\n")


def test_a_list_that_was_cut_says_so(server, cluster):
    body = {"items": [], "metadata": {"continue": "x", "remainingItemCount": 900}}
    server.routes[f"{CORE}/services"] = answer(200, body)
    [gap] = gather(cluster).gaps
    assert (gap.what, gap.reason) == ("Service list", "Partial")


def test_a_cluster_that_hangs_costs_seconds_and_gives_gaps(server, cluster):
    for path in server.routes:
        if path != APPS:
            server.routes[path] = hang
    began = time.monotonic()
    raw = gather(cluster)
    assert time.monotonic() - began < 15
    assert raw.live is not None
    assert {"TimedOut"} == {gap.reason for gap in raw.gaps}


BUDGETS = "/apis/policy/v1/namespaces/shop/poddisruptionbudgets"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (status(403, "Forbidden", "no"), "Forbidden"),
        (answer(200, {"items": [], "metadata": {"continue": "x"}}), "Partial"),
        (answer(200, b"not json"), "Invalid"),
        (hang, "TimedOut"),
    ],
)
def test_a_list_before_a_write_that_is_not_whole_is_a_gap(server, cluster, said, reason):
    server.routes[BUDGETS] = said
    found = cluster.list_now("PodDisruptionBudget", "shop")
    assert (found.what, found.reason) == ("PodDisruptionBudget list", reason)
    server.routes[BUDGETS] = answer(200, {"items": [{"metadata": {"name": "web"}}], "metadata": {}})
    assert cluster.list_now("PodDisruptionBudget", "shop") == [{"metadata": {"name": "web"}}]
