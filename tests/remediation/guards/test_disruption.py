"""Which changes take pods away that serve, and who may forbid or allow that."""

import copy
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.model import Gap, Turn
from remediation.guards import Surroundings
from remediation.guards.rollout import loss
from tests.remediation.guards.ground import LIVE, app, context, intent, plan_for, verdict

IMAGE = app(image="shop/web:1.4")


def served(kind="Deployment", *, replicas=3, available=3, **spec):
    """LIVE with so many pods available, as its controller tells."""
    live = copy.deepcopy(LIVE) | {"kind": kind}
    live["spec"].pop("strategy")
    live["spec"] |= {"replicas": replicas, **spec}
    names = {"DaemonSet": "numberAvailable"}
    live["status"] = {"observedGeneration": 4, names.get(kind, "availableReplicas"): available}
    if kind == "DaemonSet":
        live["status"]["desiredNumberScheduled"] = replicas
    return live


def rolling(surge, missing):
    return {
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": missing}}
    }


def budget(left, *, selector=None, generation=1, seen=1):
    status = {"disruptionsAllowed": left, "observedGeneration": seen}
    return {
        "metadata": {"name": "web", "generation": generation},
        "spec": {"selector": {"matchLabels": {"app": "web"}} if selector is None else selector},
        "status": status,
    }


def judged(live, *budgets, manifest=IMAGE, found=None, **fields):
    around = Surroundings(disruption_budgets=list(budgets) if found is None else found)
    return verdict("disruption", context(manifest, live=live, surroundings=around, **fields))


# ---------------------------------------------------------------- what a rollout takes away


