"""One case on a real API server: its objects put up, read back, and removed without a trace.

Objects keep the namespaces that the case gives them. What stood before the case is never read as part of it, never
changed and never deleted.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence

from kubernetes import client

from gym.cases.model import Case
from gym.cases.state import CLUSTER_SCOPED, DEFAULT_NAMESPACE, Json, Key, State, key_of, mapping, namespace_of
from gym.cases.world import visible
from gym.paths import GymError
from gym.ready import wait_for_service_account
from gym.run.rest import MERGE, Refused, Rest

CONFLICT = 409
GONE_SECONDS = 60.0
"""A namespace with a few pods is gone after two to six seconds."""

PROVISIONED = "pv.kubernetes.io/provisioned-by"
PROVISIONER = "gym.intentd.io/provisioner"
"""Annotation of volumes that a provisioner made, and how ours signs."""

_FIRST = (
    "Namespace",
    "PriorityClass",
    "RuntimeClass",
    "StorageClass",
    "IngressClass",
    "ClusterRole",
    "Role",
    "ServiceAccount",
    "ClusterRoleBinding",
    "RoleBinding",
    "LimitRange",
    "ValidatingWebhookConfiguration",
    "ConfigMap",
    "Secret",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Service",
    "NetworkPolicy",
)
_LAST = ("ResourceQuota", "PodDisruptionBudget", "HorizontalPodAutoscaler", "Ingress")
"""What stands beside a case comes before the case itself. Within each, what others need comes first, and a quota
comes last, for it would refuse what stood there before it."""

_LOOKED_UP = {
    "IngressClass": ("Ingress",),
    "PersistentVolume": ("PersistentVolumeClaim", "volumeClaimTemplates"),
    "PriorityClass": ("priorityClassName",),
    "RuntimeClass": ("runtimeClassName",),
    "StorageClass": ("PersistentVolumeClaim", "volumeClaimTemplates"),
}
"""Cluster-scoped kinds by the kinds and fields that depend on what is there of them."""

_READ = {
    "v1": (
        "ConfigMap",
        "LimitRange",
        "PersistentVolumeClaim",
        "Pod",
        "ReplicationController",
        "ResourceQuota",
        "Secret",
        "Service",
        "ServiceAccount",
    ),
    "apps/v1": ("DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"),
    "autoscaling/v2": ("HorizontalPodAutoscaler",),
    "batch/v1": ("CronJob", "Job"),
    "networking.k8s.io/v1": ("Ingress", "NetworkPolicy"),
    "policy/v1": ("PodDisruptionBudget",),
    "rbac.authorization.k8s.io/v1": ("Role", "RoleBinding"),
}
"""Kinds that are read besides those of the case: whatever a daemon might touch or create."""


class CannotStage(Exception):  # noqa: N818 - says what it is
    """The API server does not take the case as it is written."""


class Stage:
    """The objects of one case. `set_up` once, then `read` as often as wanted, `tear_down` always."""

    def __init__(self, rest: Rest, core: client.CoreV1Api, case: Case) -> None:
        self._rest, self._core, self._case = rest, core, case
        self._objects = in_order(case)
        self.namespaces = sorted({namespace_of(obj) for obj in self._objects} - {""})
        self._versions = {kind: version for version, kinds in _READ.items() for kind in kinds}
        self._versions |= {obj["kind"]: obj["apiVersion"] for obj in self._objects}
        self._scoped = frozenset(key_of(obj) for obj in self._objects if obj["kind"] in CLUSTER_SCOPED)
        self._before: frozenset[Key] = frozenset()
        self._made: list[str] = []  # namespaces
        self._created: list[Json] = []

    @property
    def claims(self) -> frozenset[str]:
        """What no other case may use at the same time: its namespaces, and the cluster-scoped kinds that it brings or
        looks up. Another case's StorageClass would end the fault of a claim whose class is missing."""
        said = json.dumps(self._objects)
        kinds = {kind for kind, names in _LOOKED_UP.items() if any(f'"{name}"' in said for name in names)}
        kinds |= {kind for kind, _, _ in self._scoped}
        return frozenset([*(f"Namespace/{name}" for name in self.namespaces), *kinds - {"Namespace"}])

    def set_up(self) -> None:
        """Create everything. CannotStage with the API server's words where it refuses an object."""
        for namespace in self.namespaces:
            if self._create_namespace(namespace):
                self._made.append(namespace)
        for namespace in self.namespaces:
            wait_for_service_account(self._core.api_client, namespace)
        try:
            self._before = frozenset(map(key_of, self._listed(self._versions)))
            for obj in self._objects:
                if obj["kind"] != "Namespace":
                    self._create(obj)
        except Refused as error:
            raise CannotStage(f"the API server refuses it: {error}") from error

    def read(self, kinds: Sequence[str] = ()) -> State:
        """The case's objects as the API server has them now, all that a daemon may have made beside them included.
        Only of these kinds where any are named. Raises Refused."""
        wanted = {kind: self._versions[kind] for kind in kinds if kind in self._versions} or self._versions
        return State.of(obj for obj in self._listed(wanted) if key_of(obj) not in self._before)

    def tear_down(self) -> None:
        """Remove everything again and wait until it is gone. GymError where it does not go."""
        for obj in reversed(self._created):
            if obj["kind"] in CLUSTER_SCOPED:
                self._rest.delete(obj["apiVersion"], obj["kind"], "", obj["metadata"]["name"])
        for namespace in self._made:
            self._rest.delete("v1", "Namespace", "", namespace, grace=None)
        borrowed = [name for name in self.namespaces if name not in self._made]
        end = time.monotonic() + GONE_SECONDS
        patience = 0
        while left := [*self._left(borrowed), *self._standing()]:
            if time.monotonic() > end:
                raise GymError(
                    f"{self._case.id} does not go: {', '.join(left[:3])}", "look at the instance's logs"
                )
            patience += 1
            if patience > 10:  # a finalizer of the case's own keeps it
                self._let_go()
            time.sleep(0.3)
        for namespace in borrowed:
            self._rest.delete_all("v1", "Event", namespace)
        for volume in self._rest.list("v1", "PersistentVolume"):
            claim, notes = volume["spec"].get("claimRef", {}), mapping(volume["metadata"].get("annotations"))
            if notes.get(PROVISIONED) == PROVISIONER and claim.get("namespace") in self.namespaces:
                self._rest.delete("v1", "PersistentVolume", "", volume["metadata"]["name"])

    # ------------------------------------------------------------ up

    def _create_namespace(self, name: str) -> bool:
        stated = next(
            (o for o in self._objects if o["kind"] == "Namespace" and o["metadata"]["name"] == name), None
        )
        try:
            self._rest.create(stated or {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        except Refused as error:
            if error.status == CONFLICT:
                return False
            raise CannotStage(f"namespace {name}: {error}") from error
        return True

    def _create(self, obj: Json) -> None:
        try:
            made = self._rest.create(obj, namespace_of(obj) or DEFAULT_NAMESPACE)
        except Refused as error:
            if error.status == CONFLICT and key_of(obj) in self._before:
                return  # it stands in every cluster, as a built-in class or role does
            raise CannotStage(
                f"the API server refuses {obj['kind']}/{obj['metadata']['name']}: {error}"
            ) from error
        self._created.append(obj)
        if obj["kind"] == "PersistentVolume" and (status := obj.get("status")):
            self._rest.patch_status({**obj, "metadata": made["metadata"]}, status)

    # ------------------------------------------------------------ read

    def _listed(self, versions: dict[str, str]) -> Iterator[Json]:
        for kind, version in versions.items():
            if kind in CLUSTER_SCOPED:
                if kind not in ("Namespace", "Node"):
                    yield from map(_bare, filter(self._is_ours, self._rest.list(version, kind)))
                continue
            for namespace in self.namespaces:
                yield from map(_bare, self._rest.list(version, kind, namespace))

    def _is_ours(self, obj: Json) -> bool:
        """Whether a cluster-scoped object is the case's. Others may be of a case that runs beside it, and the daemon has
        no right to make one: only what the case names counts."""
        return key_of(obj) in self._scoped

    # ------------------------------------------------------------ down

    def _left(self, borrowed: Sequence[str]) -> list[str]:
        """Delete what is ours in namespaces that stay; what is still there, in words."""
        if not borrowed:
            return []
        left = []
        for obj in self.read().objects.values():
            metadata = obj["metadata"]
            if metadata.get("namespace") in borrowed:
                left.append(f"{obj['kind']}/{metadata['name']}")
                if not metadata.get("deletionTimestamp"):
                    self._rest.delete(obj["apiVersion"], obj["kind"], metadata["namespace"], metadata["name"])
        return left

    def _standing(self) -> list[str]:
        """Namespaces of ours that are not gone yet."""
        return [f"Namespace/{n}" for n in self._made if self._rest.get("v1", "Namespace", "", n) is not None]

    def _let_go(self) -> None:
        """Take the finalizers from what is being deleted: whoever would have done so does not exist here."""
        for obj in self._listed(self._versions):
            metadata = obj["metadata"]
            if (
                metadata.get("deletionTimestamp")
                and metadata.get("finalizers")
                and key_of(obj) not in self._before
            ):
                self._rest.patch(obj, {"metadata": {"finalizers": None}}, MERGE)


def in_order(case: Case) -> list[Json]:
    """All objects of the case but its nodes, in the order in which they are created."""
    broken = frozenset(map(key_of, case.broken))
    objects = (obj for obj in visible(case) if obj["kind"] != "Node")
    return sorted(objects, key=lambda obj: (key_of(obj) in broken, _place(obj)))


def _place(obj: Json) -> int:
    kind = obj["kind"]
    if kind in _FIRST:
        return _FIRST.index(kind)
    return len(_FIRST) + (1 + _LAST.index(kind) if kind in _LAST else 0)


def _bare(obj: Json) -> Json:
    """Without the record of who wrote which field: nobody who scores asks for it."""
    kept = {name: value for name, value in obj["metadata"].items() if name != "managedFields"}
    return {**obj, "metadata": kept}
