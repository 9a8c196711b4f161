"""Owners, operators, alerts, dates and our own past: who holds a change back, and for how long."""

import copy
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.model import FaultClass, Gap, Turn
from intents.model import Freeze, Gate
from remediation.guards import (
    GUARDS,
    NEEDS_APPROVAL,
    WAITING,
    WAITING_REASONS,
    Limits,
    Surroundings,
    run_guards,
)
from remediation.guards.pause import covers
from remediation.merge_keys import API_VERSIONS
from remediation.model import Candidate
from remediation.plan import plan_change
from tests.fakes.manifests import config_map, ref
from tests.remediation.guards.ground import LIVE, NOW, change, context, intent, plan_for, verdict
from tests.remediation.guards.test_timing_and_trust import undoing

DAY = 86_400.0


def labelled(where="labels", **marks):
    live = copy.deepcopy(LIVE)
    live["metadata"].setdefault(where, {}).update(
        {f"intentd.io/{name}": value for name, value in marks.items()}
    )
    return live


# ---------------------------------------------------------------- opt-in

DEMANDED = Limits(opt_in=True)


@pytest.mark.parametrize(
    ("live", "around", "reason"),
    [
        (LIVE, {}, "NotManaged"),
        (LIVE, {"intentd.io/managed": "true"}, "ByNamespace"),
        (LIVE, {"intentd.io/managed": "yes"}, "NotManaged"),
        (LIVE, None, "NamespaceUnknown"),
        (LIVE, Gap("Namespace/shop", "TimedOut", "no answer", Turn.OURS), "NamespaceUnknown"),
        (LIVE, Gap("Namespace/shop", "Forbidden", "no right", Turn.OPERATOR), "NamespaceForbidden"),
        (labelled(managed="true"), {}, "ByObject"),
        (labelled(managed="false"), {}, "NotManaged"),
        (labelled("annotations", managed="true"), {}, "NotManaged"),
        (labelled(managed="true", ignore="true"), {"intentd.io/managed": "true"}, "Ignored"),
    ],
)
def test_owners_opt_in_by_a_label_where_the_operator_demands_it(live, around, reason):
    found = verdict(
        "opt-in", context(live=live, limits=DEMANDED, surroundings=Surroundings(namespace_labels=around))
    )
    assert found.reason == reason
    assert found.allowed is (reason in {"ByNamespace", "ByObject"})


@pytest.mark.parametrize(("said", "allowed"), [("true", False), ("", False), ("yes", False), ("false", True)])
@pytest.mark.parametrize("where", ["labels", "annotations"])
def test_an_object_that_opted_out_is_left_alone_without_any_setting(where, said, allowed):
    assert verdict("opt-in", context(live=labelled(where, ignore=said))).allowed is allowed


def test_opting_out_stops_an_undo_too_and_not_having_opted_in_does_not():
    ctx = undoing(limits=DEMANDED)
    assert verdict("opt-in", ctx).allowed
    ignored = copy.deepcopy(ctx.live)
    ignored["metadata"]["labels"] = {"intentd.io/ignore": "true"}
    assert verdict("opt-in", replace(ctx, live=ignored)).reason == "Ignored"


def test_what_is_to_be_created_opts_out_by_its_own_manifest():
    manifest = config_map()
    manifest["metadata"] = {"name": "web", "namespace": "shop", "labels": {"intentd.io/ignore": "true"}}
    target = ref(config_map())._replace(name="web", uid="")
    plan = plan_change(Candidate("c", "t", target, "", manifest), None, manifest)
    assert verdict("opt-in", context(plan=plan, live=None)).reason == "Ignored"


# ---------------------------------------------------------------- our own objects


def test_what_intentd_is_made_of_or_steered_by_is_never_changed():
    ours = copy.deepcopy(LIVE)
    ours["metadata"]["labels"] = {"app.kubernetes.io/name": "intentd"}
    assert verdict("kinds", context(live=ours)).reason == "OurOwn"
    switch = config_map()
    limits = Limits(own=frozenset({ref(switch).key}))
    stop = context({"data": {"kill": "false"}}, live=switch, limits=limits)
    assert verdict("kinds", stop).reason == "OurOwn"
    assert verdict("kinds", replace(stop, limits=Limits())).allowed


DEPLOYED = Path(__file__).parents[3] / "deploy" / "manifests"


