"""How much bigger something may get: at once, over a day, and all changes together."""

import copy
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remediation.guards import GrowthLimits, Limits
from remediation.guards.sizes import added
from remediation.model import Candidate
from remediation.plan import plan_change
from remediation.quantity import as_number, canonical_quantity
from tests.fakes.manifests import config_map, container, deployment, ref
from tests.remediation.guards.ground import (
    CONTAINER,
    LIVE,
    app,
    change,
    context,
    good,
    intent,
    plan_for,
    verdict,
)

LIMIT = f"{CONTAINER[:-3]}[name=app].resources.limits.memory"
MEBI = 2**20


def memory(amount):
    return app(resources={"limits": {"memory": amount}})


def live_with(**resources):
    live = copy.deepcopy(LIVE)
    live["spec"]["template"]["spec"]["containers"][0]["resources"] = resources
    return live


def grows(before, after, **fields):
    """The verdict on raising the memory limit, with whatever else is known."""
    live = live_with(limits={"memory": before} if before else {})
    return verdict("growth", context(memory(after), live=live, **fields))


# ---------------------------------------------------------------- growth at once


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ("1Gi", "2Gi", "Ok"),
        ("1Gi", "2049Mi", "TooMuchAtOnce"),
        ("1Gi", "512Mi", "Ok"),
        ("16Mi", "256Mi", "Ok"),  # tiny: the floor, not the factor
        ("16Mi", "257Mi", "TooMuchAtOnce"),
        (None, "256Mi", "Ok"),  # nothing before: only the floor
        (None, "1Gi", "TooMuchAtOnce"),
        ("1Gi", "0", "Unlimited"),
        ("1Gi", None, "Unlimited"),
        ("1Gi", "-1", "Unknown"),
    ],
)
def test_a_limit_grows_twofold_or_up_to_something_small(before, after, reason):
    assert grows(before, after).reason == reason


def test_a_limit_that_cannot_be_read_now_is_not_raised():
    assert grows("lots", "1Gi").reason == "Unknown"


def test_the_demo_of_a_workload_that_was_never_healthy_may_be_mended():
    """gym/faults/memory_limit.py: 48Mi, a working set of 96 MiB, no last known good."""
    for wanted in ("112Mi", "128Mi", "192Mi", "256Mi"):
        assert grows("48Mi", wanted).allowed
    assert grows("48Mi", "64Gi").reason == "TooMuchAtOnce"


def test_back_to_the_last_known_good_is_no_growth_and_a_value_is_measured_from_it():
    known = good(resources={"limits": {"memory": "4Gi"}})
    assert grows("64Mi", "4Gi", last_known_good=known).allowed
    assert grows("64Mi", "8Gi", last_known_good=known).allowed
    assert grows("64Mi", "9Gi", last_known_good=known).reason == "TooMuchAtOnce"


@pytest.mark.parametrize(
    ("now", "then", "allowed"),
    [(1, 4, True), (1, 5, False), (5, 10, True), (5, 11, False), (0, 4, True), (9, 1, True)],
)
def test_replicas_double_or_become_four(now, then, allowed):
    live = copy.deepcopy(LIVE)
    live["spec"]["replicas"] = now
    plan = {"spec": {"replicas": then}}
    assert verdict("growth", context(plan, live=live, intent=intent())).allowed is allowed


def test_what_has_no_floor_grows_by_its_factor_alone():
    live = live_with(limits={"memory": "64Mi", "example.com/gpu": "1"})
    gpus = lambda count: app(resources={"limits": {"example.com/gpu": count}})  # noqa: E731
    assert verdict("growth", context(gpus("2"), live=live)).allowed
    assert verdict("growth", context(gpus("3"), live=live)).reason == "TooMuchAtOnce"
    assert verdict("growth", context(gpus("1"), live=LIVE)).reason == "TooMuchAtOnce"


