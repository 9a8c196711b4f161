"""Which changes the API server refuses because the field can never change once the object is there.

Known before anything is sent, so that such a change becomes a recreation or a person's, not a refusal in the night.
Source: update validation of Kubernetes 1.36 (pkg/apis/{core,apps,batch}/validation); a test compares each row
with a real API server. What a server of another version takes is left to its own answer: a field that is only
mutable since a newer one (resources of a suspended Job, node affinity of a gated Pod) counts as immutable.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from intents.fields import MISSING, Element, FieldPath, get
from remediation.model import ABSENT, Json, Touched
from remediation.quantity import as_number
from remediation.values import same

Rule = Callable[[Touched, Json, Sequence[Touched]], bool]
"""Whether the server refuses this leaf in the live object, all leaves of the change being these."""


def immutable(kind: str, live: Json, touched: Sequence[Touched]) -> tuple[Touched, ...]:
    """The leaves of a change that the API server would refuse to update."""
    rule = _RULES.get(kind)
    return () if rule is None else tuple(leaf for leaf in touched if rule(leaf, live, touched))


def _selector(leaf: Touched, _live: Json, _all: Sequence[Touched]) -> bool:
    return leaf.path[:2] == ("spec", "selector")


_STATEFUL_SET = frozenset(
    {
        "replicas",
        "ordinals",
        "template",
        "updateStrategy",
        "revisionHistoryLimit",
        "minReadySeconds",
        "persistentVolumeClaimRetentionPolicy",
    }
)
"""All that may change of a StatefulSet."""


def _stateful_set(leaf: Touched, _live: Json, _all: Sequence[Touched]) -> bool:
    return leaf.path[0] == "spec" and (len(leaf.path) < 2 or leaf.path[1] not in _STATEFUL_SET)


_JOB = frozenset(
    {
        "selector",
        "completionMode",
        "podFailurePolicy",
        "backoffLimitPerIndex",
        "managedBy",
        "successPolicy",
    }
)


def _job(leaf: Touched, live: Json, all_: Sequence[Touched]) -> bool:
    match leaf.path:
        case ("spec", str(name), *_) if name in _JOB:
            return True
        case ("spec", "completions"):
            if get(live, ("spec", "completionMode")) != "Indexed":
                return True
            return not same(leaf.after, _after(live, all_, ("spec", "parallelism")))  # only in tandem
        case ("spec", "template", *inside):
            never_ran = get(live, ("spec", "suspend")) is True and not _started(live)
            return not (never_ran and _steers_scheduling(inside))
        case _:
            return False


def _started(job: Json) -> bool:
    return isinstance(get(job, ("status", "startTime")), str)


def _steers_scheduling(inside: Sequence[object]) -> bool:
    match list(inside):
        case ["metadata", "labels" | "annotations", *_]:
            return True
        case ["spec", "nodeSelector" | "tolerations" | "schedulingGates", *_]:
            return True
        case ["spec", "affinity", "nodeAffinity", *_]:
            return True
        case _:
            return False


def _after(live: Json, touched: Sequence[Touched], path: FieldPath) -> object:
    return next((leaf.after for leaf in touched if leaf.path == path), get(live, path))


def _pod(leaf: Touched, live: Json, _all: Sequence[Touched]) -> bool:
    if leaf.path[0] != "spec":
        return False
    match leaf.path[1:]:
        case ("containers" | "initContainers", Element(), "image"):
            return False
        case ("activeDeadlineSeconds",):
            return leaf.after == ABSENT or _grows(leaf)
        case ("tolerations",):
            return not _only_adds(leaf)
        case ("terminationGracePeriodSeconds",):
            return not (isinstance(leaf.before, int) and leaf.before < 0 and leaf.after == 1)
        case ("schedulingGates", *_):
            return bool(leaf.after != ABSENT)
        case ("nodeSelector", *_):
            gated = get(live, ("spec", "schedulingGates")) not in (MISSING, [])
            return not (gated and leaf.before == ABSENT)
        case _:
            return True


def _only_adds(leaf: Touched) -> bool:
    before = leaf.before if isinstance(leaf.before, list) else []
    return isinstance(leaf.after, list) and all(item in leaf.after for item in before)


BETA_CLASS = "volume.beta.kubernetes.io/storage-class"


def _claim(leaf: Touched, live: Json, _all: Sequence[Touched]) -> bool:
    if leaf.path == ("metadata", "annotations", BETA_CLASS):
        return True
    if leaf.path[0] != "spec":
        return False
    bound = get(live, ("status", "phase")) == "Bound"
    match leaf.path[1:]:
        case ("resources", "requests", "storage"):
            return not (bound and _grows(leaf))
        case ("volumeAttributesClassName",):
            return not bound or bool(leaf.after == ABSENT)
        case ("volumeName",) | ("storageClassName",):
            return bool(leaf.before != ABSENT)  # written once: by the binder, and as the default class
        case _:
            return True


def _grows(leaf: Touched) -> bool:
    before, after = as_number(leaf.before), as_number(leaf.after)
    return before is not None and after is not None and after > before


_SERVICE = frozenset({"clusterIP", "clusterIPs", "ipFamilies", "loadBalancerClass", "healthCheckNodePort"})
"""Allocated or chosen once."""


def _service(leaf: Touched, live: Json, all_: Sequence[Touched]) -> bool:
    types = (get(live, ("spec", "type")), _after(live, all_, ("spec", "type")))
    if leaf.path[0] != "spec" or leaf.path[1] not in _SERVICE or "ExternalName" in types:
        return False
    if isinstance(leaf.before, list) and isinstance(leaf.after, list):
        return not same(leaf.before[:1], leaf.after[:1])  # a second family may come and go
    return bool(leaf.before != ABSENT)


def _config_map(leaf: Touched, live: Json, _all: Sequence[Touched]) -> bool:
    return live.get("immutable") is True and leaf.path[0] in ("data", "binaryData", "immutable")


_RULES: dict[str, Rule] = {
    "Deployment": _selector,
    "DaemonSet": _selector,
    "ReplicaSet": _selector,
    "StatefulSet": _stateful_set,
    "Job": _job,
    "Pod": _pod,
    "PersistentVolumeClaim": _claim,
    "Service": _service,
    "ConfigMap": _config_map,
}
