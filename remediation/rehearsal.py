"""Rehearsal: the Pod in which a changed pod template is tried before the workload gets it, or why there is none.

The canary is a copy of the template as the plan leaves it, and differs only where it must not be taken for the
workload: it carries one label of ours and none of the template's (no Service, PodDisruptionBudget, controller or
NetworkPolicy that selects by labels finds it), it is owned by the workload (garbage-collected with it) but not
controlled, it ends by its own deadline also where nobody is left to delete it, and it never evicts others for its
priority. A copy still does what the program does, so it is refused wherever it could reach what outlives it or
belongs to the node. What is not known to be harmless has no canary: what cannot be decided is denied.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from detectors.model import ObjectRef
from intents.fields import get
from remediation.diff import apply
from remediation.digest import create_digest
from remediation.merge_keys import API_VERSIONS
from remediation.model import Create, Delete, Json, Patch, Plan
from remediation.values import canonical, copied, same

LABEL = "intentd.io/rehearsal"
"""The canary's only label; its value is the case."""

SPARE = 120
"""Seconds that a canary outlives timeout and window by itself: time to delete it after a restart of intentd."""

KEPT = frozenset(
    {
        "affinity", "automountServiceAccountToken", "containers", "dnsConfig", "dnsPolicy", "enableServiceLinks",
        "hostAliases", "imagePullSecrets", "nodeSelector", "os", "runtimeClassName", "schedulerName", "securityContext",
        "serviceAccount", "serviceAccountName", "setHostnameAsFQDN", "shareProcessNamespace",
        "terminationGracePeriodSeconds", "tolerations", "topologySpreadConstraints", "volumes",
    }
)  # fmt: skip
"""Fields of a pod (core/v1 PodSpec) that the canary has as the template has them."""

DROPPED = frozenset(
    {
        "restartPolicy", "activeDeadlineSeconds", "priorityClassName", "priority", "preemptionPolicy", "hostname",
        "subdomain", "nodeName",
    }
)  # fmt: skip
"""Fields that it has not, or its own way."""

VOLUMES = frozenset({"name", "configMap", "downwardAPI", "emptyDir", "projected", "secret"})
"""Volumes that a copy cannot write anything lasting into."""

SCRAPED = "prometheus.io/"
"""Annotations by which a Prometheus finds pods to scrape: a canary's samples are not the workload's."""

_ACCOUNT = ("serviceAccountName", "serviceAccount", "automountServiceAccountToken")
_OWN_LABELS = "metadata.labels"
_NAME_CHARS = 40  # a pod's hostname is its name, cut at 63 characters


REHEARSED = "rehearsed"
"""What the ledger says became of a charge for which no change was made: a canary was set up, or was to be."""


class Result(StrEnum):
    """How a rehearsal ended."""

    PASSED = "passed"  # healthy for the whole window
    FAILED = "failed"  # it did not come up healthy: the change is not made
    UNTOLD = "untold"  # it could not be had or be seen: a person decides
    WITHDRAWN = "withdrawn"  # stopped halfway; it may be tried again


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """The newest rehearsal of a case: of which template (`fingerprint`), how it ended and why, and its operation
    (empty where there could be none), under which it is charged."""

    fingerprint: str
    result: Result
    reason: str
    operation_id: str = ""


def rehearsable(plan: Plan) -> bool:
    """Whether the plan changes a pod template. What creates or deletes an object changes none."""
    if isinstance(plan, Create | Delete):
        return False
    return any(leaf.path[:2] == ("spec", "template") for leaf in plan.touched)


def changed_template(plan: Patch, live: Json) -> Json:
    """The pod template as the plan leaves it. Raises PreconditionFailed where the plan no longer fits."""
    template: Json = apply(live, plan.operations)["spec"]["template"]
    return template


def fingerprint(plan: Patch, live: Json) -> str:
    """What a rehearsal proves something about: this template of this incarnation of the workload."""
    said = canonical({"uid": plan.target.uid, "template": changed_template(plan, live)})
    return hashlib.sha256(said.encode()).hexdigest()


