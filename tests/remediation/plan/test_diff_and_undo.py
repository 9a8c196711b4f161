"""The operations do what the leaves say, and the inverse undoes exactly that, also in an object that others
have changed meanwhile."""

import copy

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from intents.fields import MISSING, get
from remediation.diff import PreconditionFailed, apply, changed_leaves, diff, fork, operations
from remediation.manifest import merge
from remediation.model import ABSENT, NoPlan, Operation, Patch
from remediation.plan import (
    inverse_for,
    plan_change,
    plan_digest,
    plan_from_json,
    plan_to_json,
    still_valid,
    undo_plan,
    undo_valid,
)
from remediation.undo import CannotUndoError
from remediation.values import same
from tests.remediation.plan.objects import DEPLOYMENTS, TARGET, candidate, live_and_change

quickly = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)


def planned(live, manifest):
    plan = plan_change(candidate(manifest), live)
    assume(isinstance(plan, Patch))
    return plan


@quickly
@given(live_and_change())
def test_applying_gives_the_merged_object_and_the_inverse_gives_the_old_one_back(pair):
    live, manifest = pair
    merged = merge(live, manifest, TARGET)
    assume(not isinstance(merged, NoPlan))
    found = diff(live, merged)
    assert same(apply(live, found.operations), merged)
    assert same(apply(merged, found.inverse), live)
    assert merge(merged, manifest, TARGET) == merged


@quickly
@given(live_and_change())
def test_every_touched_leaf_says_what_was_and_what_is(pair):
    live, manifest = pair
    plan = planned(live, manifest)
    after = apply(live, plan.operations)
    for leaf in plan.touched:
        for document, value in ((live, leaf.before), (after, leaf.after)):
            found = get(document, leaf.path)
            assert found is MISSING if value == ABSENT else same(found, value)


@quickly
@given(live_and_change())
def test_a_plan_survives_the_ledger_and_keeps_its_digest(pair):
    plan = planned(*pair)
    assert plan_from_json(plan_to_json(plan)) == plan
    assert plan_digest(plan) == plan.digest


@quickly
@given(live_and_change())
def test_a_plan_is_valid_before_it_and_its_undo_after_it(pair):
    live, manifest = pair
    plan = planned(live, manifest)
    after = apply(live, plan.operations)
    assert still_valid(plan, live)
    assert undo_valid(plan, after)
    assert not undo_valid(plan, live)
    assert not still_valid(plan, after)
    assert same(apply(after, inverse_for(plan, after)), live)


@quickly
@given(DEPLOYMENTS, DEPLOYMENTS)
def test_any_two_objects_are_told_apart_leaf_by_leaf(one, other):
    steps = operations(one, other)
    reached = apply(one, steps)
    assert bool(steps) == bool(changed_leaves(one, other))
    assert changed_leaves(reached, other) == ()


@quickly
@given(live_and_change())
def test_a_fork_is_the_patched_object_and_changes_nothing_in_the_one_it_shares_with(pair):
    live, manifest = pair
    plan = planned(live, manifest)
    untouched, alone = copy.deepcopy(live), apply(live, plan.operations)
    forked = fork(live, plan.operations)
    assert same(forked, alone)
    assert same(live, untouched)
    assert changed_leaves(live, forked) == changed_leaves(untouched, alone) == plan.touched


ABOVE = ["", "/a", "/a/b", "/a/b/1", "/a/a", "/a/a/0", "/b", "/b/0", "/b/0/a"]
PLACES = [f"{above}/{below}" for above in ABOVE for below in ("a", "b", "0", "00", "-")]
STEPS = st.builds(
    Operation,
    st.sampled_from(["add", "remove", "replace", "test"]),
    st.sampled_from(PLACES),
    st.sampled_from([1, "x", {"a": {"b": 1}}, [1, {"a": 2}]]),
)
NESTED = {"a": {"b": [1, {"a": 2}], "a": [{"a": 1}, {"b": 2}]}, "b": [{"a": [1]}, [{"b": 3}]]}


def taken(document, patch):
    try:
        return fork(document, patch)
    except PreconditionFailed:
        return None


def one_by_one(document, patch):
    for step in patch:
        document = None if document is None else taken(document, [step])
    return document


