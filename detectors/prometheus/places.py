"""From a series' labels to the object that it is about.

A metric tells that something is wrong; its labels may tell where: `pod` and `container` lead to the pod's top owner,
`persistentvolumeclaim` to the claim, `deployment` and the like to the workload. Where they do not, the object that
the intent's scope names is meant; where that names none, the target is of kind `Metric`, which no patch can change.
"""

from __future__ import annotations

from typing import NamedTuple

from detectors.base import View
from detectors.facts import Pod, Sample, labels_match
from detectors.model import ObjectRef
from detectors.world import ref, scope_kinds
from intents.model import WORKLOAD_KINDS

METRIC = "Metric"
"""The kind of a target that is no object."""
_KINDS = {
    "deployment": "Deployment",
    "statefulset": "StatefulSet",
    "daemonset": "DaemonSet",
    "service": "Service",
}
"""Labels that name an object, as kube-state-metrics writes them, which Prometheus operator targets share."""


class Place(NamedTuple):
    """What a fix would change, where it was seen, and in which container."""

    target: ObjectRef
    subject: ObjectRef
    container: str | None = None


def scope_target(view: View) -> ObjectRef:
    """The object that the scope names, where it is there; else the metric itself."""
    scope = view.scope
    if scope.name is not None:
        for kind in (scope.kind,) if scope.kind else WORKLOAD_KINDS:
            named = view.world.find(ObjectRef(kind, scope.namespace, scope.name))
            if named is not None:
                return ref(kind, named.metadata)
    return ObjectRef(METRIC, scope.namespace, f"{view.intent.name}.{view.index}")


def of_scope(view: View, _: Sample) -> Place:
    """Whatever the labels: what the scope names."""
    target = scope_target(view)
    return Place(target, target)


def of_pod(view: View, sample: Sample) -> Place | None:
    """The workload in scope that owns the pod; None for a pod that is gone or nobody's in scope."""
    labels = dict(sample.labels)
    pod = _pod(view, labels)
    if pod is None:
        return None
    owner = view.world.top_owner(pod)
    if not _in_scope(view, owner):
        return None
    return Place(owner, ref("Pod", pod.metadata), labels.get("container") or None)


def of_labels(view: View, sample: Sample) -> Place:
    """What the labels name, if the scope does not say it already; nothing of another namespace."""
    target = scope_target(view)
    labels = dict(sample.labels)
    if labels.get("namespace", view.scope.namespace) != view.scope.namespace:
        return Place(target, target)
    pod = _pod(view, labels)
    if pod is not None:
        subject = ref("Pod", pod.metadata)
        owner = view.world.top_owner(pod) if target.kind == METRIC else target
        return Place(owner, subject, labels.get("container") or None)
    if target.kind == METRIC:
        for label, kind in _KINDS.items():
            named = view.world.find(ObjectRef(kind, view.scope.namespace, labels.get(label, "")))
            if named is not None:
                target = ref(kind, named.metadata)
                break
    return Place(target, target)


def of_claim(view: View, sample: Sample) -> Place | None:
    """The PersistentVolumeClaim that the kubelet reports on."""
    labels = dict(sample.labels)
    name = labels.get("persistentvolumeclaim")
    if not name or labels.get("namespace") != view.scope.namespace:
        return None
    claim = ObjectRef("PersistentVolumeClaim", view.scope.namespace, name)
    return Place(claim, claim)


def of_certificate(view: View, sample: Sample) -> Place:
    """cert-manager's Certificate; for a probe what the scope names. Where Prometheus does not honour labels, the
    certificate's namespace is `exported_namespace`."""
    labels = dict(sample.labels)
    namespace = labels.get("exported_namespace") or labels.get("namespace")
    name = labels.get("name")
    if name and namespace == view.scope.namespace:
        certificate = ObjectRef("Certificate", namespace, name)
        return Place(certificate, certificate)
    return of_scope(view, sample)


def _in_scope(view: View, owner: ObjectRef) -> bool:
    """Whether the scope selects this workload (World.in_scope, asked of one)."""
    scope = view.scope
    if owner.kind not in scope_kinds(scope) or scope.name not in (None, owner.name):
        return False
    found = view.world.find(owner)
    if found is None:
        return False
    return not scope.match_labels or labels_match(scope.match_labels, found.metadata.labels)


def _pod(view: View, labels: dict[str, str]) -> Pod | None:
    if labels.get("namespace", view.scope.namespace) != view.scope.namespace:
        return None
    pod = view.world.observation.pods().get((view.scope.namespace, labels.get("pod", "")))
    return pod if isinstance(pod, Pod) else None
