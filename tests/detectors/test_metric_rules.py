"""Rules over metrics without a Prometheus: what readings mean for the objects of a world, and how queries are made."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from detectors.comparisons import comparisons, metric_queries
from detectors.facts import Sample
from detectors.judge import judge
from detectors.model import (
    FaultClass,
    Gap,
    Judgement,
    MetricReading,
    ObjectRef,
    Severity,
    Standing,
    Turn,
    Violation,
)
from detectors.prometheus.slo import ALERTS, factor, rules
from detectors.triage import triage
from intents.model import Scope
from intents.objectives import SLO
from intents.query_text import misfit
from intents.selectors import Matcher, Selector
from tests.fakes.world import (
    deployment,
    intent,
    observation,
    pod,
    replica_set,
    stateful_set,
    uid_of,
    unreadable,
)

WEB = ObjectRef("Deployment", "shop", "web", uid_of("Deployment", "web"))
WORLD = (deployment(), replica_set(), pod("web-1"), pod("web-2"), deployment("api"), pod("api-1", of="api"))


def sample(value: float, **labels: str) -> Sample:
    return Sample(tuple(sorted(labels.items())), value)


def container(value: float, name: str) -> Sample:
    return sample(value, namespace="shop", pod=name, container="app")


def broken(*samples: Sample) -> MetricReading:
    return MetricReading(samples, ())


def held(*samples: Sample) -> MetricReading:
    return MetricReading((), samples)


def judged(
    wish: dict[str, Any], *facts: Any, scope: dict[str, Any] | None = None, **readings: Any
) -> Judgement:
    world = observation(
        *(facts or WORLD), metrics={f"shop/0/{rule}": reading for rule, reading in readings.items()}
    )
    return judge([intent(wish, **(scope or {}))], world)


def only(judgement: Judgement) -> Violation:
    (found,) = judgement.violations
    return found


THROTTLING = {"type": "cpuThrottling"}
SLO_WISH = {"type": "slo", "objective": 99.9, "total": "requests_total"}


def test_a_container_s_series_is_a_violation_of_the_workload_that_owns_the_pod():
    found = only(judged(THROTTLING, share=broken(container(0.5, "web-1"), container(0.9, "web-2"))))
    assert (found.fault_class, found.target, found.container) == (FaultClass.CPU_THROTTLING, WEB, "app")
    assert (found.subject.name, found.facts["value"], found.facts["pods"]) == ("web-2", "0.9", "2")
    assert found.severity is Severity.INFO


def test_pods_that_are_gone_or_not_in_scope_break_nothing():
    judgement = judged(
        THROTTLING,
        scope={"target": "web"},
        share=MetricReading((container(0.9, "api-1"), container(0.9, "web-gone")), (container(0, "web-1"),)),
    )
    assert judgement.violations == ()
    assert judgement.judged == {("shop", 0)}


def test_series_of_nothing_in_scope_are_no_data():
    judgement = judged(THROTTLING, scope={"target": "web"}, share=held(container(0.1, "api-1")))
    assert [unknown.gap.reason for unknown in judgement.unknowns] == ["NoData"]


def test_labels_of_the_scope_choose_among_workloads():
    facts = (
        deployment(labels={"tier": "front"}),
        replica_set(),
        pod("web-1"),
        deployment("api"),
        pod("api-1", of="api"),
    )
    judgement = judged(
        THROTTLING,
        *facts,
        scope={"match_labels": {"tier": "front"}},
        share=broken(container(0.9, "api-1"), container(0.5, "web-1")),
    )
    assert only(judgement).subject.name == "web-1"


def test_pods_that_cannot_be_read_make_it_unknown_not_healthy():
    world = observation(*WORLD, metrics={"shop/0/share": broken(container(0.9, "web-1"))})
    gaps = {**world.objects, "Pod": unreadable("Pod")}
    judgement = judge([intent(THROTTLING)], type(world)(at=world.at, objects=gaps, metrics=world.metrics))
    assert judgement.violations == ()
    assert [unknown.gap.what for unknown in judgement.unknowns] == ["Pod"]


def test_what_is_broken_is_told_although_another_rule_cannot_be_read():
    gap = Gap("metric", "TimedOut", "too slow", Turn.OURS)
    judgement = judged(SLO_WISH, fast=broken(sample(20)), slow=gap, lasting=gap)
    assert only(judgement).fault_class is FaultClass.SLO_BURN
    assert judgement.judged == {("shop", 0)}


def test_without_anything_broken_one_gap_makes_it_unknown():
    gap = Gap("metric", "TimedOut", "too slow", Turn.OURS)
    judgement = judged(SLO_WISH, fast=held(sample(1)), slow=gap, lasting=held(sample(1)))
    assert (judgement.violations, judgement.judged) == ((), frozenset())
    assert [unknown.gap.reason for unknown in judgement.unknowns] == ["TimedOut"]


def test_a_reading_that_nobody_asked_for_is_a_gap():
    assert [unknown.gap.reason for unknown in judged(THROTTLING).unknowns] == ["NotObserved"]


def test_the_graver_alert_speaks_for_the_budget():
    found = only(judged(SLO_WISH, fast=broken(sample(20)), slow=broken(sample(9)), lasting=broken(sample(2))))
    assert (found.severity, found.facts["value"]) == (Severity.CRITICAL, "20")
    assert "99.9 % burns 20 times" in found.message


def test_a_budget_targets_the_workload_that_the_scope_names_and_else_nothing_that_can_be_mended():
    named = judged(SLO_WISH, scope={"target": "web"}, fast=broken(sample(20)), slow=held(), lasting=held())
    assert only(named).target == WEB
    world = observation(*WORLD, metrics={"shop/0/fast": broken(sample(20))})
    (case,) = triage(judge([intent(SLO_WISH)], world), world)
    assert (case.target.kind, case.reason.value) == ("Metric", "NoTarget")


def test_what_is_broken_for_too_short_is_neither_violated_nor_clear():
    judgement = judged(THROTTLING, share=MetricReading((), (), (container(0.9, "web-1"),)))
    assert judgement.violations == ()
    assert judgement.standing("shop", WEB) is Standing.UNSETTLED


@pytest.mark.parametrize(
    ("labels", "target"),
    [
        ({"namespace": "shop", "pod": "web-1"}, WEB),
        ({"pod": "web-1"}, WEB),
        ({"namespace": "other", "pod": "web-1"}, None),
        ({"namespace": "shop", "pod": "gone"}, None),
        ({"namespace": "shop", "deployment": "web"}, WEB),
        ({"namespace": "other", "deployment": "web"}, None),
        ({"deployment": "nobody"}, None),
        ({}, None),
    ],
)
def test_labels_lead_to_an_object_of_the_scope_s_namespace_or_to_none(labels, target):
    wish = {"type": "errorRate", "total": "requests_total", "by": ["pod"]}
    found = only(judged(wish, ratio=broken(sample(0.5, **labels)))).target
    assert found == (target or ObjectRef("Metric", "shop", "shop.0"))


def test_a_volume_is_its_claim_s_and_one_of_another_namespace_nobody_s():
    series = [sample(0.01, namespace=name, persistentvolumeclaim="data") for name in ("shop", "other")]
    found = only(judged({"type": "volumeFilling"}, full=broken(*series), filling=held(*series)))
    assert found.target == ObjectRef("PersistentVolumeClaim", "shop", "data")


def test_a_certificate_whose_labels_prometheus_does_not_honour_is_found_too():
    series = sample(-5.0, namespace="cert-manager", exported_namespace="shop", name="web-tls")
    found = only(judged({"type": "certificateExpiry"}, left=broken(series)))
    assert (found.target, found.severity) == (ObjectRef("Certificate", "shop", "web-tls"), Severity.CRITICAL)


# ---------------------------------------------------------------- the workbook's table


def test_thirty_days_give_the_workbook_s_burn_rates():
    assert [float(factor(alert, "30d")) for alert in ALERTS] == [14.4, 6.0, 1.0]
    assert [float(factor(alert, "28d")) for alert in ALERTS] == pytest.approx([13.44, 5.6, 0.9333], abs=1e-3)


def test_a_burn_rate_that_could_never_be_is_not_asked_for():
    wish = SLO.model_validate({"type": "slo", "objective": 90, "total": "a"})
    assert list(rules(wish, Scope(namespace="shop"))) == ["slow", "lasting"]


def test_the_budget_is_exact():
    wish = SLO.model_validate({"type": "slo", "objective": 99.9, "total": "a"})
    (first, _) = rules(wish, Scope(namespace="shop"))["fast"].comparison.conditions
    assert first.query.endswith("/ 0.001")


# ---------------------------------------------------------------- building queries

NASTY = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
SERIES = st.builds(
    Selector,
    st.sampled_from(["a_bucket", "b:c_bucket", "x.y_bucket"]),
    st.lists(
        st.builds(Matcher, NASTY.filter(lambda name: name not in ("", "__name__")), st.just("="), NASTY),
        max_size=2,
    ).map(tuple),
)


@given(SERIES)
def test_no_label_value_can_leave_its_string(selector):
    text = str(selector)
    wishes = [
        {"type": "slo", "objective": 99.5, "total": text},
        {"type": "errorRate", "total": text, "errors": text, "by": ["pod"]},
        {"type": "latency", "histogram": text, "atMost": 1},
        {"type": "queueLag", "depth": text, "atMost": 1},
        {"type": "certificateExpiry", "expiry": text},
    ]
    for query in metric_queries([intent(*wishes)]).values():
        assert misfit(query) is None
        assert str(selector.metric) in query


@pytest.mark.parametrize(
    ("scope", "matcher"),
    [
        ({}, 'namespace="shop"'),
        ({"target": "web.v2"}, 'pod=~"web\\\\.v2.*"'),
        ({"target": "a" * 60}, f'pod=~"{"a" * 40}.*"'),
    ],
)
def test_pods_are_narrowed_by_what_surely_begins_their_names(scope, matcher):
    (query,) = metric_queries([intent({"type": "cpuThrottling"}, **scope)]).values()
    assert matcher in query


def test_claims_of_a_stateful_set_are_told_by_name():
    facts = (stateful_set(),)
    queries = metric_queries([intent({"type": "volumeFilling"}, kind="StatefulSet", target="db")])
    assert all('persistentvolumeclaim=~".+-db-[0-9]+"' in query for query in queries.values())
    series = sample(0.01, namespace="shop", persistentvolumeclaim="data-db-0")
    found = only(
        judged(
            {"type": "volumeFilling"},
            *facts,
            scope={"kind": "StatefulSet", "target": "db"},
            full=broken(series),
            filling=held(series),
        )
    )
    assert found.target.name == "data-db-0"


def test_every_rule_is_asked_under_a_key_of_its_own():
    asked = intent(SLO_WISH, {"type": "workloadHealthy"}, {"type": "memoryLeak"})
    assert list(metric_queries([asked])) == [
        "shop/0/fast",
        "shop/0/slow",
        "shop/0/lasting",
        "shop/2/forecast",
    ]
    assert comparisons(asked, 1) == {}


# ---------------------------------------------------------------- whatever Prometheus answers

WISHES = (
    SLO_WISH,
    {"type": "errorRate", "total": "a"},
    {"type": "latency", "histogram": "a_bucket", "atMost": 1},
    {"type": "queueLag", "depth": "a", "atMost": 1},
    {"type": "targetsUp"},
    {"type": "cpuThrottling"},
    {"type": "memoryNearLimit"},
    {"type": "memoryLeak"},
    {"type": "volumeFilling"},
    {"type": "certificateExpiry"},
)
NAMES = ("namespace", "pod", "container", "deployment", "persistentvolumeclaim", "name", "exported_namespace")
SAMPLES = st.builds(
    lambda labels, value: sample(value, **labels),
    st.dictionaries(
        st.sampled_from(NAMES), st.one_of(st.sampled_from(["shop", "web", "web-1", "app"]), NASTY), max_size=4
    ),
    st.floats(allow_nan=False),
)
READINGS = st.one_of(
    st.builds(
        MetricReading,
        *([st.lists(SAMPLES, max_size=3).map(tuple)] * 3),
    ),
    st.builds(Gap, st.just("metric"), st.sampled_from(["NoData", "TimedOut"]), NASTY),
)


@example(WISHES[-1], [broken(sample(float("-inf")), sample(float("inf")))])
@given(st.sampled_from(WISHES), st.lists(READINGS, min_size=3, max_size=3))
def test_every_answer_is_judged_and_a_violation_is_about_the_scope_s_namespace(wish, readings):
    asked = intent(wish)
    world = observation(*WORLD, metrics=dict(zip(comparisons(asked, 0), readings, strict=False)))
    judgement = judge([asked], world)
    assert bool(judgement.unknowns) != (("shop", 0) in judgement.judged)
    for found in judgement.violations:
        assert found.target.namespace == "shop"
        assert found.message
    triage(judgement, world)