@settings(quickly, max_examples=300)
@given(st.lists(STEPS, min_size=2, max_size=6))
def test_a_patch_does_what_its_operations_do_one_after_the_other(patch):
    before = copy.deepcopy(NESTED)
    assert taken(NESTED, patch) == one_by_one(NESTED, patch)
    assert before == NESTED


@quickly
@given(live_and_change(), st.booleans())
def test_an_undo_leaves_alone_what_others_did_meanwhile(pair, first):
    live, manifest = pair
    plan = planned(live, manifest)
    after = apply(live, plan.operations)
    theirs = copy.deepcopy(after)
    containers = theirs["spec"]["template"]["spec"]["containers"]
    containers.insert(0 if first else len(containers), {"name": "mesh", "image": "mesh:1"})
    theirs["metadata"]["resourceVersion"] = "99"
    theirs["spec"]["minReadySeconds"] = 3
    restored = apply(theirs, inverse_for(plan, theirs))
    expected = copy.deepcopy(live)
    expected["spec"]["template"]["spec"]["containers"].insert(
        0 if first else len(containers) - 1, {"name": "mesh", "image": "mesh:1"}
    )
    expected["metadata"]["resourceVersion"] = "99"
    expected["spec"]["minReadySeconds"] = 3
    assert same(restored, expected)


@quickly
@given(live_and_change())
def test_a_reordered_list_fails_the_patch_instead_of_hitting_a_neighbour(pair):
    live, manifest = pair
    plan = planned(live, manifest)
    containers = live["spec"]["template"]["spec"]["containers"]
    assume(len(containers) > 1 and any("/containers/" in step.path for step in plan.operations))
    turned = copy.deepcopy(live)
    turned["spec"]["template"]["spec"]["containers"].reverse()
    place = next(step.path for step in plan.operations if "/containers/" in step.path).split("/")[5]
    assume(containers[int(place)]["name"] != containers[len(containers) - 1 - int(place)]["name"])
    with pytest.raises(PreconditionFailed):
        apply(turned, plan.operations)
    assert not still_valid(plan, turned)


WEB = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "shop", "uid": "uid-1", "resourceVersion": "7"},
    "spec": {"template": {"spec": {"containers": [{"name": "app", "image": "a:2", "resources": {}}]}}},
}


def app(**fields):
    return {"spec": {"template": {"spec": {"containers": [{"name": "app", **fields}]}}}}


def first(document):
    return document["spec"]["template"]["spec"]["containers"][0]


def patched(manifest):
    plan = plan_change(candidate(manifest), WEB)
    assert isinstance(plan, Patch)
    return plan, apply(WEB, plan.operations)


def test_a_field_that_somebody_changed_since_is_theirs():
    plan, after = patched(app(image="a:1"))
    first(after)["image"] = "a:3"
    assert not undo_valid(plan, after)
    with pytest.raises(CannotUndoError, match="NotOurs"):
        undo_plan(plan, after)


def test_what_the_server_added_to_a_part_that_we_made_goes_with_it():
    plan, after = patched(
        app(readinessProbe={"httpGet": {"path": "/", "port": 80}}, ports=[{"containerPort": 80}])
    )
    first(after)["readinessProbe"] |= {"timeoutSeconds": 1, "periodSeconds": 10}
    first(after)["ports"][0]["protocol"] = "TCP"
    assert undo_valid(plan, after)
    assert apply(after, inverse_for(plan, after)) == WEB


def test_what_somebody_put_into_a_map_that_we_made_stays():
    plan, after = patched(app(resources={"limits": {"memory": "1Gi"}}))
    first(after)["resources"]["limits"]["cpu"] = "1"
    assert first(apply(after, inverse_for(plan, after)))["resources"] == {"limits": {"cpu": "1"}}


def test_the_server_may_spell_our_quantity_differently():
    plan, after = patched(app(resources={"limits": {"memory": "1Gi"}}))
    first(after)["resources"]["limits"]["memory"] = "1024Mi"
    assert apply(after, inverse_for(plan, after)) == WEB


def test_another_incarnation_is_neither_patched_nor_undone():
    plan, after = patched(app(image="a:1"))
    for document in (copy.deepcopy(WEB), after):
        document["metadata"]["uid"] = "uid-2"
        assert not still_valid(plan, document)
        assert not undo_valid(plan, document)


