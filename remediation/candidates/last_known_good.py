"""Put fields back to what they were when the target was last healthy.

One proposal for each group of fields that belong together (an image; a container's resources; a selector),
and one for all of them where several groups changed, because the fault may need two of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from detectors.model import FaultClass, ObjectRef
from intents.fields import Element, FieldPath
from remediation.candidates.base import Context, Proposal, sentence
from remediation.lastgood import Change, differences
from remediation.model import Json
from remediation.words import show

ORIGIN = "last-known-good"
_WHY = "the last known good value"

_TELLING: dict[FaultClass, frozenset[str]] = {
    FaultClass.IMAGE_PULL: frozenset({"image", "imagePullPolicy", "imagePullSecrets"}),
    FaultClass.CONFIG_REFERENCE: frozenset({"env", "envFrom", "volumes", "data"}),
    FaultClass.OOM_KILLED: frozenset({"resources", "env"}),
    FaultClass.CRASH_LOOP: frozenset({"env", "envFrom", "image", "command", "args", "data", "volumes"}),
    FaultClass.START_ERROR: frozenset({"command", "args", "image", "volumes", "volumeMounts"}),
    FaultClass.NOT_READY: frozenset({"readinessProbe", "ports", "env", "image", "data"}),
    FaultClass.UNSCHEDULABLE: frozenset({"resources", "nodeSelector", "affinity", "tolerations"}),
    FaultClass.REPLICAS_LOW: frozenset({"replicas", "resources"}),
    FaultClass.NO_ENDPOINTS: frozenset({"selector"}),
    FaultClass.ENDPOINTS_NOT_READY: frozenset({"readinessProbe", "ports", "image", "env"}),
}
"""The groups in which each class of fault has its cause; others rank lower but are offered."""


def last_known_good(context: Context) -> Iterator[Proposal]:
    """Groups of fields of the target, then of related objects that changed since they were good."""
    if context.raw.live is not None and context.raw.last_known_good is not None:
        yield from _of(context, context.case.target, context.live, context.raw.last_known_good)
    for ref in sorted(context.raw.related_good):
        live = next((obj for other, obj in context.raw.related.items() if other.key == ref.key), None)
        if live is not None and ref.key != context.case.target.key:
            yield from _of(context, ref, live, context.raw.related_good[ref])


def _of(context: Context, ref: ObjectRef, live: Json, good: Json) -> Iterator[Proposal]:
    groups: dict[tuple[str, str], list[Change]] = defaultdict(list)
    for change in differences(live, good):
        if change.restorable:
            groups[_group(change.path)].append(change)
    telling = _TELLING.get(context.case.fault_class, frozenset())
    troubled = {violation.container for violation in context.case.violations if violation.container}
    target = ref if ref.key != context.case.target.key else context.case.target
    for (container, name), changes in groups.items():
        rank = 0.95 if name in telling else 0.45
        rank -= 0.2 if container and troubled and container not in troubled else 0.0
        yield _proposal(target, rank, tuple(changes))
    if len(groups) > 1:
        every = tuple(change for changes in groups.values() for change in changes)
        yield _proposal(target, 0.6 if any(name in telling for _, name in groups) else 0.4, every)


def _proposal(target: ObjectRef, rank: float, changes: tuple[Change, ...]) -> Proposal:
    needles = tuple(show(change.before) for change in changes)
    return Proposal(ORIGIN, rank, changes, sentence(changes, _WHY, back=True), target, needles)


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
