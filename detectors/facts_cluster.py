"""Facts about what workloads stand on: nodes, volumes, admission webhooks."""

from __future__ import annotations

from detectors.facts import Condition, Fact, Part


class Taint(Part, frozen=True):
    """What keeps pods away."""

    key: str = ""
    value: str = ""
    effect: str = ""
    time_added: str | None = None


class NodeSpec(Part, frozen=True):
    """`unschedulable` is a cordon."""

    unschedulable: bool = False
    taints: tuple[Taint, ...] = ()


class NodeStatus(Part, frozen=True):
    """Conditions are Ready, MemoryPressure, DiskPressure, PIDPressure, NetworkUnavailable."""

    conditions: tuple[Condition, ...] = ()
    allocatable: dict[str, str] = {}
    capacity: dict[str, str] = {}


class Node(Fact, frozen=True):
    """A node."""

    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()


class ClaimSpec(Part, frozen=True):
    """The class is None where the default one is meant, and empty where none is."""

    storage_class_name: str | None = None
    volume_name: str = ""
    access_modes: tuple[str, ...] = ()
    volume_mode: str = ""


class ClaimStatus(Part, frozen=True):
    """Phase is Pending, Bound or Lost."""

    phase: str = ""
    conditions: tuple[Condition, ...] = ()


class Claim(Fact, frozen=True):
    """A PersistentVolumeClaim."""

    spec: ClaimSpec = ClaimSpec()
    status: ClaimStatus = ClaimStatus()


class ClaimRef(Part, frozen=True):
    """The claim that a volume is bound to, or was."""

    name: str = ""
    namespace: str = ""
    uid: str = ""


class VolumeSpec(Part, frozen=True):
    """What it is for."""

    storage_class_name: str = ""
    claim_ref: ClaimRef | None = None
    persistent_volume_reclaim_policy: str = ""


class VolumeStatus(Part, frozen=True):
    """Phase is Pending, Available, Bound, Released or Failed."""

    phase: str = ""
    reason: str = ""
    message: str = ""
    last_phase_transition_time: str | None = None


class Volume(Fact, frozen=True):
    """A PersistentVolume."""

    spec: VolumeSpec = VolumeSpec()
    status: VolumeStatus = VolumeStatus()


DEFAULT_CLASS = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)
"""The annotations that make a class the default one (kubernetes pkg/volume/util/storageclass.go reads both)."""


class StorageClass(Fact, frozen=True):
    """A StorageClass."""

    provisioner: str = ""
    volume_binding_mode: str = ""

    @property
    def is_default(self) -> bool:
        """Whether claims that name no class get this one."""
        return any(self.metadata.annotations.get(mark) == "true" for mark in DEFAULT_CLASS)


class WebhookService(Part, frozen=True):
    """Where the API server asks."""

    namespace: str = ""
    name: str = ""
    port: int | None = None


class WebhookClient(Part, frozen=True):
    """A Service, or a URL outside (`service` None)."""

    service: WebhookService | None = None
    url: str | None = None


class Webhook(Part, frozen=True):
    """One webhook; with failurePolicy Fail (the default) what it cannot judge is refused."""

    name: str = ""
    failure_policy: str = ""
    client_config: WebhookClient = WebhookClient()


class WebhookConfiguration(Fact, frozen=True):
    """A ValidatingWebhookConfiguration or a MutatingWebhookConfiguration."""

    webhooks: tuple[Webhook, ...] = ()


TYPES: dict[str, type[Fact]] = {
    "Node": Node,
    "PersistentVolumeClaim": Claim,
    "PersistentVolume": Volume,
    "StorageClass": StorageClass,
    "ValidatingWebhookConfiguration": WebhookConfiguration,
    "MutatingWebhookConfiguration": WebhookConfiguration,
}
