"""What changed between two states, and what of it is an over-edit."""

from __future__ import annotations

from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym.cases.changes import Allowed, changes, over_edits
from gym.cases.state import State
from intents.fields import format_path

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web", "namespace": "shop", "uid": "1", "labels": {"app": "web"}},
    "spec": {
        "nodeSelector": {"disk": "ssd"},
        "containers": [
            {
                "name": "app",
                "image": "web:v1",
                "command": ["run", "-v"],
                "env": [{"name": "A", "value": "1"}],
            },
            {"name": "log", "image": "log:v1"},
        ],
    },
}


def altered(alter, pod=POD):
    changed = deepcopy(pod)
    alter(changed)
    return changed


def app(pod):
    return pod["spec"]["containers"][0]


def found(after, before=POD):
    return changes(State.of([before]), State.of([after] if isinstance(after, dict) else after))


def wrong(after, *allowed, before=POD):
    return over_edits(found(after, before), [Allowed.read(text) for text in allowed])


def test_nothing_changed_is_no_change():
    assert not found(deepcopy(POD))


def test_each_changed_field_is_named():
    after = altered(lambda pod: app(pod).update(image="web:v2", command=["run"]))
    assert found(after).texts == (
        "Pod/web:spec.containers[name=app].command[1]",
        "Pod/web:spec.containers[name=app].image",
    )


@pytest.mark.parametrize(
    ("allowed", "right"),
    [
        ("Pod/web:spec.containers[0].image", True),
        ("Pod/web:spec.containers[name=app].image", True),
        ("Pod/web:spec.containers[*].image", True),
        ("Pod/web:spec.containers[0]", True),
        ("Pod/web:spec", True),
        ("Pod/web:spec.containers[1].image", False),
        ("Pod/web:spec.containers[name=log]", False),
        ("Pod/web:spec.containers[0].image.tag", False),
        ("Pod/web:spec.containers[0].imagePullPolicy", False),
        ("Pod/web-2:spec", False),
        ("Deployment/web:spec", False),
        ("Pod/web:<created>", False),
    ],
)
def test_a_field_is_allowed_below_a_prefix_and_nowhere_else(allowed, right):
    after = altered(lambda pod: app(pod).update(image="web:v2"))
    assert (wrong(after, allowed) == ()) is right


def test_an_index_counts_where_the_case_was_written():
    sidecar = {"name": "sidecar", "image": "x"}

    def push_in(pod):
        app(pod).update(image="web:v2")
        pod["spec"]["containers"].insert(0, sidecar)

    after = altered(push_in)
    assert wrong(after, "Pod/web:spec.containers[0].image") == (
        "Pod/web:spec.containers[name=sidecar].image",
        "Pod/web:spec.containers[name=sidecar].name",
    )


def test_a_new_element_is_allowed_by_its_name():
    after = altered(lambda pod: app(pod)["env"].append({"name": "B", "value": "2"}))
    assert wrong(after, "Pod/web:spec.containers[0].env") == ()
    assert wrong(after, "Pod/web:spec.containers[0].env[name=B]") == ()
    assert wrong(after, "Pod/web:spec.containers[0].env[name=A]") != ()


def test_the_order_of_containers_counts():
    after = altered(lambda pod: pod["spec"]["containers"].reverse())
    assert found(after).texts == ("Pod/web:spec.containers",)


def test_an_emptied_or_dropped_map_is_its_leaves_and_a_bare_parent_is_nothing_of_its_own():
    dropped = altered(lambda pod: pod["spec"].pop("nodeSelector"))
    emptied = altered(lambda pod: pod["spec"].update(nodeSelector={}))
    for after in (dropped, emptied):
        assert wrong(after, "Pod/web:spec.nodeSelector.disk") == ()
        assert wrong(after) == ("Pod/web:spec.nodeSelector.disk",)
    parent = altered(lambda pod: app(pod).update(resources={}))
    assert wrong(parent, "Pod/web:spec.containers[0].resources.limits") == ()
    assert wrong(parent) == ("Pod/web:spec.containers[name=app].resources",)


