"""Facts: the few fields of Kubernetes objects that detectors read, decoded straight from response bytes.

Partial structs (msgspec) instead of the client's models: the same list costs a fraction of the time and
memory. A field that the API server left out is None or empty, exactly as sent; nothing is defaulted here,
because a default would turn "not said" into a claim. Structs that hold no references to themselves opt out
of garbage collection, which keeps 20,000 pods cheap.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct


class Part(Struct, frozen=True, rename="camel", gc=False, omit_defaults=True):
    """Part of an object: camelCase on the wire, frozen, not tracked by the garbage collector."""


class Owner(Part, frozen=True):
    """One owner reference."""

    kind: str
    name: str
    uid: str = ""
    controller: bool = False


class ObjectMeta(Part, frozen=True):
    """Identity, labels and the marks that hands-off rules read."""

    name: str
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: str = ""
    deletion_timestamp: str | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    owner_references: tuple[Owner, ...] = ()
    finalizers: tuple[str, ...] = ()


class Condition(Part, frozen=True):
    """One status condition of any kind."""

    type: str
    status: str
    reason: str = ""
    message: str = ""
    last_transition_time: str | None = None
    last_update_time: str | None = None  # Deployments: when the rollout last made progress


class Fact(Part, frozen=True):
    """A whole object: what every kind has."""

    metadata: ObjectMeta


class Waiting(Part, frozen=True):
    """Why a container does not run yet."""

    reason: str = ""
    message: str = ""


class Terminated(Part, frozen=True):
    """How a container ended."""

    exit_code: int = 0
    signal: int = 0
    reason: str = ""
    message: str = ""
    started_at: str | None = None
    finished_at: str | None = None


class Running(Part, frozen=True):
    """A container that runs."""

    started_at: str | None = None


class ContainerState(Part, frozen=True):
    """Exactly one of the three is set; none means that the kubelet has not said yet."""

    waiting: Waiting | None = None
    running: Running | None = None
    terminated: Terminated | None = None


class ContainerStatus(Part, frozen=True):
    """One container as the kubelet reports it."""

    name: str
    image: str = ""
    ready: bool = False
    restart_count: int = 0
    started: bool | None = None
    state: ContainerState = ContainerState()
    last_state: ContainerState = ContainerState()


class ContainerPort(Part, frozen=True):
    """A declared port."""

    container_port: int
    name: str = ""
    protocol: str = "TCP"


class Container(Part, frozen=True):
    """The declared side of a container: what detectors compare with its status."""

    name: str
    image: str = ""
    ports: tuple[ContainerPort, ...] = ()


class PodSpec(Part, frozen=True):
    """Containers and node; everything else is read on demand as evidence."""

    containers: tuple[Container, ...] = ()
    node_name: str | None = None


class PodStatus(Part, frozen=True):
    """Phase, conditions and container states."""

    phase: str = ""
    reason: str = ""
    message: str = ""
    conditions: tuple[Condition, ...] = ()
    container_statuses: tuple[ContainerStatus, ...] = ()
    init_container_statuses: tuple[ContainerStatus, ...] = ()


class Pod(Fact, frozen=True):
    """A pod."""

    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()


class Requirement(Part, frozen=True):
    """One matchExpressions entry: In, NotIn, Exists or DoesNotExist."""

    key: str
    operator: str
    values: tuple[str, ...] = ()


class LabelSelector(Part, frozen=True):
    """All of it has to match. See `selects` for what an empty one means."""

    match_labels: dict[str, str] = {}
    match_expressions: tuple[Requirement, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether it says nothing."""
        return not self.match_labels and not self.match_expressions


class TemplateMeta(Part, frozen=True):
    """Labels that the workload gives its pods; a claim template has a name."""

    labels: dict[str, str] = {}
    name: str = ""


class Probe(Part, frozen=True):
    """When a probe gives up. The server writes its defaults (0, 10, 1, 3) into what is stored, except a delay of 0."""

    initial_delay_seconds: int | None = None
    period_seconds: int | None = None
    timeout_seconds: int | None = None
    failure_threshold: int | None = None


class TemplateContainer(Container, frozen=True):
    """What is read of a container in its template alone, once for all its pods. `restart_policy` Always makes an
    init container a sidecar, which is meant to run on."""

    liveness_probe: Probe | None = None
    readiness_probe: Probe | None = None
    startup_probe: Probe | None = None
    restart_policy: str | None = None


class SpreadConstraint(Part, frozen=True):
    """How evenly pods are to stand over the values of a node label (`topology_key`)."""

    max_skew: int = 0
    topology_key: str = ""
    when_unsatisfiable: str = ""
    label_selector: LabelSelector | None = None


class ClaimSource(Part, frozen=True):
    """The claim that a volume stands for."""

    claim_name: str = ""


class TemplateVolume(Part, frozen=True):
    """A volume of a template, where it is a claim."""

    name: str = ""
    persistent_volume_claim: ClaimSource | None = None


class Affinity(Part, frozen=True):
    """Whether the template says where its pods may stand at all; how is the scheduler's matter."""

    node_affinity: Any = None
    pod_affinity: Any = None


class TemplateSpec(Part, frozen=True):
    """What a template says and 20,000 pods would only repeat."""

    containers: tuple[TemplateContainer, ...] = ()
    init_containers: tuple[TemplateContainer, ...] = ()
    termination_grace_period_seconds: int | None = None
    node_selector: dict[str, str] = {}
    affinity: Affinity | None = None
    topology_spread_constraints: tuple[SpreadConstraint, ...] = ()
    volumes: tuple[TemplateVolume, ...] = ()


