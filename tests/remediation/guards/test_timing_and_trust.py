"""When a change may be made, who has to agree, and what an undo is excused from."""

import copy
from dataclasses import replace

import pytest

from intents.model import Mode, Window
from remediation.diff import apply
from remediation.guards import GUARDS, Limits, LocalTime, allowed, run_guards
from remediation.guards.window import is_open
from remediation.plan import undo_plan
from tests.remediation.guards.ground import LIVE, NOW, app, change, context, good, intent, plan_for, verdict


def refusing(ctx):
    return {v.guard: v.reason for v in run_guards(ctx, GUARDS) if not v.allowed}


# ---------------------------------------------------------------- budgets, cool-down, same knob


def test_a_change_leaves_the_budget_when_its_hour_is_over():
    old = tuple(change(intent="web", name="x", age=3600) for _ in range(9))
    assert verdict("budget", context(history=old)).allowed
    young = tuple(change(intent="web", name="x", age=3599) for _ in range(3))
    assert verdict("budget", context(history=young)).detail == "the budget of the intent is spent"


def test_refused_unknown_and_future_changes_count():
    past = (
        change(intent="web", result="refused"),
        change(intent="web", result=None),
        change(intent="web", age=-500),
    )
    assert not verdict("budget", context(history=past)).allowed


@pytest.mark.parametrize(
    ("limits", "past", "spent"),
    [
        (Limits(cluster_changes=1), {"namespace": "pay"}, "cluster"),
        (Limits(namespace_changes=1), {}, "namespace"),
        (Limits(fault_class_changes=1), {"namespace": "pay", "fault_class": "ImagePull"}, "faultClass"),
    ],
)
def test_the_operators_budgets_hold_over_all_intents(limits, past, spent):
    found = verdict("budget", context(history=(change(**past),), limits=limits))
    assert found.detail == f"the budget of the {spent} is spent"


def test_a_budget_of_nothing_allows_nothing():
    assert not verdict("budget", context(intent=intent(budget={"changes": 0, "per": "1h"}))).allowed


def test_a_plans_own_charge_is_not_held_against_it():
    own = change(intent="web", operation_id="mine", age=0)
    ctx = context(history=(own,), operation_id="mine", intent=intent(budget={"changes": 1, "per": "1h"}))
    assert refusing(ctx) == {}
    assert set(refusing(replace(ctx, operation_id=None))) == {"budget", "cooldown"}


def test_an_object_cools_down_whichever_intent_changed_it():
    assert not verdict("cooldown", context(history=(change(age=299),))).allowed
    assert verdict("cooldown", context(history=(change(age=300),))).allowed
    assert verdict("cooldown", context(history=(change(age=1, name="other"),))).allowed
    assert verdict("cooldown", context(history=(change(age=1, result="refused"),))).allowed


@pytest.mark.parametrize(("result", "again"), [("not-held", False), ("rolled-back", False), ("stuck", False), ("held", True), ("applied", True), (None, True)])  # fmt: skip
def test_what_failed_is_not_tried_again(result, again):
    plan = plan_for(app(image="shop/web:1.4"))
    assert verdict("same-knob", context(history=(change(plan, result=result),))).allowed is again
    assert verdict(
        "same-knob", context(app(image="shop/web:1.3"), history=(change(plan, result=result),))
    ).allowed


def test_a_failed_field_hidden_among_others_is_found():
    failed = change(plan_for(app(image="shop/web:1.4")), result="rolled-back")
    both = app(image="shop/web:1.4", resources={"limits": {"memory": "96Mi"}})
    assert not verdict("same-knob", context(both, history=(failed,))).allowed


# ---------------------------------------------------------------- mode and window