def test_objects_that_came_or_went_are_over_edits_unless_creating_them_is_allowed():
    made = {"kind": "ConfigMap", "metadata": {"name": "new", "namespace": "shop"}}
    assert wrong([POD, made]) == ("ConfigMap/new:<created>",)
    assert wrong([POD, made], "ConfigMap/new:data") == ("ConfigMap/new:<created>",)
    assert wrong([POD, made], "ConfigMap/new:<created>") == ()
    assert wrong([], "Pod/web:spec", "Pod/web:<created>") == ("Pod/web:<deleted>",)
    leaving = altered(lambda pod: pod["metadata"].update(deletionTimestamp="2026-01-01T00:00:00Z"))
    assert wrong(leaving, "Pod/web:spec") == ("Pod/web:<deleted>",)


def test_an_object_may_be_made_anew_only_where_a_field_of_it_may_change():
    again = altered(lambda pod: pod["metadata"].update(uid="2"))
    assert found(again).texts == ("Pod/web:<recreated>",)
    assert wrong(again, "Pod/web:spec.nodeSelector") == ()
    assert wrong(again, "Pod/other:spec") == ("Pod/web:<recreated>",)


def test_what_the_server_writes_is_no_change():
    def serve(pod):
        pod["metadata"].update(
            uid="1", resourceVersion="9", generation=2, managedFields=[], creationTimestamp="x"
        )
        pod["metadata"]["annotations"] = {
            "deployment.kubernetes.io/revision": "2",
            "intentd.io/operation": "op",
        }
        pod["status"] = {"phase": "Running"}
        pod["spec"]["nodeName"] = "n1"
        pod["spec"]["volumes"] = [{"name": "kube-api-access-x7k2p", "projected": {}}]
        app(pod)["volumeMounts"] = [{"name": "kube-api-access-x7k2p", "mountPath": "/var/run"}]

    assert not found(altered(serve))


def test_what_controllers_make_follows_from_what_people_write():
    owner = {"kind": "ReplicaSet", "name": "web-1", "controller": True}
    owned = {"kind": "Pod", "metadata": {"name": "web-1-x", "namespace": "shop", "ownerReferences": [owner]}}
    event = {"kind": "Event", "metadata": {"name": "web.1", "namespace": "shop"}}
    root = {"kind": "ConfigMap", "metadata": {"name": "kube-root-ca.crt", "namespace": "shop"}}
    assert not found([POD, owned, event, root])


@pytest.mark.parametrize(
    ("text", "name", "path"),
    [
        ("ClusterRole/system:node:rules", "system:node", "rules"),
        ("RoleBinding/b:subjects[name=system:anonymous].kind", "b", "subjects[name=system:anonymous].kind"),
        (r"Pod/web:metadata.annotations.a\.b/c", "web", r"metadata.annotations.a\.b/c"),
    ],
)
def test_names_and_values_may_hold_colons(text, name, path):
    allowed = Allowed.read(text)
    assert (allowed.name, format_path(allowed.prefix)) == (name, path)


@pytest.mark.parametrize(
    "text",
    ["", "web:spec", "Pod/web", "Pod/web:", "Pod/web:<deleted>", "Pod/web:spec..x", "Pod:spec", "/web:a"],
)
def test_an_entry_that_is_none_is_refused(text):
    with pytest.raises(ValueError):
        Allowed.read(text)


leaf = st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["x", "y"])
tree = st.recursive(
    leaf,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
        | st.lists(st.fixed_dictionaries({"name": st.sampled_from("pqr"), "v": inner}), max_size=3)
    ),
    max_leaves=8,
)
specs = st.dictionaries(st.sampled_from("abc"), tree, max_size=3)


def meaning(value):
    """A document without null fields, which are absent ones."""
    if isinstance(value, dict):
        return {key: meaning(part) for key, part in value.items() if part is not None}
    return [meaning(part) for part in value] if isinstance(value, list) else value


def strictly(value):
    """Distinguishes true from 1, as JSON does."""
    if isinstance(value, dict):
        return {key: strictly(part) for key, part in value.items()}
    return [strictly(part) for part in value] if isinstance(value, list) else (type(value).__name__, value)


@given(specs, specs)
def test_no_difference_goes_unseen_and_none_is_invented(before, after):
    one = {"kind": "Thing", "metadata": {"name": "x"}, "spec": before}
    other = {"kind": "Thing", "metadata": {"name": "x"}, "spec": after}
    seen = found(other, one)
    assert bool(seen) is (strictly(meaning(before)) != strictly(meaning(after)))
    assert (over_edits(seen, [Allowed.read("Thing/x:spec")])) == ()
    assert bool(over_edits(seen, [])) is bool(seen)
