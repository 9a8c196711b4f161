"""Expectations about metrics that need no PromQL: what must hold, from which series, how much, for how long.

Code makes the queries (detectors/prometheus, a file for each). Series are named by selectors, not by
expressions, because ranges and further matchers are put onto them. Every default names its source.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from intents.base import DNSName, Duration, Model, Span
from intents.selectors import EXAMPLE, parse_selector
from intents.units import parse_duration


def _series(text: str) -> str:
    parse_selector(text)
    return text


def _group(label: str) -> str:
    if label == "le" or label.startswith(("__", "intentd")):
        raise ValueError(f"{label!r} cannot be grouped by, such as pod")
    return label


Series = Annotated[str, AfterValidator(_series), Field(examples=[EXAMPLE])]
"""A series selector: a metric and matchers; no function, no range."""
GroupLabel = Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]{0,99}$"), AfterValidator(_group)]
Ratio = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]

SUMMARY = Field(default="", max_length=300, description="What it means when this is broken.")
BY = Field(
    default=(),
    max_length=5,
    description="Judge each value of these labels apart; with `pod` a violation names the pod and its owner.",
)


class _Requests(Model):
    """Requests that may fail: two counters."""

    total: Series = Field(description="A counter of all requests.")
    errors: Series | None = Field(
        default=None,
        description='A counter of those that failed; where left out, `total` with `code=~"5.."`.',
    )
    summary: str = SUMMARY


class SLO(_Requests):
    """The share of good requests reaches the objective: the error budget burns no faster than it may, over long and
    short windows at once.

    Windows and factors: Google's SRE workbook, "Alerting on SLOs", table 5-8. With a period of 30d: 14.4 times over 1h
    and 5m, 6 times over 6h and 30m (both critical), once over 3d and 6h (a warning).
    """

    type: Literal["slo"]
    objective: float = Field(gt=0, lt=100, description="Percent of requests that must be good, such as 99.9.")
    period: Span = Field(
        default="30d", description="The period for which the objective is promised; 7d at least."
    )

    @model_validator(mode="after")
    def _longer_than_its_windows(self) -> SLO:
        if parse_duration(self.period) < parse_duration("7d"):
            raise ValueError("the period is shorter than 7d, such as 30d")
        return self


class ErrorRate(_Requests):
    """At most this share of requests fails. Without requests it is unknown.

    5 % for a minute is what awesome-prometheus-alerts calls too many HTTP 5xx (NginxHighHttp5xxErrorRate); over five
    minutes, so that one scrape does not decide.
    """

    type: Literal["errorRate"]
    at_most: Ratio = 0.05
    window: Span = "5m"
    for_: Duration = Field(default="1m", alias="for")
    by: tuple[GroupLabel, ...] = BY


class Latency(Model):
    """At most this long takes the given share of requests, by a classic histogram.

    Where the quantile lies beyond the histogram's last bound below `atMost`, nobody can tell: unknown. For two minutes:
    awesome-prometheus-alerts, NginxLatencyHigh (p99).
    """

    type: Literal["latency"]
    histogram: Series = Field(
        description="The histogram's buckets (`..._bucket`).",
        examples=['http_request_duration_seconds_bucket{job="shop"}'],
    )
    quantile: float = Field(default=0.99, gt=0, lt=1)
    at_most: float = Field(
        gt=0, allow_inf_nan=False, description="In the histogram's unit: seconds, by Prometheus' convention."
    )
    window: Span = "5m"
    for_: Duration = Field(default="2m", alias="for")
    by: tuple[GroupLabel, ...] = BY
    summary: str = SUMMARY

    @model_validator(mode="after")
    def _counts_buckets(self) -> Latency:
        if not parse_selector(self.histogram).metric.endswith("_bucket"):
            raise ValueError(
                "a latency needs the buckets of a classic histogram, such as http_request_duration_seconds_bucket"
            )
        return self


class QueueLag(Model):
    """At most this much waits, unless it is draining: broken where it is more, and at the trend of `window` still
    will be after `drainWithin`.

    Linear regression over half an hour, as Burrow judges consumers by the trend of their lag and not by its size
    alone; the times are ours.
    """

    type: Literal["queueLag"]
    depth: Series = Field(
        description="A gauge of what waits; summed.",
        examples=['rabbitmq_queue_messages_ready{queue="orders"}', 'kafka_consumergroup_lag{topic="orders"}'],
    )
    at_most: float = Field(ge=0, allow_inf_nan=False)
    window: Span = Field(default="30m", description="Of which the trend is taken.")
    drain_within: Span = "15m"
    for_: Duration = Field(default="5m", alias="for")
    by: tuple[GroupLabel, ...] = BY
    summary: str = SUMMARY


class TargetsUp(Model):
    """Prometheus reaches these targets, and knows of so many at least. None at all is broken, not unknown, as long as
    Prometheus has any other target.

    Ten minutes: kube-prometheus, TargetDown.
    """

    type: Literal["targetsUp"]
    targets: Series | None = Field(
        default=None,
        description="Which; those of the scope's namespace where left out.",
        examples=['up{job="shop"}'],
    )
    at_least: int = Field(
        default=1, ge=0, le=100_000, description="Targets that must be known; 0: any number."
    )
    for_: Duration = Field(default="10m", alias="for")

    @model_validator(mode="after")
    def _is_up(self) -> TargetsUp:
        if self.targets is not None and parse_selector(self.targets).metric != "up":
            raise ValueError('targets are series of the metric up, such as up{job="shop"}')
        return self


class CPUThrottling(Model):
    """No container in scope is held back by its CPU limit for more than this share of the scheduler's periods.

    A quarter over five minutes, for fifteen: kubernetes-mixin, CPUThrottlingHigh.
    """

    type: Literal["cpuThrottling"]
    at_most: Ratio = 0.25
    window: Span = "5m"
    for_: Duration = Field(default="15m", alias="for")


class MemoryNearLimit(Model):
    """No container in scope uses more than this share of its memory limit (the working set, by which the kernel kills).

    awesome-prometheus-alerts (ContainerHighMemoryUsage) takes 80 % for 2m, which a heap of fixed size may hold for
    ever: 90 % for 15m is ours.
    """

    type: Literal["memoryNearLimit"]
    at_most: Ratio = 0.9
    for_: Duration = Field(default="15m", alias="for")


class MemoryLeak(Model):
    """No container in scope that uses more than `atLeastUsed` of its memory limit will reach it at the present trend
    within the given time. One that is younger than `window` and uses more is not judged.

    Shape: kubernetes-mixin, KubePersistentVolumeFillingUp (a level and a forecast). No rule on memory is published;
    the times are ours: an hour is longer than caches and just-in-time compilers warm up.
    """

    type: Literal["memoryLeak"]
    at_least_used: Ratio = 0.5
    window: Span = Field(default="1h", description="Of which the trend is taken.")
    within: Span = "4h"
    for_: Duration = Field(default="15m", alias="for")


class VolumeFilling(Model):
    """No claim has less than `critical` of its space left, or less than `warning` and at the present trend none soon.

    3 % for a minute; 15 %, and none within four days at the trend of six hours, for an hour: kubernetes-mixin,
    KubePersistentVolumeFillingUp.
    """

    type: Literal["volumeFilling"]
    claim: DNSName | None = Field(
        default=None,
        description="Only this PersistentVolumeClaim; else those of the StatefulSet that the scope names, else all of "
        "the namespace.",
    )
    critical: Ratio = 0.03
    warning: Ratio = 0.15
    window: Span = Field(default="6h", description="Of which the trend is taken.")
    within: Span = "4d"
    for_: Duration = Field(default="1h", alias="for", description="For the warning; 1m for what is critical.")


class CertificateExpiry(Model):
    """No certificate expires sooner. Critical once it has.

    21 days: cert-manager's mixin (CertManagerCertExpirySoon); cert-manager renews a third of the lifetime before the
    end, which is 30 days of 90.
    """

    type: Literal["certificateExpiry"]
    expiry: Series | None = Field(
        default=None,
        description="When, as Unix time; cert-manager's certificates of the scope's namespace where left out.",
        examples=['probe_ssl_earliest_cert_expiry{instance="https://shop.example"}'],
    )
    at_least: Span = Field(default="21d", description="How long it must still be valid.")
    for_: Duration = Field(default="1h", alias="for")


Objective = (
    SLO
    | ErrorRate
    | Latency
    | QueueLag
    | TargetsUp
    | CPUThrottling
    | MemoryNearLimit
    | MemoryLeak
    | VolumeFilling
    | CertificateExpiry
)
