"""Fields that belong together, and how telling a group is for a class of fault.

Whatever is put back (to the last known good, to an earlier revision) is offered group by group, an image, a
container's resources, a selector, and once all together, because a fault may need two of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from detectors.model import FaultClass, ObjectRef
from intents.fields import Element, FieldPath
from remediation.candidates.base import Context, Proposal, sentence
from remediation.lastgood import differences, restorable
from remediation.model import ABSENT, Json, Touched
from remediation.words import show

_TELLING: dict[FaultClass, frozenset[str]] = {
    FaultClass.IMAGE_PULL: frozenset({"image", "imagePullPolicy", "imagePullSecrets"}),
    FaultClass.CONFIG_REFERENCE: frozenset({"env", "envFrom", "volumes", "data"}),
    FaultClass.OOM_KILLED: frozenset({"resources", "env"}),
    FaultClass.CRASH_LOOP: frozenset({"env", "envFrom", "image", "command", "args", "data", "volumes"}),
    FaultClass.SECRET_REFERENCE: frozenset({"env", "envFrom", "volumes", "imagePullSecrets"}),
    FaultClass.ARCHITECTURE: frozenset({"image", "nodeSelector", "affinity"}),
    FaultClass.RIGHTS_DENIED: frozenset({"serviceAccountName", "automountServiceAccountToken"}),
    FaultClass.INIT_CONTAINER: frozenset({"env", "envFrom", "image", "command", "args", "data", "volumes"}),
    FaultClass.LIVENESS_PROBE: frozenset({"livenessProbe", "startupProbe", "ports", "env", "data"}),
    FaultClass.STARTUP_PROBE: frozenset({"startupProbe", "ports", "resources", "env", "data"}),
    FaultClass.RESTART_STORM: frozenset({"env", "envFrom", "image", "command", "args", "resources", "data"}),
    FaultClass.EVICTED: frozenset({"resources", "volumes", "priorityClassName"}),
    FaultClass.FAILED_CREATE: frozenset(
        {"resources", "replicas", "securityContext", "serviceAccountName", "priorityClassName"}
    ),
    FaultClass.GOVERNING_SERVICE: frozenset({"serviceName"}),
    FaultClass.START_ERROR: frozenset({"command", "args", "image", "volumes", "volumeMounts"}),
    FaultClass.NOT_READY: frozenset({"readinessProbe", "ports", "env", "image", "data"}),
    FaultClass.UNSCHEDULABLE: frozenset({"resources", "nodeSelector", "affinity", "tolerations"}),
    FaultClass.REPLICAS_LOW: frozenset({"replicas", "resources"}),
    FaultClass.JOB_FAILED: frozenset({"command", "args", "env", "image", "resources"}),
    FaultClass.AUTOSCALER_METRICS: frozenset({"resources"}),
    FaultClass.NO_ENDPOINTS: frozenset({"selector"}),
    FaultClass.SERVICE_PORT: frozenset({"ports"}),
    FaultClass.ENDPOINTS_NOT_READY: frozenset({"readinessProbe", "ports", "image", "env"}),
}
"""The groups in which each class of fault has its cause; others rank lower but are offered."""


def put_back(
    context: Context,
    target: ObjectRef,
    live: Json,
    good: Json,
    *,
    origin: str,
    because: str,
    best: float,
) -> Iterator[Proposal]:
    """One proposal a group and one for all. `best` is the rank of a group that tells of this fault."""
    groups: dict[tuple[str, str], list[Touched]] = defaultdict(list)
    for change in differences(live, good):
        if restorable(change, good):
            groups[_group(change.path)].append(change)
    telling = _TELLING.get(context.case.fault_class, frozenset())
    troubled = {violation.container for violation in context.case.violations if violation.container}

    def proposal(rank: float, some: tuple[Touched, ...]) -> Proposal:
        needles = tuple(show(value) for c in some for value in (c.before, c.after) if value != ABSENT)
        return Proposal(origin, rank, some, sentence(some, because, back=True), target, needles)

    for (container, name), group in groups.items():
        rank = best if name in telling else best - 0.5
        rank -= 0.2 if container and troubled and container not in troubled else 0.0
        yield proposal(rank, tuple(group))
    if len(groups) > 1:
        every = tuple(change for group in groups.values() for change in group)
        yield proposal(best - (0.35 if any(name in telling for _, name in groups) else 0.55), every)


def _group(path: FieldPath) -> tuple[str, str]:
    """(container, family) of a field: `("app", "image")`, `("", "selector")`."""
    for index, segment in enumerate(path[:-1]):
        if segment in {"containers", "initContainers"} and isinstance(path[index + 1], Element):
            element = path[index + 1]
            container = element.key[0][1] if isinstance(element, Element) and element.key else ""
            return container, str(path[index + 2]) if len(path) > index + 2 else "container"
    names = [segment for segment in path if isinstance(segment, str)]
    if names[:3] == ["spec", "template", "spec"] and len(names) > 3:
        return "", names[3]
    if names[:2] == ["spec", "template"]:
        return "", "template"
    if names[:1] == ["metadata"]:
        return "", "metadata"
    return "", names[1] if names[0] == "spec" and len(names) > 1 else names[0]