def test_status_and_resource_version_void_no_review():
    plan, _ = patched(app(image="a:1"))
    later = copy.deepcopy(WEB)
    later["metadata"]["resourceVersion"] = "1000"
    later["status"] = {"availableReplicas": 0}
    assert still_valid(plan, later)
    assert plan_change(candidate(app(image="a:1")), later).digest == plan.digest


def test_the_digest_tells_apart_value_target_and_what_was_there():
    plan, _ = patched(app(image="a:1"))
    other = copy.deepcopy(WEB)
    first(other)["image"] = "a:9"
    again = copy.deepcopy(WEB)
    again["metadata"]["uid"] = "uid-9"
    digests = {
        plan.digest,
        patched(app(image="a:0"))[0].digest,
        plan_change(candidate(app(image="a:1")), other).digest,
        plan_change(candidate(app(image="a:1"), TARGET._replace(uid="")), again).digest,
    }
    assert len(digests) == 4


@pytest.mark.parametrize(
    ("candidate_", "live", "reason"),
    [
        (candidate(app(image="a:2")), WEB, "NothingToChange"),
        (candidate(app(image="a:1")), None, "Absent"),
        (candidate(app(image="a:1"), TARGET._replace(uid="old")), WEB, "OtherIncarnation"),
        (candidate(app(image="a:1"), TARGET._replace(name="other")), WEB, "OtherObject"),
        (candidate(app(image="a:1")), {**WEB, "metadata": {"name": "web"}}, "NoUid"),
    ],
)
def test_why_there_is_no_plan(candidate_, live, reason):
    result = plan_change(candidate_, live)
    assert isinstance(result, NoPlan)
    assert result.reason == reason


CONFIG = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "web", "namespace": "shop"},
    "data": {"a": "1"},
}
CONFIG_TARGET = TARGET._replace(kind="ConfigMap", uid="")


def test_an_absent_object_is_created_exactly_as_the_intent_states_it():
    plan = plan_change(candidate(CONFIG, CONFIG_TARGET), None, CONFIG)
    assert not isinstance(plan, NoPlan)
    assert plan.manifest == CONFIG
    assert plan_from_json(plan_to_json(plan)) == plan
    assert still_valid(plan, None)
    made = {**CONFIG, "metadata": {**CONFIG["metadata"], "uid": "u", "resourceVersion": "3"}}
    assert not still_valid(plan, made)
    undo = undo_plan(plan, made)
    assert (undo.target.uid, undo.resource_version) == ("u", "3")
    assert plan_from_json(plan_to_json(undo)) == undo
    assert still_valid(undo, made)


def test_a_created_object_that_somebody_filled_differently_is_not_deleted():
    plan = plan_change(candidate(CONFIG, CONFIG_TARGET), None, CONFIG)
    theirs = {
        **CONFIG,
        "metadata": {**CONFIG["metadata"], "uid": "u", "resourceVersion": "3"},
        "data": {"a": "2"},
    }
    assert not undo_valid(plan, theirs)


def test_a_manifest_that_no_intent_states_is_not_created():
    result = plan_change(candidate({**CONFIG, "data": {"a": "2"}}, CONFIG_TARGET), None, CONFIG)
    assert isinstance(result, NoPlan)
    assert result.reason == "NotDesired"


@pytest.mark.parametrize(
    "operation",
    [
        Operation("test", "/spec/replicas", 1),
        Operation("replace", "/spec/none", 1),
        Operation("remove", "/spec/template/spec/containers/7"),
        Operation("remove", "/spec/template/spec/containers/-1"),
        Operation("add", "/spec/template/spec/containers/3", {}),
        Operation("add", "/none/here", 1),
        Operation("test", "metadata", 1),
    ],
)
def test_a_patch_that_does_not_apply_fails_as_a_whole(operation):
    before = copy.deepcopy(WEB)
    with pytest.raises(PreconditionFailed):
        apply(WEB, [Operation("add", "/spec/replicas", 3), operation])
    assert before == WEB


def test_true_is_not_one():
    assert not same(True, 1)
    assert not same({"a": [1]}, {"a": [1.0]})
    with pytest.raises(PreconditionFailed):
        apply({"a": 1}, [Operation("test", "/a", True)])


@pytest.mark.parametrize(
    "stored", [{}, {"plan": "patch"}, {"plan": "x", "target": {}, "touched": [], "digest": ""}]
)
def test_what_is_no_stored_plan_is_an_error(stored):
    with pytest.raises(ValueError, match="plan"):
        plan_from_json(stored)
