"""Where each kind lives in the API: one closed table.

A kind that is not here can be neither read nor written. Secret is left out on purpose (ARCHITECTURE,
invariant 9).
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote

from detectors.model import ObjectRef
from remediation.merge_keys import RECREATED

CORE = "/api/v1"
APPS = "/apis/apps/v1"
NETWORK = "/apis/networking.k8s.io/v1"
STORAGE = "/apis/storage.k8s.io/v1"
GATEWAY = "/apis/gateway.networking.k8s.io/v1"
ADMISSION = "/apis/admissionregistration.k8s.io/v1"
BATCH = "/apis/batch/v1"
POLICY = "/apis/policy/v1"


class Resource(NamedTuple):
    """One kind: its apiVersion, the prefix of its paths and its plural name there. Not `namespaced`: it stands
    in no namespace. `optional`: a cluster may not know it, and then there are none."""

    kind: str
    api_version: str
    prefix: str
    plural: str

    namespaced: bool = True
    optional: bool = False

    def collection(self, namespace: str = "") -> str:
        """The path of the list, of one namespace or of all."""
        inside = f"/namespaces/{quote(namespace, safe='')}" if namespace and self.namespaced else ""
        return f"{self.prefix}{inside}/{self.plural}"

    def item(self, namespace: str, name: str) -> str:
        """The path of one object."""
        return f"{self.collection(namespace)}/{quote(name, safe='')}"


def _webhooks(what: str) -> Resource:
    kind = f"{what}WebhookConfiguration"
    plural = f"{kind.lower()}s"
    return Resource(kind, "admissionregistration.k8s.io/v1", ADMISSION, plural, namespaced=False)


RESOURCES: dict[str, Resource] = {
    resource.kind: resource
    for resource in (
        Resource("Pod", "v1", CORE, "pods"),
        Resource("Service", "v1", CORE, "services"),
        Resource("ConfigMap", "v1", CORE, "configmaps"),
        Resource("Namespace", "v1", CORE, "namespaces", namespaced=False),
        Resource("PodDisruptionBudget", "policy/v1", POLICY, "poddisruptionbudgets"),
        Resource("Event", "v1", CORE, "events"),
        Resource("Deployment", "apps/v1", APPS, "deployments"),
        Resource("ReplicaSet", "apps/v1", APPS, "replicasets"),
        Resource("StatefulSet", "apps/v1", APPS, "statefulsets"),
        Resource("DaemonSet", "apps/v1", APPS, "daemonsets"),
        Resource("Job", "batch/v1", BATCH, "jobs"),
        Resource("CronJob", "batch/v1", BATCH, "cronjobs"),
        Resource("PersistentVolumeClaim", "v1", CORE, "persistentvolumeclaims"),
        Resource("EndpointSlice", "discovery.k8s.io/v1", "/apis/discovery.k8s.io/v1", "endpointslices"),
        Resource(
            "HorizontalPodAutoscaler", "autoscaling/v2", "/apis/autoscaling/v2", "horizontalpodautoscalers"
        ),
        Resource(
            "VerticalPodAutoscaler",
            "autoscaling.k8s.io/v1",
            "/apis/autoscaling.k8s.io/v1",
            "verticalpodautoscalers",
            optional=True,
        ),
        Resource("CronJob", "batch/v1", BATCH, "cronjobs"),
        Resource("ResourceQuota", "v1", CORE, "resourcequotas"),
        Resource("Ingress", "networking.k8s.io/v1", NETWORK, "ingresses"),
        Resource("IngressClass", "networking.k8s.io/v1", NETWORK, "ingressclasses", namespaced=False),
        Resource("NetworkPolicy", "networking.k8s.io/v1", NETWORK, "networkpolicies"),
        Resource("Gateway", "gateway.networking.k8s.io/v1", GATEWAY, "gateways", optional=True),
        Resource("HTTPRoute", "gateway.networking.k8s.io/v1", GATEWAY, "httproutes", optional=True),
        Resource("Node", "v1", CORE, "nodes", namespaced=False),
        Resource("PersistentVolume", "v1", CORE, "persistentvolumes", namespaced=False),
        Resource("StorageClass", "storage.k8s.io/v1", STORAGE, "storageclasses", namespaced=False),
        _webhooks("Validating"),
        _webhooks("Mutating"),
    )
}

WRITABLE = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Service", "ConfigMap"})
"""The kinds that a patch may name at all; the guards decide the rest."""

CREATABLE = WRITABLE | RECREATED.keys()
"""The kinds that a creation or a deletion may name: also those that are only ever recreated, and the
Pod of a rehearsal."""


def path_of(ref: ObjectRef) -> str | None:
    """The path of an object, None for a kind that intentd does not know or a name that names nothing."""
    resource = RESOURCES.get(ref.kind)
    if (
        resource is None
        or not ref.name
        or ref.name in {".", ".."}
        or resource.namespaced != bool(ref.namespace)
    ):
        return None
    return resource.item(ref.namespace, ref.name)
