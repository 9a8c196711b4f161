"""Autoscalers, PodDisruptionBudgets and ResourceQuotas, from the statuses that their controllers write."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.objects import Item, cond, item, look, only, settling, told, workload

WEB = workload("web")


# ---------------------------------------------------------------- HorizontalPodAutoscaler


def autoscaler(*conditions: dict[str, Any], replicas: int = 2, age: float = 3600, **spec: Any) -> Item:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    document = {
        "spec": {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 5, **spec},
        "status": {"currentReplicas": replicas, "desiredReplicas": replicas, "conditions": list(conditions)},
    }
    return item("HorizontalPodAutoscaler", "web", document, age=age)


ABLE = cond("AbleToScale", "True", "ReadyForNewScale")
ACTIVE = cond("ScalingActive", "True", "ValidMetricFound")


@pytest.mark.parametrize(
    "one",
    [
        autoscaler(ABLE, ACTIVE, cond("ScalingLimited", "False", "DesiredWithinRange")),
        autoscaler(),
        autoscaler(ABLE, cond("ScalingActive", "False", "ScalingDisabled"), replicas=0),
        autoscaler(ABLE, ACTIVE, cond("ScalingLimited", "True", "TooManyReplicas", ago=60), replicas=5),
        autoscaler(ABLE, ACTIVE, cond("ScalingLimited", "True", "TooFewReplicas"), replicas=1),
        autoscaler(
            ABLE, ACTIVE, cond("ScalingLimited", "True", "TooManyReplicas"), replicas=5, minReplicas=5
        ),
    ],
    ids=["in range", "new", "scaled to nothing", "at maximum for a minute", "at minimum", "fixed"],
)
def test_an_autoscaler_that_does_its_work_is_silent(one):
    judgement = look(one, WEB)
    assert (told(judgement), judgement.judged) == ([], {("shop", 0)})


def test_an_autoscaler_that_stands_at_its_maximum_for_long_is_told():
    limited = cond("ScalingLimited", "True", "TooManyReplicas", ago=1000)
    found = only(look(autoscaler(ABLE, ACTIVE, limited, replicas=5), WEB))
    assert (found.fault_class.value, str(found.target)) == (
        "AutoscalerAtMaximum",
        "HorizontalPodAutoscaler/web",
    )
    assert "maximum of 5 replicas" in found.message


def test_an_autoscaler_without_its_target_names_it():
    found = only(look(autoscaler(cond("AbleToScale", "False", "FailedGetScale", "not found"))))
    assert (found.fault_class.value, found.reason) == ("AutoscalerTarget", "TargetNotFound")
    assert "Deployment/web" in found.message
    assert settling(look(autoscaler(age=5))) == {"HorizontalPodAutoscaler/web"}


def test_a_target_of_a_kind_that_is_not_watched_is_told_by_the_controller():
    target = {"apiVersion": "example.com/v1", "kind": "Rollout", "name": "web"}
    unable = cond("AbleToScale", "False", "FailedGetScale", "rollouts.example.com is forbidden")
    found = only(look(autoscaler(unable, scaleTargetRef=target)))
    assert (found.reason, "forbidden" in found.message) == ("FailedGetScale", True)


def test_an_autoscaler_without_metrics_is_told_after_a_while():
    said = "unable to get metrics for resource cpu: no metrics returned from resource metrics API"
    blind = lambda ago: cond("ScalingActive", "False", "FailedGetResourceMetric", said, ago=ago)  # noqa: E731
    judgement = look(autoscaler(ABLE, blind(30)), WEB)
    assert (told(judgement), settling(judgement)) == ([], {"HorizontalPodAutoscaler/web"})
    found = only(look(autoscaler(ABLE, blind(300)), WEB))
    assert (found.fault_class.value, str(found.target)) == (
        "AutoscalerMetrics",
        "HorizontalPodAutoscaler/web",
    )
    assert said in found.message


def test_where_the_containers_request_nothing_the_workload_has_to_change():
    said = "failed to get cpu utilization: missing request for cpu in container app of Pod web-7d4-x"
    found = only(look(autoscaler(ABLE, cond("ScalingActive", "False", "FailedGetResourceMetric", said)), WEB))
    assert (str(found.target), str(found.subject)) == ("Deployment/web", "HorizontalPodAutoscaler/web")
    assert (found.container, found.facts["missingRequest"]) == ("app", "cpu")


# ---------------------------------------------------------------- PodDisruptionBudget


def budget(
    name: str = "web", labels: Any = None, *, age: float = 3600, spec: Any = None, **status: Any
) -> Item:
    selector = {"matchLabels": {"app": "web"} if labels is None else labels}
    counts = {"observedGeneration": 1, "expectedPods": 3, "desiredHealthy": 2, "currentHealthy": 3} | status
    document = {"spec": {"selector": selector, "minAvailable": 2, **(spec or {})}, "status": counts}
    return item("PodDisruptionBudget", name, document, age=age, generation=1)


@pytest.mark.parametrize(
    "one",
    [
        budget(disruptionsAllowed=1),
        budget(currentHealthy=1, disruptionsAllowed=0),
        budget(expectedPods=0, desiredHealthy=0, currentHealthy=0),
        budget(observedGeneration=0, desiredHealthy=3),
    ],
    ids=["one may go", "blocks while pods are ill", "scaled to nothing", "not counted yet"],
)
def test_a_budget_that_does_its_work_is_silent(one):
    judgement = look(one, WEB)
    assert (told(judgement), judgement.judged) == ([], {("shop", 0)})


@pytest.mark.parametrize(
    ("spec", "rule"), [({"minAvailable": 3}, "minAvailable 3"), ({"maxUnavailable": 0}, "maxUnavailable 0")]
)
def test_a_budget_that_lets_nothing_go_ever_is_told_with_its_rule(spec, rule):
    found = only(look(budget(spec=spec, desiredHealthy=3), WEB))
    assert (found.fault_class.value, rule in found.message) == ("BudgetBlocks", True)
    assert settling(look(budget(spec=spec, desiredHealthy=3, age=5), WEB)) == {"PodDisruptionBudget/web"}


def test_a_budget_that_its_controller_cannot_work_out_blocks():
    said = "found no controllers for pod web"
    broken = cond("DisruptionAllowed", "False", "SyncFailed", said)
    found = only(look(budget(conditions=[broken]), WEB))
    assert (found.reason, said in found.message) == ("SyncFailed", True)


def test_a_budget_that_covers_nothing_names_the_labels():
    nothing = budget(labels={"app": "wbe"}, expectedPods=0, desiredHealthy=0, currentHealthy=0)
    found = only(look(nothing, WEB))
    assert (found.fault_class.value, "app=wbe" in found.message) == ("BudgetMatchesNothing", True)


def test_two_budgets_over_the_same_pods_block_each_other():
    judgement = look(budget("one"), budget("two", {}), WEB)
    assert {reason for _, reason, _ in told(judgement)} == {"SeveralBudgets"}
    assert told(look(budget("one"), budget("two", {"app": "db"}), WEB, workload("db"))) == []


# ---------------------------------------------------------------- ResourceQuota


def quota(hard: dict[str, str], used: dict[str, str]) -> Item:
    return item("ResourceQuota", "team", {"spec": {"hard": hard}, "status": {"hard": hard, "used": used}})


@pytest.mark.parametrize(
    ("hard", "used", "reason"),
    [
        ({"requests.cpu": "4"}, {"requests.cpu": "3700m"}, "NearFull"),
        ({"limits.memory": "4Gi"}, {"limits.memory": "4096Mi"}, "Full"),
        ({"pods": "10"}, {"pods": "11"}, "Full"),
    ],
)
def test_a_quota_that_is_nearly_used_up_names_the_resource(hard, used, reason):
    found = only(look(quota(hard, used)))
    (resource,) = hard
    assert (found.fault_class.value, found.reason) == ("QuotaNearFull", reason)
    assert f"{resource} {used[resource]} of {hard[resource]}" in found.message


@pytest.mark.parametrize(
    ("hard", "used"),
    [
        ({"requests.cpu": "4"}, {"requests.cpu": "3600m"}),
        ({"services.loadbalancers": "0"}, {"services.loadbalancers": "0"}),
        ({"pods": "10"}, {}),
        ({"pods": "many"}, {"pods": "many"}),
    ],
    ids=["room left", "nothing allowed on purpose", "not counted yet", "unreadable"],
)
def test_a_quota_with_room_is_silent(hard, used):
    assert told(look(quota(hard, used))) == []


@pytest.mark.parametrize("kind", ["HorizontalPodAutoscaler", "PodDisruptionBudget", "ResourceQuota", "Pod"])
def test_a_kind_that_cannot_be_read_leaves_the_expectation_unjudged(kind):
    judgement = look(autoscaler(), budget(), quota({}, {}), gaps=[kind])
    assert judgement.judged == frozenset()
    assert kind in {unknown.gap.what for unknown in judgement.unknowns}
