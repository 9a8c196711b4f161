"""Every rule's PromQL on a real Prometheus over recorded days: what must break breaks, nothing else does, and what
nobody can tell is told as such. All are asked through the adapter, in batches."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from daemon.clock import SystemClock
from daemon.prometheus_metrics import PrometheusMetrics
from detectors.comparisons import metric_queries
from detectors.judge import judge
from detectors.model import Judgement, MetricReading, Observation, Severity, Violation
from gym.build import is_built
from gym.recorded import Line, now, recorded
from tests.fakes.world import deployment, intent, observation, pod, replica_set, running

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
Series = Callable[[float], float | None]
"""A value by the seconds that the sample is ago."""


def counter(*phases: tuple[float, float], length: float) -> Series:
    """A counter that grows by the rate of the first phase (until seconds ago, rate) that reaches so far back."""

    def value(ago: float) -> float:
        grown, begun = 0.0, length
        for until, rate in phases:
            end = max(until, ago)
            grown += max(0.0, begun - end) * rate
            begun = min(begun, until)
        return grown

    return value


def steady(rate: float, length: float) -> Series:
    return counter((0.0, rate), length=length)


def gauge(value: float) -> Series:
    return lambda _: value


def slope(last: float, per_second: float) -> Series:
    """A gauge that ends at `last`."""
    return lambda ago: last - per_second * ago


def young(series: Series, age: float) -> Series:
    return lambda ago: series(ago) if ago <= age else None


SLO_DAYS: dict[str, Series] = {
    'http_requests_total{svc="burn",code="200"}': steady(100, 3 * DAY),
    'http_requests_total{svc="burn",code="500"}': counter((2 * HOUR, 0), (0, 5), length=3 * DAY),
    'http_requests_total{svc="over",code="200"}': steady(100, 3 * DAY),
    'http_requests_total{svc="over",code="500"}': counter(
        (100 * MINUTE, 0), (40 * MINUTE, 5), (0, 0), length=3 * DAY
    ),
    'http_requests_total{svc="drip",code="200"}': steady(100, 3 * DAY),
    'http_requests_total{svc="drip",code="500"}': steady(0.2, 3 * DAY),
    'http_requests_total{svc="clean",code="200"}': steady(100, 3 * DAY),
    'http_requests_total{svc="quiet",code="200"}': gauge(7),
}


def buckets(svc: str, *per_bucket: float) -> dict[str, Series]:
    rates = itertools.accumulate(per_bucket)
    return {
        f'req_seconds_bucket{{svc="{svc}",le="{le}"}}': steady(rate, HOUR)
        for le, rate in zip(("0.1", "0.5", "1", "+Inf"), rates, strict=True)
    }


def container(name: str, used: Series, limit: float = 100.0) -> dict[str, Series]:
    labels = f'namespace="shop",pod="{name}",container="app"'
    return {
        f"container_memory_working_set_bytes{{{labels}}}": used,
        f"container_spec_memory_limit_bytes{{{labels}}}": gauge(limit),
        f'container_memory_working_set_bytes{{namespace="shop",pod="{name}",container=""}}': gauge(1000),
    }


def throttled(name: str, share: float) -> dict[str, Series]:
    labels = f'namespace="shop",pod="{name}",container="app"'
    return {
        f"container_cpu_cfs_periods_total{{{labels}}}": steady(10, HOUR),
        f"container_cpu_cfs_throttled_periods_total{{{labels}}}": steady(10 * share, HOUR),
    }


def volume(claim: str, left: Series) -> dict[str, Series]:
    labels = f'namespace="shop",persistentvolumeclaim="{claim}"'
    return {
        f"kubelet_volume_stats_available_bytes{{{labels}}}": left,
        f"kubelet_volume_stats_capacity_bytes{{{labels}}}": gauge(100),
    }


def certificate(name: str, expires: float) -> dict[str, Series]:
    return {
        f'certmanager_certificate_expiration_timestamp_seconds{{namespace="shop",name="{name}"}}': gauge(
            expires
        )
    }


def hours(at: float) -> dict[str, Series]:
    return {
        'errors_total{namespace="shop",pod="web-1"}': steady(5, HOUR),
        'calls_total{namespace="shop",pod="web-1"}': steady(10, HOUR),
        'calls_total{namespace="shop",pod="web-2"}': steady(10, HOUR),
        **buckets("fast", 100, 0, 0, 0),
        **buckets("slow", 50, 40, 10, 0),
        **buckets("beyond", 50, 20, 10, 20),
        'queue{q="grows"}': slope(500, 0.1),
        'queue{q="drains"}': slope(500, -1.0),
        'queue{q="small"}': slope(50, 0.1),
        'up{namespace="shop",job="web",pod="web-1"}': gauge(0),
        'up{namespace="shop",job="web",pod="web-2"}': gauge(1),
        **throttled("web-1", 0.6),
        **throttled("web-2", 0.1),
        **container("web-1", gauge(95)),
        **container("web-2", slope(80, 20 / HOUR)),
        **container("web-3", young(slope(80, 0.1), 10 * MINUTE)),
        **container("web-4", gauge(80)),
        **container("web-5", gauge(10**6), limit=0),
        **container("gone-1", gauge(99)),
        **volume("full", gauge(2)),
        **volume("filling", slope(10, -1 / HOUR)),
        **volume("level", gauge(10)),
        **volume("roomy", slope(60, -10 / HOUR)),
        **volume("read-only", gauge(0)),
        'kube_persistentvolumeclaim_access_mode{namespace="shop",persistentvolumeclaim="read-only",'
        'access_mode="ReadOnlyMany"}': gauge(1),
        **certificate("soon", at + 10 * DAY),
        **certificate("past", at - DAY),
        **certificate("fine", at + 60 * DAY),
        **certificate("never-issued", 0),
    }


def lines(at: float) -> Iterator[Line]:
    """Every two minutes of what is old, every fifteen seconds of what is new."""
    old = [2 * MINUTE * step for step in range(round(3 * DAY / (2 * MINUTE)), 15, -1)]
    new = [15.0 * step for step in range(120, -1, -1)]
    for length, group in ((3 * DAY, SLO_DAYS), (8 * HOUR, hours(at))):
        moments = [ago for ago in (*old, *new) if ago <= length]
        for name, series in group.items():
            for ago in moments:
                value = series(ago)
                if value is not None:
                    yield name, value, at - ago


WORLD = (deployment(replicas=5), replica_set(replicas=5), *(pod(f"web-{n}", running()) for n in range(1, 6)))

CASES: dict[str, dict[str, Any]] = {
    **{
        f"slo-{svc}": {"type": "slo", "objective": 99.9, "total": f'http_requests_total{{svc="{svc}"}}'}
        for svc in ("burn", "over", "drip", "clean", "quiet", "absent")
    },
    "errors": {
        "type": "errorRate",
        "total": "calls_total",
        "errors": "errors_total",
        "by": ["namespace", "pod"],
    },
    "latency-fast": {"type": "latency", "histogram": 'req_seconds_bucket{svc="fast"}', "atMost": 0.8},
    "latency-slow": {"type": "latency", "histogram": 'req_seconds_bucket{svc="slow"}', "atMost": 0.8},
    "latency-beyond": {"type": "latency", "histogram": 'req_seconds_bucket{svc="beyond"}', "atMost": 0.8},
    "latency-untold": {"type": "latency", "histogram": 'req_seconds_bucket{svc="beyond"}', "atMost": 2},
    "queue-grows": {"type": "queueLag", "depth": 'queue{q="grows"}', "atMost": 100},
    "queue-drains": {"type": "queueLag", "depth": 'queue{q="drains"}', "atMost": 100},
    "queue-small": {"type": "queueLag", "depth": 'queue{q="small"}', "atMost": 100},
    "targets": {"type": "targetsUp"},
    "targets-absent": {"type": "targetsUp", "targets": 'up{job="payments"}'},
    "throttled": {"type": "cpuThrottling"},
    "near-limit": {"type": "memoryNearLimit"},
    "leak": {"type": "memoryLeak"},
    "volumes": {"type": "volumeFilling"},
    "certificates": {"type": "certificateExpiry"},
    "certificates-probed": {"type": "certificateExpiry", "expiry": "probe_ssl_earliest_cert_expiry"},
}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Judgement, Observation]:
    """All cases, each an intent of its own, judged on what Prometheus answers."""
    if not is_built("prometheus"):
        pytest.skip("the gym's Prometheus is not built (python -m gym up builds it)")
    intents = [intent(wish, name=name) for name, wish in CASES.items()]
    at = now()
    with recorded(tmp_path_factory.mktemp("recorded"), lines(at)) as (url, _):
        port = PrometheusMetrics(url, SystemClock())
        world = observation(*WORLD, metrics=dict(port.read(metric_queries(intents))))
        port.close()
    return judge(intents, world), world


@pytest.fixture
def seen(answers: tuple[Judgement, Observation]) -> Callable[[str], list[Violation]]:
    judgement, _ = answers

    def of(name: str) -> list[Violation]:
        assert (name, 0) in judgement.judged, [u for u in judgement.unknowns if u.intent == name]
        return sorted(judgement.of(name), key=lambda found: found.target)

    return of


@pytest.mark.prometheus
class TestRules:
    def test_a_budget_that_burns_fast_is_critical_and_one_that_lasts_a_warning(self, seen):
        (burn,), (drip,) = seen("slo-burn"), seen("slo-drip")
        assert (burn.severity, drip.severity) == (Severity.CRITICAL, Severity.WARNING)
        assert 45 < float(burn.facts["value"]) < 50
        assert 1.8 < float(drip.facts["value"]) < 2.1

    def test_a_budget_that_burnt_and_does_no_longer_is_kept(self, seen):
        assert seen("slo-over") == []

    def test_requests_without_a_single_error_are_kept_and_no_requests_are_unknown(self, answers, seen):
        assert seen("slo-clean") == []
        assert {"slo-quiet", "slo-absent"} <= {each.intent for each in answers[0].unknowns}

    def test_errors_of_one_pod_are_its_owners(self, seen):
        (found,) = seen("errors")
        assert (str(found.target), str(found.subject)) == ("Deployment/web", "Pod/web-1")
        assert float(found.facts["value"]) == pytest.approx(0.5)

    def test_a_slow_quantile_breaks_and_one_beyond_the_histogram_is_told_only_if_it_can_be(
        self, answers, seen
    ):
        assert seen("latency-fast") == []
        (slow,), (beyond,) = seen("latency-slow"), seen("latency-beyond")
        assert 0.8 < float(slow.facts["value"]) < 1
        assert float(beyond.facts["value"]) == 1
        assert "latency-untold" in {each.intent for each in answers[0].unknowns}

    def test_a_queue_that_drains_is_kept_and_one_that_grows_is_not(self, seen):
        assert [len(seen(f"queue-{name}")) for name in ("grows", "drains", "small")] == [1, 0, 0]

    def test_a_target_that_is_down_is_its_owners_and_one_that_is_not_there_is_missing(self, seen):
        (down,), (missing,) = seen("targets"), seen("targets-absent")
        assert (down.reason, str(down.target), str(down.subject)) == (
            "TargetDown",
            "Deployment/web",
            "Pod/web-1",
        )
        assert (missing.reason, missing.target.kind) == ("TargetsMissing", "Metric")

    def test_a_throttled_container_is_seen(self, seen):
        (found,) = seen("throttled")
        assert (str(found.subject), found.container) == ("Pod/web-1", "app")
        assert float(found.facts["value"]) == pytest.approx(0.6, abs=0.01)

    def test_only_a_container_of_the_scope_that_has_a_limit_is_near_it(self, seen):
        (found,) = seen("near-limit")
        assert (str(found.subject), found.facts["value"]) == ("Pod/web-1", "0.95")

    def test_growth_is_a_leak_and_neither_a_level_nor_a_start_is(self, answers, seen):
        (found,) = seen("leak")
        assert str(found.subject) == "Pod/web-2"
        assert float(found.facts["value"]) == pytest.approx(1.6, abs=0.02)
        reading = answers[1].metrics["leak/0/forecast"]
        assert isinstance(reading, MetricReading)
        told = {dict(sample.labels)["pod"] for sample in (*reading.held, *reading.broken)}
        assert "web-3" not in told, "too young to be forecast, too full to be kept"

    def test_full_and_filling_volumes_are_told_apart_and_what_is_only_read_is_left_out(self, seen):
        assert [(found.target.name, found.severity) for found in seen("volumes")] == [
            ("filling", Severity.WARNING),
            ("full", Severity.CRITICAL),
        ]

    def test_certificates_expire_soon_or_have_and_nothing_is_said_of_what_was_never_issued(
        self, answers, seen
    ):
        assert [(found.target, found.severity) for found in seen("certificates")] == [
            (("Certificate", "shop", "past", ""), Severity.CRITICAL),
            (("Certificate", "shop", "soon", ""), Severity.WARNING),
        ]
        assert "certificates-probed" in {each.intent for each in answers[0].unknowns}