def why_none(plan: Patch, live: Json) -> str | None:
    """Why this change can have no canary, None where it can."""
    before, after = get(live, ("spec", "template", "spec")), changed_template(plan, live).get("spec")
    if not isinstance(before, dict) or not isinstance(after, dict):
        return "there is no pod template"
    if live["spec"].get("volumeClaimTemplates"):
        return "its pods have volume claims"
    for name in _ACCOUNT:
        if not same(before.get(name), after.get(name)):
            return f"the change gives its pods another {name}"
    return why_unfit(after)


def why_unfit(pod: Json) -> str | None:
    """Why a pod of this spec must not run as a copy, None where it may. Asked of the template, and again of what
    the API server would make of the canary (admission may add to it)."""
    return next(_objections(pod), None)


def _objections(pod: Json) -> Iterator[str]:
    for name in sorted(pod):
        if pod[name] and name not in KEPT | DROPPED:
            yield f"its pods have {name}"
    if _host_process(pod):
        yield "its pods are host processes"
    for volume in pod.get("volumes") or ():
        for kind in sorted(volume.keys() - VOLUMES):
            yield f"volume {volume.get('name')} is a {kind}"
        if _reads_labels(volume):
            yield f"volume {volume.get('name')} holds the pod's labels, which a canary lacks"
    for container in pod.get("containers") or ():
        yield from _of_container(container, str(container.get("name")))


def _of_container(container: Json, name: str) -> Iterator[str]:
    if any(port.get("hostPort") for port in container.get("ports") or ()):
        yield f"container {name} has a hostPort"
    if container.get("volumeDevices"):
        yield f"container {name} has volumeDevices"
    if (container.get("resources") or {}).get("claims"):
        yield f"container {name} has resource claims"
    context = container.get("securityContext") or {}
    if context.get("privileged") or _host_process(container):
        yield f"container {name} is privileged"
    if (context.get("capabilities") or {}).get("add"):
        yield f"container {name} has capabilities"
    if context.get("procMount") not in (None, "Default"):
        yield f"container {name} has a procMount"
    if _reads_labels(container.get("env") or []):
        yield f"container {name} reads the pod's labels, which a canary lacks"


def _host_process(part: Json) -> bool:
    windows = (part.get("securityContext") or {}).get("windowsOptions") or {}
    return bool(windows.get("hostProcess"))


def _reads_labels(part: Any) -> bool:
    """Whether a downward API reference to labels stands anywhere in here."""
    if isinstance(part, dict):
        return str(part.get("fieldPath", "")).startswith(_OWN_LABELS) or any(
            map(_reads_labels, part.values())
        )
    return isinstance(part, list) and any(map(_reads_labels, part))


def canary_name(target: ObjectRef, operation_id: str) -> str:
    """Fixed by code, and another one for each attempt."""
    digest = hashlib.sha256(operation_id.encode()).hexdigest()[:10]
    return f"{target.name[:_NAME_CHARS].rstrip('-.')}-canary-{digest}"


def canary(target: ObjectRef, template: Json, *, case_id: str, operation_id: str, deadline: int) -> Create:
    """The Pod to create: the template of `target` as changed, running for at most `deadline` seconds."""
    found = copied(template)
    meta, spec = found.get("metadata") or {}, found.get("spec") or {}
    annotations = {
        key: value for key, value in (meta.get("annotations") or {}).items() if not key.startswith(SCRAPED)
    }
    owner = {
        "apiVersion": API_VERSIONS[target.kind],
        "kind": target.kind,
        "name": target.name,
        "uid": target.uid,
        "controller": False,
        "blockOwnerDeletion": False,
    }
    ref = ObjectRef("Pod", target.namespace, canary_name(target, operation_id))
    manifest = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": ref.name,
            "namespace": ref.namespace,
            "labels": {LABEL: case_id},
            "annotations": annotations,
            "ownerReferences": [owner],
        },
        "spec": {
            **{name: value for name, value in spec.items() if name in KEPT},
            "restartPolicy": "Always",
            "activeDeadlineSeconds": deadline,
        },
    }
    return Create(ref, manifest, (), create_digest(ref, manifest))