@pytest.mark.parametrize(
    ("live", "lost"),
    [
        (served(), 0),  # 25% of 3, rounded down: none may be missing
        (served(replicas=4, available=4), 1),
        (served(replicas=4, available=3), 0),  # one is missing already
        (served(replicas=10, available=10, **rolling("25%", "100%")), 10),
        (served(**rolling(1, 0)), 0),
        (served(**rolling(0, 0)), 1),  # the controller lets one go where both are zero
        (served(**rolling(0, 2)), 2),
        (served(strategy={"type": "Recreate"}), 3),
        (served(replicas=1, available=1), 0),  # a surge of one comes first
        (served(replicas=1, available=1, strategy={"type": "Recreate"}), 1),
        (served(available=0, strategy={"type": "Recreate"}), 0),
        (served("StatefulSet"), 1),
        (served("StatefulSet", replicas=1, available=1), 1),
        (served("StatefulSet", updateStrategy={"type": "OnDelete"}), 0),
        (served("StatefulSet", updateStrategy={"rollingUpdate": {"maxUnavailable": 2}}), 2),
        (served("DaemonSet"), 1),
        (served("DaemonSet", available=2), 0),
        (served("DaemonSet", updateStrategy={"rollingUpdate": {"maxUnavailable": "50%"}}), 2),
        (served("DaemonSet", updateStrategy={"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}), 0),
    ],
)
def test_so_many_pods_may_be_missing_at_once(live, lost):
    assert loss(plan_for(IMAGE, live), live).lost == lost


def test_a_plan_that_turns_to_recreate_is_judged_by_that():
    worse = {"spec": {"strategy": {"type": "Recreate"}, **IMAGE["spec"]}}
    assert loss(plan_for(worse, served()), served()).lost == 3


@pytest.mark.parametrize(("wanted", "lost"), [(1, 2), (3, 0), (5, 0), (0, 3)])
def test_fewer_replicas_take_pods_away(wanted, lost):
    live = served(replicas=4)
    assert loss(plan_for({"spec": {"replicas": wanted}}, live), live).lost == lost


@settings(max_examples=200, deadline=None)
@given(
    st.integers(1, 50),
    st.integers(0, 50),
    st.integers(0, 100),
    st.integers(0, 100),
    st.sampled_from(["%", ""]),
)
def test_a_deployment_never_goes_below_what_its_own_strategy_promises(
    replicas, available, surge, missing, sign
):
    spell = (lambda number: f"{number}%") if sign else int
    live = served(
        replicas=replicas, available=min(available, replicas), **rolling(spell(surge), spell(missing))
    )
    found = loss(plan_for(IMAGE, live), live)
    assert 0 <= found.lost <= found.available
    may_miss = missing * replicas // 100 if sign else missing
    if may_miss:
        assert found.available - found.lost >= min(found.available, replicas - may_miss)


# ---------------------------------------------------------------- budgets and what must stay


def test_a_budget_that_allows_too_little_stops_the_rollout():
    live = served(replicas=4, available=4)
    assert judged(live, budget(1)).allowed
    found = judged(live, budget(0))
    assert (found.reason, found.inputs["budget"]) == ("DisruptionBudget", "web")


@pytest.mark.parametrize(
    ("selector", "counts"),
    [
        ({}, True),
        ({"matchLabels": {"app": "api"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "api"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}, False),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}, False),
        ({"matchExpressions": [{"key": "app", "operator": "Like"}]}, True),
    ],
)
def test_a_budget_counts_for_the_pods_that_it_selects(selector, counts):
    found = judged(served(replicas=4, available=4), budget(0, selector=selector))
    assert found.allowed is not counts


@pytest.mark.parametrize(
    ("labels", "counts"),
    [
        ({"app": "web", "role": "primary"}, True),
        ({"role": "primary"}, False),
        ({"app": "db", "role": "primary"}, False),
    ],
)
def test_a_budget_may_ask_for_a_label_that_a_program_sets_on_its_pods(labels, counts):
    found = judged(served(replicas=4, available=4), budget(0, selector={"matchLabels": labels}))
    assert (found.reason == "DisruptionBudget") is counts


def test_a_budget_that_its_controller_has_not_seen_allows_nothing():
    assert not judged(served(replicas=4, available=4), budget(4, generation=2)).allowed
    bare = budget(0)
    del bare["status"]
    assert not judged(served(replicas=4, available=4), bare).allowed


def test_a_rollout_that_takes_none_away_asks_no_budget():
    assert judged(served(), budget(0)).reason == "TakesNone"
    assert judged(served(available=0, strategy={"type": "Recreate"}), budget(0)).reason == "TakesNone"
    assert judged(served(), manifest={"metadata": {"labels": {"tier": "front"}}}).reason == "NoRestart"


def test_one_pod_always_stays_unless_a_person_approved():
    live = served(strategy={"type": "Recreate"})
    assert judged(live).reason == "TakesServingPods"
    ctx = context(IMAGE, live=live, surroundings=Surroundings(disruption_budgets=[]))
    assert verdict("disruption", replace(ctx, approved_digest=ctx.plan.digest)).allowed
    strict = replace(ctx, surroundings=Surroundings(disruption_budgets=[budget(0)]))
    assert not verdict("disruption", replace(strict, approved_digest=ctx.plan.digest)).allowed


def test_as_many_stay_as_the_intent_wants_available():
    wants = intent(expectations=[{"type": "replicasAtLeast", "count": 4}])
    live = served(replicas=4, available=4)
    assert judged(live).allowed
    assert judged(live, intent=wants).reason == "TakesServingPods"


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (Gap("PodDisruptionBudget list", "TimedOut", "no answer", Turn.OURS), "BudgetsUnknown"),
        (Gap("PodDisruptionBudget list", "Forbidden", "no right", Turn.OPERATOR), "BudgetsForbidden"),
    ],
)
def test_budgets_that_cannot_be_read_stop_what_takes_pods_away(found, reason):
    assert judged(served(replicas=4, available=4), found=found).reason == reason
    assert judged(served(), found=found).allowed
    unread = verdict("disruption", context(IMAGE, live=served(replicas=4, available=4)))
    assert unread.reason == "BudgetsUnknown"


@pytest.mark.parametrize("status", [None, {}, {"observedGeneration": 3, "availableReplicas": 0}])
def test_a_status_of_an_earlier_version_says_nothing(status):
    live = served()
    live["status"] = status
    assert judged(live).reason == "StatusUnknown"
