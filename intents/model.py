"""What operators want, as they write it: the `Intent` of apiVersion intentd.io/v1alpha1.

Unknown fields are errors, because a misspelt guardrail that is silently ignored is worse than none. All
models are frozen: an intent changes only by a new file.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from intents.base import DNSName, Duration
from intents.base import Model as _Model
from intents.fields import parse_path
from intents.objectives import Objective
from intents.units import parse_quantity

API_VERSION = "intentd.io/v1alpha1"
WORKLOAD_KINDS = ("Deployment", "StatefulSet", "DaemonSet")
ObjectKind = Literal[
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "Job",
    "CronJob",
    "HorizontalPodAutoscaler",
    "PodDisruptionBudget",
    "ResourceQuota",
    "Service",
    "Ingress",
    "Gateway",
    "HTTPRoute",
    "NetworkPolicy",
    "PersistentVolumeClaim",
]
"""Namespaced kinds that can be judged by themselves (`objectsHealthy`)."""
ClusterKind = Literal[
    "Node",
    "PersistentVolume",
    "StorageClass",
    "ValidatingWebhookConfiguration",
    "MutatingWebhookConfiguration",
]
"""Kinds in no namespace that can be judged (`clusterHealthy`). intentd changes none of them."""
Recreated = Literal["StatefulSet", "Job", "Pod", "PersistentVolumeClaim"]
"""Kinds that can be deleted and created anew without losing anything, in the states that code admits."""


def _quantity(text: str) -> str:
    parse_quantity(text)
    return text


_MOMENT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2})?)?$"


def _moment(text: str) -> str:
    if re.match(_MOMENT, text, re.ASCII) is None:
        raise ValueError(f"{text!r} is not a date, such as 2026-12-23 or 2026-12-23T18:00")
    datetime.fromisoformat(text)
    return text


def _path(text: str) -> str:
    parse_path(text)
    return text


def _number_as_text(value: object) -> object:
    """`min: 1` and `cpu: 0.5` are quantities in every manifest; a bool is not a number."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _integer_as_text(value: object) -> object:
    """`8080` can only mean "8080", but the float 1.1 may have been written 1.10: that stays an error."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Quantity = Annotated[
    str,
    AfterValidator(_quantity),
    BeforeValidator(_number_as_text, json_schema_input_type=str | int | float),
    Field(examples=["64Mi", "250m", "3"]),
]
Text = Annotated[str, BeforeValidator(_integer_as_text, json_schema_input_type=str | int)]
Path = Annotated[str, AfterValidator(_path), Field(examples=["spec.template.spec.containers[*].image"])]


class Mode(StrEnum):
    """How far intentd may go by itself. The order is the order of trust."""

    OBSERVE = "observe"
    PROPOSE = "propose"
    AUTO = "auto"

    @property
    def rank(self) -> int:
        """0 for observe, 2 for auto: the effective mode is the least of several."""
        return ("observe", "propose", "auto").index(self.value)


class Scope(_Model):
    """Which objects the intent is about. One namespace an intent, so that an error stays in one."""

    namespace: DNSName
    kind: ObjectKind | None = Field(default=None, description="Only this kind; any workload where left out.")
    name: DNSName | None = Field(default=None, description="Only the object of this name.")
    match_labels: dict[str, str] = Field(
        default_factory=dict, description="Only objects with all these labels."
    )


class WorkloadHealthy(_Model):
    """Pods of the workload run, are ready and do not restart."""

    type: Literal["workloadHealthy"]


class EndpointsPresent(_Model):
    """The Service has at least so many ready endpoints."""

    type: Literal["endpointsPresent"]
    service: DNSName
    at_least: int = Field(default=1, ge=1)


class ReplicasAtLeast(_Model):
    """The workload has at least so many available replicas."""

    type: Literal["replicasAtLeast"]
    count: int = Field(ge=1)


class MetricHolds(_Model):
    """A PromQL expression compares as stated. The comparison itself runs inside Prometheus.

    `for` is how long it must have been broken before it is a violation.
    """

    type: Literal["metric"]
    query: str = Field(min_length=1, max_length=4000)
    operator: Literal["<", "<=", ">", ">=", "==", "!="]
    threshold: float = Field(allow_inf_nan=False)
    for_: Duration = Field(default="0s", alias="for")
    summary: str = Field(default="", max_length=300, description="What it means when this is broken.")


class ManifestDesired(_Model):
    """The object exists and its fields are as in this manifest (fields left out are free)."""

    type: Literal["manifest"]
    manifest: dict[str, Any]

    @model_validator(mode="after")
    def _is_an_object(self) -> ManifestDesired:
        meta = self.manifest.get("metadata")
        if not (
            self.manifest.get("apiVersion")
            and self.manifest.get("kind")
            and isinstance(meta, dict)
            and meta.get("name")
        ):
            raise ValueError("a manifest needs apiVersion, kind and metadata.name")
        return self


class TrafficPath(_Model):
    """Pods with the labels of `from` have to be able to reach this port of pods with the labels of `to`, both in the
    scope's namespace. Judged by the rules of NetworkPolicies, not by traffic."""

    from_: dict[str, str] = Field(alias="from", min_length=1)
    to: dict[str, str] = Field(min_length=1)
    port: Annotated[int, Field(ge=1, le=65535)] | Annotated[str, Field(min_length=1, max_length=15)] = Field(
        description="A number, or a container port's name."
    )
    protocol: Literal["TCP", "UDP", "SCTP"] = "TCP"