def test_what_an_intents_own_manifest_states_is_no_growth():
    desired = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"replicas": 40},
    }
    asks = intent(editable=[], expectations=[{"type": "manifest", "manifest": desired}])
    assert verdict("growth", context({"spec": {"replicas": 40}}, intent=asks)).allowed
    assert verdict("growth", context({"spec": {"replicas": 39}}, intent=asks)).reason == "TooMuchAtOnce"


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 64 * 1024), st.integers(1, 64 * 1024))
def test_no_allowed_limit_is_more_than_twice_the_one_before_and_the_floor(before, after):
    spelt = [canonical_quantity(f"{size}Mi") for size in (before, after)]
    if spelt[0] != spelt[1]:
        allowed = grows(*spelt).allowed
        assert allowed is (after <= max(2 * before, 256))


@pytest.mark.parametrize("name", ["resources", "limits", "replicas"])
def test_a_key_that_is_only_called_like_a_size_is_none(name):
    labels = {"spec": {"template": {"metadata": {"labels": {name: "huge"}}}}}
    nodes = {"spec": {"template": {"spec": {"nodeSelector": {name: "huge"}}}}}
    for manifest in (labels, nodes):
        assert verdict("growth", context(manifest)).allowed
    assert verdict("growth", context({"data": {name: "huge"}}, live=config_map())).allowed


# ---------------------------------------------------------------- growth over a day


def earlier(before, after, *, age=3600.0, result="held", **fields):
    """Our own change of the memory limit."""
    return change(
        age=age, result=result, knobs=((LIMIT, f'"{after}"'),), was=((LIMIT, f'"{before}"'),), **fields
    )


def test_two_doublings_a_day_are_enough():
    past = (earlier("1Gi", "2Gi", age=7200), earlier("2Gi", "4Gi", age=3600))
    assert grows("2Gi", "4Gi", history=past[:1]).allowed
    assert grows("4Gi", "8Gi", history=past).reason == "TooMuchInWindow"
    assert grows("4Gi", "8Gi", history=past, now=context().now + 86_400).allowed


def test_a_grown_value_that_became_known_good_does_not_move_the_start_of_the_day():
    past = (earlier("1Gi", "2Gi", age=7200), earlier("2Gi", "4Gi", age=3600))
    known = good(resources={"limits": {"memory": "4Gi"}})
    assert grows("4Gi", "8Gi", history=past, last_known_good=known).reason == "TooMuchInWindow"


def test_a_write_that_the_server_refused_made_nothing_grow():
    assert grows("1Gi", "2Gi", history=(earlier("256Mi", "512Mi", result="refused"),)).allowed


def test_an_earlier_change_whose_start_is_not_known_stops_the_next():
    past = change(knobs=((LIMIT, '"4Gi"'),), age=3600, result="held")
    assert grows("4Gi", "5Gi", history=(past,)).reason == "Unknown"


def test_another_objects_growth_is_not_this_ones():
    assert grows("4Gi", "8Gi", history=(earlier("1Gi", "4Gi", name="api"),)).allowed


# ---------------------------------------------------------------- what a plan adds


def total(change_, live=LIVE):
    return {name: str(size) for name, size in added(plan_for(change_, live), live).items() if size}


def test_a_plan_adds_what_its_pods_request_more_all_together():
    requests = {"requests": {"memory": "64Mi", "cpu": "100m"}, "limits": {"memory": "1Gi"}}
    live = live_with(**requests)  # two replicas
    assert total(app(resources={"requests": {"memory": "128Mi"}}), live) == {"memory": str(2 * 64 * MEBI)}
    assert total({"spec": {"replicas": 4}}, live) == {"memory": str(2 * 64 * MEBI), "cpu": "0.200"}
    both = {"spec": {"replicas": 3, **app(resources={"requests": {"cpu": "1"}})["spec"]}}
    assert total(both, live) == {"memory": str(64 * MEBI), "cpu": "2.800"}


def test_a_container_without_a_request_asks_for_its_limit_and_one_without_either_for_nothing():
    live = live_with(limits={"memory": "64Mi"})
    assert total(memory("128Mi"), live) == {"memory": str(2 * 64 * MEBI)}
    assert total(app(resources={"requests": {"memory": "1Gi"}}), live_with()) == {
        "memory": str(2 * 1024 * MEBI)
    }
    assert total({"spec": {"replicas": 4}}, live_with()) == {}


