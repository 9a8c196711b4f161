"""A manifest's fields against the live object, as Kubernetes would compare them."""

from __future__ import annotations

import pytest

from detectors.judge import judge
from detectors.model import FaultClass, ObjectRef, Standing
from detectors.subset import differences
from intents.fields import format_path
from tests.fakes.world import intent, observation, unreadable


def differ(wish, live):
    return [format_path(path) for path in differences(wish, live)]


def template(**container):
    return {"spec": {"template": {"spec": {"containers": [{"name": "app", **container}]}}}}


APP = "spec.template.spec.containers[name=app]"


@pytest.mark.parametrize(
    ("wish", "live", "paths"),
    [
        ({"spec": {"replicas": 3}}, {"spec": {"replicas": 2}}, ["spec.replicas"]),
        ({"spec": {"replicas": 0}}, {"spec": {"replicas": 0, "paused": True}}, []),
        ({"spec": {"paused": False}}, {"spec": {}}, []),
        (
            {"spec": {"automountServiceAccountToken": False}},
            {"spec": {}},
            ["spec.automountServiceAccountToken"],
        ),
        ({"spec": {"x": True}}, {"spec": {"x": 1}}, ["spec.x"]),
        ({"spec": {"targetPort": 80}}, {"spec": {"targetPort": "80"}}, ["spec.targetPort"]),
        ({"data": {"A": "1Gi"}}, {"data": {"A": "1024Mi"}}, ["data.A"]),
        ({"data": {"A": None}}, {"data": {"A": "x", "B": "y"}}, ["data.A"]),
        ({"data": {"A": None}}, {"data": {}}, []),
        ({"metadata": {"labels": {"a.b/c": "1"}, "uid": "x"}}, {"metadata": {}}, ["metadata.labels"]),
        ({"apiVersion": "apps/v1beta1", "status": {"x": 1}}, {"apiVersion": "apps/v1"}, []),
        ({"spec": {"args": ["a", "b"]}}, {"spec": {"args": ["b", "a"]}}, ["spec.args"]),
        ({"spec": {"securityContext": {}}}, {"spec": {}}, []),
        ({"spec": {"selector": {"app": "web"}}}, {"spec": {"selector": None}}, ["spec.selector"]),
    ],
)
def test_plain_fields(wish, live, paths):
    assert differ(wish, live) == paths


def test_quantities_are_equal_by_value_where_they_are_quantities():
    limits = {"resources": {"limits": {"memory": "1Gi", "cpu": 1}}}
    assert (
        differ(template(**limits), template(resources={"limits": {"memory": "1024Mi", "cpu": "1000m"}})) == []
    )
    assert differ(template(**limits), template(resources={"limits": {"memory": "1000Mi", "cpu": "1"}})) == [
        f"{APP}.resources.limits.memory"
    ]


def test_lists_merge_by_their_key_and_what_others_added_is_free():
    wish = template(image="web:1", env=[{"name": "A", "value": "1"}], ports=[{"containerPort": 80}])
    live = template(
        image="web:1",
        env=[{"name": "Z", "value": "0"}, {"name": "A", "value": "2"}],
        ports=[{"containerPort": 80, "protocol": "TCP"}],
    )
    live["spec"]["template"]["spec"]["containers"].insert(0, {"name": "sidecar"})
    assert differ(wish, live) == [f"{APP}.env[name=A].value"]


def test_an_entry_that_is_missing_is_named():
    assert differ(
        {"spec": {"ports": [{"port": 80}, {"port": 443}]}},
        {"spec": {"ports": [{"port": 80, "protocol": "TCP"}]}},
    ) == ["spec.ports[port=443,protocol=TCP]"]


def test_a_volume_that_is_no_longer_empty_dir_differs():
    wish = {"spec": {"volumes": [{"name": "tmp", "emptyDir": {}}]}}
    live = {"spec": {"volumes": [{"name": "tmp", "hostPath": {"path": "/"}}]}}
    assert differ(wish, live) == ["spec.volumes[name=tmp].emptyDir"]


WISH = intent(
    {
        "type": "manifest",
        "manifest": {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "web"},
            "data": {"PORT": "8080"},
        },
    }
)
TARGET = ObjectRef("ConfigMap", "shop", "web")


def look(live):
    return judge([WISH], observation(desired={"shop/0": live}))


def live_config(port="8080", **meta):
    return {"metadata": {"name": "web", "uid": "u1", **meta}, "data": {"PORT": port}}


def test_drift_names_the_fields_and_never_their_values():
    (violation,) = look(live_config("hunter2")).violations
    assert (violation.fault_class, violation.target) == (FaultClass.DRIFT, TARGET._replace(uid="u1"))
    assert violation.facts["paths"] == "data.PORT"
    assert "hunter2" not in repr(violation)


def test_what_is_as_desired_is_clear():
    assert look(live_config()).standing("shop", TARGET) is Standing.CLEAR


def test_a_desired_object_that_is_not_there_is_absent():
    assert [violation.fault_class for violation in look(None).violations] == [FaultClass.ABSENT]


def test_what_is_being_deleted_settles_first():
    judgement = look(live_config("1", deletionTimestamp="2026-01-01T00:00:00Z"))
    assert (judgement.violations, judgement.standing("shop", TARGET)) == ((), Standing.UNSETTLED)


@pytest.mark.parametrize("desired", [{}, {"shop/0": unreadable("ConfigMap/web")}])
def test_what_was_not_read_is_unknown(desired):
    judgement = judge([WISH], observation(desired=desired))
    assert (judgement.violations, judgement.judged, len(judgement.unknowns)) == ((), frozenset(), 1)