def test_nothing_that_is_installed_and_could_be_written_is_ours_to_change():
    """An intent about intentd's own namespace changes neither its settings nor its intents, nor itself."""
    found = [
        item
        for file in DEPLOYED.glob("*.yaml")
        for item in yaml.safe_load_all(file.read_text())
        if item["kind"] in API_VERSIONS
    ]
    assert {item["metadata"]["name"] for item in found} >= {"intentd", "intentd-settings", "intentd-intents"}
    for item in found:
        live = {**item, "metadata": {**item["metadata"], "uid": "u", "resourceVersion": "1"}}
        plan = plan_for({"metadata": {"labels": {"new": "one"}}}, live)
        assert verdict("kinds", context(plan=plan, live=live)).reason == "OurOwn"


# ---------------------------------------------------------------- budget of the object, back-off, chains


def test_an_object_has_a_budget_of_its_own_whichever_intents_change_it():
    past = tuple(change(intent=f"i{n}", age=2000 + n) for n in range(3))
    assert verdict("budget", context(history=past)).detail == "the budget of the object is spent"
    assert verdict("budget", context(history=past, limits=Limits(object_changes=4))).allowed
    assert verdict("budget", context(history=tuple(replace(one, name="api") for one in past))).allowed


def failures(*ages, **fields):
    return tuple(change(age=age, result="not-held", **fields) for age in ages)


@pytest.mark.parametrize(("count", "wait"), [(1, 600), (2, 1200), (3, 2400), (6, 19_200)])
def test_each_failure_doubles_the_wait(count, wait):
    """The cool-down is 5 minutes; the newest failure counts from when it was written."""
    for age, allowed in ((wait - 1, False), (wait, True)):
        past = failures(*(age + n for n in range(count)))
        assert verdict("backoff", context(history=past)).allowed is allowed


def test_the_wait_ends_with_a_change_that_held_and_is_never_longer_than_the_operator_says():
    held = change(age=400, result="held")
    assert verdict("backoff", context(history=(*failures(900, 800), held))).allowed
    assert not verdict("backoff", context(history=(held, *failures(350)))).allowed
    many = failures(*range(3601, 3640))
    assert not verdict("backoff", context(history=many)).allowed
    assert verdict("backoff", context(history=many, limits=Limits(backoff_most=3600))).allowed


def test_a_cure_that_fails_on_one_workload_is_not_tried_on_the_next_at_once():
    elsewhere = failures(599, name="api", intent="web", fault_class=FaultClass.IMAGE_PULL.value)
    assert verdict("backoff", context(history=elsewhere)).reason == "BackingOff"
    assert verdict("backoff", context(history=(replace(elsewhere[0], fault_class="OOMKilled"),))).allowed
    assert verdict("backoff", context(history=(replace(elsewhere[0], intent="other"),))).allowed


SAME = FaultClass.IMAGE_PULL.value


@pytest.mark.parametrize(
    ("past", "allowed"),
    [
        (("not-held", "rolled-back", "stuck"), False),
        (("not-held", "rolled-back"), True),
        (("held", "held", "held"), False),  # it held each time, and is back each time
        (("not-held", "held", "not-held"), False),
        (("not-held", "not-held", "not-held", "refused"), False),  # what never happened breaks no chain
    ],
)
def test_three_changes_in_a_row_that_helped_nothing_call_a_person(past, allowed):
    history = tuple(
        change(age=40_000 - 100 * n, result=result, fault_class=SAME) for n, result in enumerate(past)
    )
    ctx = context(history=history)
    assert verdict("ineffective-chain", ctx).allowed is allowed
    assert verdict("ineffective-chain", replace(ctx, approved_digest=ctx.plan.digest)).allowed


def test_a_fix_of_another_fault_that_held_ends_the_chain():
    other = change(age=500, result="held", fault_class="OOMKilled")
    assert verdict("ineffective-chain", context(history=(*failures(900, 800, 700), other))).allowed


def test_a_change_that_is_still_being_verified_elsewhere_hides_no_chain():
    spread = tuple(replace(one, name=f"w{n}") for n, one in enumerate(failures(900, 800, 700, intent="web")))
    flying = change(age=100, result="applied", name="w9", intent="web")
    assert verdict("ineffective-chain", context(history=(*spread, flying))).reason == "Ineffective"
    assert verdict("ineffective-chain", context(history=(*spread, replace(flying, result="held")))).allowed