@pytest.mark.parametrize(
    ("mode", "approved", "reason"),
    [
        (Mode.AUTO, False, "Auto"),
        (Mode.PROPOSE, True, "Approved"),
        (Mode.PROPOSE, False, "NeedsApproval"),
        (Mode.OBSERVE, True, "ObserveOnly"),
        (Mode.OBSERVE, False, "ObserveOnly"),
    ],
)
def test_who_has_to_agree(mode, approved, reason):
    ctx = context(mode=mode)
    ctx = replace(ctx, approved_digest=ctx.plan.digest if approved else "f" * 64)
    assert verdict("mode", ctx).reason == reason


def at(day, hour, minute=0):
    return LocalTime(day, hour * 60 + minute)


@pytest.mark.parametrize(
    ("window", "time", "expected"),
    [
        ({}, at(6, 23, 59), True),
        ({"start": "09:00", "end": "17:00"}, at(0, 9), True),
        ({"start": "09:00", "end": "17:00"}, at(0, 17), False),
        ({"start": "09:00", "end": "17:00", "days": ["Mon"]}, at(1, 12), False),
        ({"start": "22:00", "end": "06:00", "days": ["Fri"]}, at(4, 23), True),
        ({"start": "22:00", "end": "06:00", "days": ["Fri"]}, at(5, 5, 59), True),
        ({"start": "22:00", "end": "06:00", "days": ["Fri"]}, at(5, 6), False),
        ({"start": "22:00", "end": "06:00", "days": ["Fri"]}, at(5, 23), False),
        ({"start": "22:00", "end": "06:00", "days": ["Sun"]}, at(0, 3), True),
        ({"start": "22:00", "end": "06:00", "days": ["Fri"]}, at(4, 3), False),
        ({"start": "08:00", "end": "08:00"}, at(0, 8), False),
    ],
)
def test_a_window_may_run_over_midnight(window, time, expected):
    assert is_open(Window.model_validate(window), time) is expected


def test_a_window_without_a_known_local_time_is_shut():
    found = verdict("window", context(intent=intent(window={"days": ["Mon"]}), local_time=None))
    assert found.reason == "NoLocalTime"


# ---------------------------------------------------------------- hands off

FIELDS = {
    "f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"app"}': {".": {}, "f:image": {}}}}}},
}


def stamp(seconds):
    from datetime import UTC, datetime

    return datetime.fromtimestamp(NOW - seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def marked(*, manager="kubectl-edit", age=30.0, born=90_000.0, fields=FIELDS, **metadata):
    live = copy.deepcopy(LIVE)
    entry = {"manager": manager, "operation": "Update", "time": stamp(age), "fieldsV1": fields}
    live["metadata"] |= {"creationTimestamp": stamp(born), "managedFields": [entry], **metadata}
    return live


@pytest.mark.parametrize(
    "metadata",
    [
        {"labels": {"argocd.argoproj.io/instance": "web"}},
        {"annotations": {"argocd.argoproj.io/tracking-id": "web:apps"}},
        {"labels": {"kustomize.toolkit.fluxcd.io/name": "web"}},
        {"labels": {"helm.toolkit.fluxcd.io/name": "web"}},
        {"ownerReferences": [{"kind": "Shop", "name": "web", "controller": True}]},
        {"managedFields": [{"manager": "argocd-controller"}]},
        {"managedFields": [{"manager": "kustomize-controller"}]},
    ],
)
def test_what_somebody_else_steers_is_not_written_even_with_approval(metadata):
    ctx = context(live=marked(**metadata))
    ctx = replace(ctx, approved_digest=ctx.plan.digest)
    assert verdict("hands-off", ctx).reason == "SteeredElsewhere"


def test_a_helm_object_needs_approval():
    ctx = context(live=marked(age=9000, annotations={"meta.helm.sh/release-name": "web"}))
    assert verdict("hands-off", ctx).reason == "Helm"
    assert verdict("hands-off", replace(ctx, approved_digest=ctx.plan.digest)).allowed


def test_a_persons_fresh_change_needs_approval_unless_it_is_put_back():
    live = marked()
    assert verdict("hands-off", context(live=live)).reason == "PersonAtWork"
    assert verdict("hands-off", context(live=live, last_known_good=good(image="shop/web:1.4"))).allowed
    assert not verdict("hands-off", context(live=live, last_known_good=good(image="shop/web:1.3"))).allowed
    ctx = context(live=live)
    assert verdict("hands-off", replace(ctx, approved_digest=ctx.plan.digest)).allowed


@pytest.mark.parametrize(
    ("entry", "free"),
    [
        ({"age": 599}, False),
        ({"age": 601}, True),
        ({"age": -100}, False),
        ({"manager": "kube-controller-manager"}, True),
        ({"manager": "intentd"}, True),
        ({"age": 30, "born": 30}, True),
        ({"age": 30, "born": 31}, True),
        ({"fields": {"f:spec": {"f:replicas": {}}}}, True),
        ({"fields": {"f:spec": {"f:template": {}}}}, False),
        (
            {"fields": {"f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"proxy"}': {}}}}}}},
            True,
        ),
        ({"fields": {"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:nonsense": {}}}}}}}, True),
    ],
)
def test_who_counts_as_a_person_at_work(entry, free):
    assert verdict("hands-off", context(live=marked(**entry))).allowed is free