class PodTemplate(Part, frozen=True):
    """The pod template's part that detectors read."""

    metadata: TemplateMeta = TemplateMeta()
    spec: TemplateSpec = TemplateSpec()


class ClaimTemplateSpec(Part, frozen=True):
    """The class is None where the default one is meant, and empty where none is."""

    storage_class_name: str | None = None


class ClaimTemplate(Part, frozen=True):
    """One claim that a StatefulSet makes for each of its pods."""

    metadata: TemplateMeta = TemplateMeta()
    spec: ClaimTemplateSpec = ClaimTemplateSpec()


class WorkloadSpec(Part, frozen=True):
    """Replicas are None where the field is absent (the server's default is 1)."""

    replicas: int | None = None
    paused: bool = False
    selector: LabelSelector = LabelSelector()
    template: PodTemplate = PodTemplate()
    progress_deadline_seconds: int | None = None
    min_ready_seconds: int = 0
    service_name: str = ""  # StatefulSet
    volume_claim_templates: tuple[ClaimTemplate, ...] = ()  # StatefulSet


class WorkloadStatus(Part, frozen=True):
    """Counts of Deployments, StatefulSets, DaemonSets and ReplicaSets under their own names."""

    observed_generation: int = 0
    replicas: int = 0
    updated_replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    unavailable_replicas: int = 0
    desired_number_scheduled: int = 0
    number_ready: int = 0
    number_available: int = 0
    updated_number_scheduled: int = 0
    number_misscheduled: int = 0
    conditions: tuple[Condition, ...] = ()


class ManagedFields(Part, frozen=True):
    """Who wrote some fields last, and when; of the fields themselves nothing."""

    time: str | None = None
    subresource: str = ""


class WorkloadMeta(ObjectMeta, frozen=True):
    """Also when it was changed last: nothing else tells how old a spec is."""

    managed_fields: tuple[ManagedFields, ...] = ()


class Workload(Fact, frozen=True):
    """A Deployment, StatefulSet, DaemonSet or ReplicaSet; the kind is the key it is stored under."""

    metadata: WorkloadMeta
    spec: WorkloadSpec = WorkloadSpec()
    status: WorkloadStatus = WorkloadStatus()


class ServicePort(Part, frozen=True):
    """targetPort is a number or a port's name."""

    port: int
    name: str = ""
    target_port: int | str | None = None
    protocol: str = "TCP"


class ServiceSpec(Part, frozen=True):
    """The selector and the ports."""

    selector: dict[str, str] = {}
    ports: tuple[ServicePort, ...] = ()
    type: str = "ClusterIP"
    external_name: str | None = None


class Service(Fact, frozen=True):
    """A Service."""

    spec: ServiceSpec = ServiceSpec()


class EndpointConditions(Part, frozen=True):
    """`ready` None means true, as the API says ("unknown state should be interpreted as ready")."""

    ready: bool | None = None


class Endpoint(Part, frozen=True):
    """One backend address."""

    addresses: tuple[str, ...] = ()
    conditions: EndpointConditions = EndpointConditions()


class EndpointPort(Part, frozen=True):
    """A port that the endpoints of a slice serve."""

    port: int | None = None
    name: str | None = None


class EndpointSlice(Fact, frozen=True):
    """A slice of a Service's endpoints (label `kubernetes.io/service-name`).

    A slice without ports is what the controller writes when the Service's named target port is on none
    of the pods: addresses without a way in.
    """

    endpoints: tuple[Endpoint, ...] | None = ()
    ports: tuple[EndpointPort, ...] | None = None


class ConfigMap(Fact, frozen=True):
    """Names of the keys only; the values are evidence, read when a case needs them."""

    data: dict[str, msgspec.Raw] = {}

    @property
    def keys(self) -> frozenset[str]:
        """The keys that a pod can refer to."""
        return frozenset(self.data)


FACT_TYPES: dict[str, type[Fact]] = {
    "Pod": Pod,
    "Deployment": Workload,
    "ReplicaSet": Workload,
    "StatefulSet": Workload,
    "DaemonSet": Workload,
    "Service": Service,
    "EndpointSlice": EndpointSlice,
}
"""The kinds that are always watched. ConfigMaps are not: they can be large and hold secrets by mistake; the few
that a case names are read as evidence. Kinds that only some intents need: detectors.watched."""


class ListMeta(Part, frozen=True):
    """Paging and the point from which to watch."""

    resource_version: str = ""
    continue_: Annotated[str, Meta()] = msgspec.field(default="", name="continue")
    remaining_item_count: int | None = None


class Sample(Part, frozen=True):
    """One series of an instant vector."""

    labels: tuple[tuple[str, str], ...]
    value: float


def labels_match(selector: dict[str, str], labels: dict[str, str]) -> bool:
    """Whether an equality selector selects these labels. An empty selector selects nothing here: on a
    Service it means "no selector", and a rule that matches everything by omission is never what a healer
    should act on."""
    return bool(selector) and all(labels.get(key) == value for key, value in selector.items())


def selects(selector: LabelSelector, labels: dict[str, str]) -> bool | None:
    """Whether a LabelSelector selects these labels, as apimachinery's pkg/apis/meta/v1 reads it: an empty one
    selects everything. None where it holds an operator that is not known here."""
    if any(labels.get(key) != value for key, value in selector.match_labels.items()):
        return False
    answers = [_meets(requirement, labels) for requirement in selector.match_expressions]
    if False in answers:
        return False
    return None if None in answers else True


def _meets(requirement: Requirement, labels: dict[str, str]) -> bool | None:
    value = labels.get(requirement.key)
    match requirement.operator:
        case "In":
            return value in requirement.values
        case "NotIn":
            return value not in requirement.values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case _:
            return None


Json = dict[str, Any]