def test_a_chain_over_the_intents_objects_counts_and_one_of_yesterday_does_not():
    spread = tuple(replace(one, name=f"w{n}") for n, one in enumerate(failures(900, 800, 700, intent="web")))
    assert verdict("ineffective-chain", context(history=spread)).reason == "Ineffective"
    assert verdict("ineffective-chain", context(history=spread, now=NOW + DAY)).allowed
    others = tuple(replace(one, intent=f"i{n}") for n, one in enumerate(spread))
    assert verdict("ineffective-chain", context(history=others)).allowed


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(["not-held", "rolled-back", "stuck", "held", "applied", None]), max_size=8))
def test_no_fourth_change_follows_three_of_one_fault_without_a_person(results):
    history = tuple(
        change(age=50_000 - 1000 * n, result=result, fault_class=SAME, operation_id=str(n))
        for n, result in enumerate(results)
    )
    assert verdict("ineffective-chain", context(history=history)).allowed is (len(results) < 3)


# ---------------------------------------------------------------- freezes and gates

FREEZE = Freeze.model_validate(
    {"from": "2026-12-23", "until": "2027-01-02", "timeZone": "Europe/Berlin", "reason": "holidays"}
)


@pytest.mark.parametrize("by", ["operator", "intent"])
@pytest.mark.parametrize(
    ("period", "reason"),
    [
        ((NOW - 5, NOW + 5), "Frozen"),
        ((NOW - 5, NOW), "Ok"),
        ((NOW, NOW + 5), "Frozen"),
        (None, "NoLocalTime"),
    ],
)
def test_nothing_changes_in_a_freeze_or_where_its_dates_mean_nothing(by, period, reason):
    around = Surroundings(freezes={} if period is None else {FREEZE: period})
    if by == "operator":
        ctx = context(limits=Limits(freezes=(FREEZE,)), surroundings=around)
    else:
        asks = intent(freezes=[FREEZE.model_dump(by_alias=True)])
        ctx = context(intent=asks, surroundings=around)
    found = verdict("freeze", ctx)
    assert found.reason == reason
    assert reason != "Frozen" or "holidays" in found.detail


GATE = Gate(query='ALERTS{alertname="EtcdDown"}', reason="etcd is down")


@pytest.mark.parametrize(
    ("read", "reason"),
    [
        ({GATE.query: None}, "Ok"),
        ({GATE.query: "{} => 1"}, "Shut"),
        ({GATE.query: "{} => 0"}, "Shut"),  # a sample is a sample
        ({GATE.query: Gap("metric", "Unreachable", "no Prometheus", Turn.OURS)}, "Unreadable"),
        ({}, "NotRead"),
    ],
)
@pytest.mark.parametrize("by", ["operator", "intent"])
def test_a_gate_is_open_only_where_prometheus_says_that_there_is_no_sample(by, read, reason):
    around = Surroundings(gates=read)
    if by == "operator":
        ctx = context(limits=Limits(gates=(GATE,)), surroundings=around)
    else:
        ctx = context(intent=intent(gates=[GATE.model_dump()]), surroundings=around)
    found = verdict("gate", ctx)
    assert found.reason == reason
    assert reason == "Ok" or "etcd is down" in found.detail


def test_an_undo_waits_for_neither_and_is_excused_from_every_new_guard_but_opting_out():
    past = tuple(change(intent="web", age=n, result="not-held", fault_class=SAME) for n in range(9))
    limits = Limits(opt_in=True, freezes=(FREEZE,), gates=(GATE,))
    around = Surroundings(gates={GATE.query: "1"}, freezes={FREEZE: (0, NOW * 2)})
    ctx = undoing(history=past, limits=limits, surroundings=around)
    assert [found.guard for found in run_guards(ctx, GUARDS) if not found.allowed] == []


# ---------------------------------------------------------------- silences


@pytest.mark.parametrize(
    ("scope", "covered"),
    [
        ("all", True),
        ("web", True),
        ("other", False),
        ("fault-class:ImagePull", True),
        ("fault-class:OOMKilled", False),
        ("namespace:shop", True),
        ("namespace:pay", False),
        ("label:app=web", True),
        ("label:app=api", False),
        ("label:team=web", False),
        ("moon-phase:full", True),  # a scope of a newer version
    ],
)
def test_a_silence_covers_what_it_names(scope, covered):
    about = {"intent": "web", "fault_class": "ImagePull", "namespace": "shop"}
    assert covers(scope, items=[LIVE], **about) is covered


def test_a_label_that_cannot_be_looked_up_is_covered():
    assert covers("label:app=api", intent="web", fault_class="x", namespace="shop", items=[None])


# ---------------------------------------------------------------- what becomes of a refusal


def test_every_named_refusal_is_of_a_guard_that_exists():
    known = {guard.name for guard in GUARDS}
    assert known >= WAITING
    assert {guard for guard, _ in WAITING_REASONS | NEEDS_APPROVAL} <= known
    assert not {guard for guard, _ in NEEDS_APPROVAL} & WAITING