def test_an_unreadable_time_counts_as_just_now():
    live = marked()
    live["metadata"]["managedFields"][0]["time"] = "yesterday"
    assert not verdict("hands-off", context(live=live)).allowed
    assert verdict("hands-off", context(live=live, limits=Limits(person_window=0))).allowed


def test_an_autoscalers_field_is_left_alone():
    reserved = {("spec", "replicas"): "HorizontalPodAutoscaler web"}
    assert verdict("hands-off", context({"spec": {"replicas": 3}}, reserved=reserved)).reason == "Reserved"
    assert verdict("hands-off", context(reserved=reserved)).allowed


# ---------------------------------------------------------------- undoing


def undoing(manifest=None, **fields):
    fix = plan_for(manifest or app(image="shop/web:1.4", resources={"limits": {"memory": "1Gi"}}, args=None))
    after = apply(LIVE, fix.operations)
    return context(plan=undo_plan(fix, after), live=after, undoes=fix, **fields)


def test_an_undo_was_charged_and_approved_with_its_fix():
    past = tuple(change(intent="web", age=n) for n in range(9))
    window = {"days": ["Tue"], "start": "01:00", "end": "02:00"}
    ctx = undoing(history=past, mode=Mode.OBSERVE, storm=True, intent=intent(window=window))
    assert allowed(run_guards(ctx, GUARDS))
    assert allowed(run_guards(replace(ctx, intent=None), GUARDS))


def test_the_kill_switch_and_a_pause_stop_an_undo():
    assert refusing(undoing(kill_switch="stop")) == {"kill-switch": "Killed"}
    assert refusing(undoing(paused="maintenance")) == {"pause": "Paused"}


def test_nothing_passes_as_an_undo_that_is_none():
    """Whoever says `undoes` must prove it: another field, another value, another object."""
    ctx = undoing()
    other_field = plan_for({"spec": {"replicas": 1}}, ctx.live)
    other_value = plan_for(app(image="shop/web:0.1"), ctx.live)
    for plan in (other_field, other_value):
        assert refusing(replace(ctx, plan=plan)) == {"editable": "NotOurs"}
    elsewhere = replace(ctx.undoes, target=ctx.undoes.target._replace(name="payments"))
    assert refusing(replace(ctx, undoes=elsewhere)) == {"scope": "OtherObject"}


def test_an_undo_takes_server_defaults_with_it():
    fix = plan_for(app(livenessProbe={"httpGet": {"path": "/", "port": 8080}}))
    after = apply(LIVE, fix.operations)
    after["spec"]["template"]["spec"]["containers"][0]["livenessProbe"]["timeoutSeconds"] = 1
    ctx = context(plan=undo_plan(fix, after), live=after, undoes=fix)
    assert refusing(ctx) == {}
    assert apply(after, ctx.plan.operations) == LIVE