class ObjectsHealthy(_Model):
    """Jobs end, CronJobs run, autoscalers, budgets, routes, policies and claims do what they are for."""

    type: Literal["objectsHealthy"]
    kinds: tuple[ObjectKind, ...] = Field(default=(), description="Only these kinds; all where left out.")
    paths: tuple[TrafficPath, ...] = Field(
        default=(), max_length=50, description="Paths that no NetworkPolicy may cut."
    )


class ClusterHealthy(_Model):
    """Nodes, volumes, storage classes and admission webhooks carry the workloads. People mend these: intentd
    reports them. They stand in no namespace, so the scope does not narrow them."""

    type: Literal["clusterHealthy"]
    kinds: tuple[ClusterKind, ...] = Field(default=(), description="Only these kinds; all where left out.")


Expectation = Annotated[
    WorkloadHealthy
    | ObjectsHealthy
    | ClusterHealthy
    | EndpointsPresent
    | ReplicasAtLeast
    | MetricHolds
    | ManifestDesired
    | Objective,
    Field(discriminator="type"),
]


class Editable(_Model):
    """One field that a fix may change, and how far. No entry, no change.

    A number or quantity must stay within `min`..`max` where given; a string must fully match `pattern`
    (RE2-like, applied to the whole value) or be one of `values` where given.
    """

    kind: Literal["Deployment", "StatefulSet", "DaemonSet", "Service", "ConfigMap"] | Recreated = "Deployment"
    path: Path
    min: Quantity | None = None
    max: Quantity | None = None
    pattern: str | None = Field(default=None, max_length=500)
    values: tuple[Text, ...] | None = None


class Budget(_Model):
    """At most `changes` writes within `per`, over all objects of the intent."""

    changes: int = Field(default=3, ge=0, le=1000)
    per: Duration = "1h"


class Window(_Model):
    """When changes are allowed, in the named IANA time zone; without days, every day."""

    days: tuple[Literal["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"], ...] = ()
    start: str = Field(default="00:00", pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")
    end: str = Field(default="24:00", pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")
    time_zone: str = "UTC"


def _date_as_text(value: object) -> object:
    """YAML readers other than ours make dates of `2026-12-23`."""
    return value.isoformat() if isinstance(value, date) else value


Moment = Annotated[
    str,
    BeforeValidator(_date_as_text),
    Field(
        examples=["2026-12-23", "2026-12-23T18:00"],
        json_schema_extra={"pattern": _MOMENT},
    ),
    AfterValidator(_moment),
]
"""A date, or a date and time of day, in the time zone named beside it."""


class Freeze(_Model):
    """No change from the first moment to the last. A date as `until` is the last frozen day."""

    from_: Moment = Field(alias="from")
    until: Moment
    time_zone: str = "UTC"
    reason: str = Field(min_length=1, max_length=300, description="Why; people read it in every refusal.")

    def bounds(self) -> tuple[datetime, datetime]:
        """First local moment inside and first one after, without a zone."""
        end = datetime.fromisoformat(self.until)
        return datetime.fromisoformat(self.from_), end if "T" in self.until else end + timedelta(days=1)


class Gate(_Model):
    """A PromQL expression that holds changes back while it returns any sample, such as
    `ALERTS{alertname="EtcdDown",alertstate="firing"}`."""

    query: str = Field(min_length=1, max_length=4000)
    reason: str = Field(default="", max_length=300, description="What it means when this holds back.")


class Verification(_Model):
    """How long the violation must stay away before a fix counts (ARCHITECTURE invariant 6), and how
    long it may take to go away first."""

    window: Duration = "60s"
    timeout: Duration = "5m"


class Rehearsal(_Model):
    """A change of a pod template is first tried as a canary: one Pod of the changed template beside the
    workload, which no Service selects (docs/rehearsal.md). It must come up within `timeout` and then be healthy
    for the whole `window`. A copy does what the program does: it reads queues and runs migrations."""

    window: Duration = "30s"
    timeout: Duration = "5m"


class IntentSpec(_Model):
    """The body of an intent."""

    scope: Scope
    expectations: tuple[Expectation, ...] = Field(min_length=1, max_length=50)
    mode: Mode = Mode.OBSERVE
    approvals: int = Field(
        default=1, ge=1, le=10, description="How many different people have to approve a proposed change."
    )
    editable: tuple[Editable, ...] = ()
    recreate: tuple[Recreated, ...] = Field(
        default=(),
        description="Kinds that may be deleted and created anew where a field that has to change never can; for "
        "others, and without it, a person has to approve that.",
    )
    budget: Budget = Budget()
    cooldown: Duration = Field(default="5m", description="Least time between two changes of one object.")
    window: Window | None = Field(default=None, description="Changes only then; always where left out.")
    freezes: tuple[Freeze, ...] = Field(default=(), max_length=100, description="No change in these times.")
    gates: tuple[Gate, ...] = Field(
        default=(), max_length=20, description="No change while one of these returns a sample."
    )
    verification: Verification = Verification()
    rehearsal: Rehearsal | None = Field(
        default=None, description="Try a changed pod template as a canary first; not where left out."
    )


class Metadata(_Model):
    """Name and labels, as on any Kubernetes object."""

    name: DNSName
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)


class Intent(_Model):
    """One stored intent."""

    api_version: Literal["intentd.io/v1alpha1"]
    kind: Literal["Intent"]
    metadata: Metadata
    spec: IntentSpec

    @property
    def name(self) -> str:
        """The intent's name; unique in a catalog."""
        return self.metadata.name