def test_what_touches_no_size_adds_nothing():
    assert added(plan_for(app(image="shop/web:1.4")), LIVE) == {}


# ---------------------------------------------------------------- spend


def spends(request, *, limits=None, live=None, **fields):
    caps = Limits(growth=limits or GrowthLimits())
    live = live or live_with(requests={"memory": "1Gi"}, limits={"memory": "8Gi"})
    return verdict(
        "spend", context(app(resources={"requests": {"memory": request}}), live=live, limits=caps, **fields)
    )


def spent(gibi, **fields):
    return change(
        **{
            "intent": "web",
            "result": "held",
            "name": "api",
            "age": 3600,
            "adds": {"memory": str(gibi * 2**30)},
            **fields,
        }
    )


def test_what_an_intent_requests_more_in_a_day_is_capped():
    assert spends("2Gi").inputs["adds"] == {"memory": str(2 * 2**30)}
    assert spends("2Gi", history=(spent(6),)).allowed
    assert spends("2Gi", history=(spent(7),)).reason == "Spent"
    assert spends("2Gi", history=(spent(7, intent="other"),)).allowed
    assert spends("2Gi", history=(spent(7, age=86_401),)).allowed
    assert spends("2Gi", history=(spent(7, result="rolled-back"),)).allowed
    assert spends("2Gi", history=(spent(7, result=None),)).reason == "Spent"  # it may have happened


def test_what_all_intents_request_more_in_a_day_is_capped():
    past = tuple(spent(5, intent=f"i{number}") for number in range(6))
    assert spends("2Gi", history=past).allowed
    assert spends("2Gi", history=(*past, spent(1, intent="i7"))).reason == "Spent"


def test_a_change_whose_amount_nobody_knows_stops_the_next_that_adds():
    unknown = spent(0, adds=None, knobs=((LIMIT, '"2Gi"'),))
    harmless = spent(0, adds=None, knobs=((f"{CONTAINER[:-3]}[name=app].image", '"shop/web:2"'),))
    assert spends("2Gi", history=(unknown,)).reason == "Unknown"
    assert spends("2Gi", history=(harmless,)).allowed
    assert spends("512Mi", history=(unknown,)).allowed  # gives back


def test_a_daemon_set_on_an_unknown_number_of_nodes_is_not_made_bigger():
    live = deployment("web", container("app", resources={"requests": {"memory": "1Gi"}})) | {
        "kind": "DaemonSet"
    }
    assert spends("2Gi", live=live).reason == "Unknown"
    live["status"]["desiredNumberScheduled"] = 3
    assert spends("2Gi", live=live).inputs["adds"] == {"memory": str(3 * 2**30)}


def test_a_created_workload_is_charged_in_full():
    manifest = copy.deepcopy(LIVE) | {"metadata": {"name": "web", "namespace": "shop"}}
    del manifest["status"]
    plan = plan_change(Candidate("c", "t", ref(LIVE), "", manifest), None, manifest)
    found = verdict("spend", context(plan=plan, live=None))
    assert found.inputs["adds"] == {"cpu": "2", "memory": str(2 * 64 * MEBI)}


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 8), max_size=12))
def test_whatever_the_order_an_intent_never_gets_more_than_its_cap(requests):
    """Each step asks for so many GiB on another object; what was allowed is charged."""
    history = []
    for number, gibi in enumerate(requests):
        live = live_with(requests={"memory": "1Gi"})
        live["spec"]["replicas"] = 1
        found = spends(f"{1 + gibi}Gi", live=live, history=tuple(history))
        if found.allowed:
            adds = found.inputs["adds"]
            history.append(change(intent="web", name=f"w{number}", age=60, adds=adds, result="held"))
    assert sum(as_number(one.adds["memory"]) for one in history) <= Decimal(8 * 2**30)
