"""What is known about the fields that an intent may open, and which it never may.

The table names the fields that fixes touch in practice, with their type as in the Kubernetes API reference
(v1.34, apps/v1 and core/v1). A path that it does not know is accepted where nothing speaks against it: the
guards judge every value again. What it knows serves three mistakes that would otherwise be found only in the
night: a bound on text, a misspelt field, a path to a whole object, which opens nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise

from intents.fields import ANY, Element, FieldPath, Segment, covers, format_path, parse_path


class Value(StrEnum):
    """What a field holds, as far as bounds and patterns care."""

    NUMBER = "number"
    QUANTITY = "quantity"
    INT_OR_TEXT = "number or text"
    TEXT = "text"

    @property
    def bounded(self) -> bool:
        """Whether `min` and `max` mean something here."""
        return self is not Value.TEXT


_POD = "spec.template.spec."
_CONTAINER = _POD + "containers[*]."
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_PROBE_NUMBERS = (
    *("initialDelaySeconds", "periodSeconds", "timeoutSeconds", "successThreshold", "failureThreshold"),
    "terminationGracePeriodSeconds",
)
_META = {"metadata.labels.*": Value.TEXT, "metadata.annotations.*": Value.TEXT}
_WORKLOAD = {
    **_META,
    "spec.replicas": Value.NUMBER,
    "spec.minReadySeconds": Value.NUMBER,
    "spec.progressDeadlineSeconds": Value.NUMBER,
    "spec.revisionHistoryLimit": Value.NUMBER,
    "spec.strategy.type": Value.TEXT,
    "spec.strategy.rollingUpdate.maxSurge": Value.INT_OR_TEXT,
    "spec.strategy.rollingUpdate.maxUnavailable": Value.INT_OR_TEXT,
    "spec.template.metadata.labels.*": Value.TEXT,
    "spec.template.metadata.annotations.*": Value.TEXT,
    _POD + "terminationGracePeriodSeconds": Value.NUMBER,
    _POD + "nodeSelector.*": Value.TEXT,
    _POD + "priorityClassName": Value.TEXT,
    _POD + "serviceAccountName": Value.TEXT,
    _POD + "imagePullSecrets[*].name": Value.TEXT,
    _POD + "volumes[*].configMap.name": Value.TEXT,
    _POD + "volumes[*].configMap.items[*].key": Value.TEXT,
    _POD + "volumes[*].persistentVolumeClaim.claimName": Value.TEXT,
    _POD + "volumes[*].emptyDir.sizeLimit": Value.QUANTITY,
    **{
        container + leaf: value
        for container in (_CONTAINER, _POD + "initContainers[*].")
        for leaf, value in {
            "image": Value.TEXT,
            "imagePullPolicy": Value.TEXT,
            "command[*]": Value.TEXT,
            "args[*]": Value.TEXT,
            "workingDir": Value.TEXT,
            "env[*].value": Value.TEXT,
            "env[*].valueFrom.configMapKeyRef.name": Value.TEXT,
            "env[*].valueFrom.configMapKeyRef.key": Value.TEXT,
            "envFrom[*].configMapRef.name": Value.TEXT,
            "ports[*].containerPort": Value.NUMBER,
            "ports[*].name": Value.TEXT,
            "resources.limits.*": Value.QUANTITY,
            "resources.requests.*": Value.QUANTITY,
            "volumeMounts[*].mountPath": Value.TEXT,
            "volumeMounts[*].subPath": Value.TEXT,
        }.items()
    },
    **{
        f"{_CONTAINER}{probe}.{leaf}": value
        for probe in _PROBES
        for leaf, value in {
            **dict.fromkeys(_PROBE_NUMBERS, Value.NUMBER),
            "httpGet.path": Value.TEXT,
            "httpGet.port": Value.INT_OR_TEXT,
            "httpGet.scheme": Value.TEXT,
            "tcpSocket.port": Value.INT_OR_TEXT,
            "grpc.port": Value.NUMBER,
        }.items()
    },
}
_SERVICE = {
    **_META,
    "spec.selector.*": Value.TEXT,
    "spec.ports[*].port": Value.NUMBER,
    "spec.ports[*].targetPort": Value.INT_OR_TEXT,
    "spec.ports[*].nodePort": Value.NUMBER,
    "spec.type": Value.TEXT,
    "spec.sessionAffinity": Value.TEXT,
}
_CONFIG_MAP = {**_META, "data.*": Value.TEXT}

_JOB = {
    **_META,
    **{path: value for path, value in _WORKLOAD.items() if path.startswith("spec.template.")},
    **dict.fromkeys(
        (
            "spec.parallelism",
            "spec.completions",
            "spec.backoffLimit",
            "spec.activeDeadlineSeconds",
            "spec.ttlSecondsAfterFinished",
        ),
        Value.NUMBER,
    ),
}
_BARE_POD = {
    path.removeprefix("spec.template."): value
    for path, value in _WORKLOAD.items()
    if path.startswith("spec.template.")
}
_CLAIM = {
    **_META,
    "spec.storageClassName": Value.TEXT,
    "spec.accessModes[*]": Value.TEXT,
    "spec.resources.requests.*": Value.QUANTITY,
}
_STATEFUL_SET = {**_WORKLOAD, "spec.serviceName": Value.TEXT, "spec.podManagementPolicy": Value.TEXT}

Table = dict[FieldPath, Value]


def _table(written: dict[str, Value]) -> Table:
    return {parse_path(path): value for path, value in written.items()}


KNOWN: dict[str, Table] = {
    **dict.fromkeys(("Deployment", "DaemonSet"), _table(_WORKLOAD)),
    "StatefulSet": _table(_STATEFUL_SET),
    "Job": _table(_JOB),
    "Pod": _table(_BARE_POD),
    "PersistentVolumeClaim": _table(_CLAIM),
    "Service": _table(_SERVICE),
    "ConfigMap": _table(_CONFIG_MAP),
}
_ROOTS = {"Service": ("metadata", "spec"), "ConfigMap": ("metadata", "data")}
_FREE_MAPS = {"labels", "nodeSelector", "limits", "requests", "data", "selector"}
_MERGED_BY_NAME = {"containers", "initContainers", "env", "volumes", "ports", "volumeMounts"}
_LISTS = {
    before
    for table in KNOWN.values()
    for path in table
    for before, after in pairwise(path)
    if isinstance(after, Element)
}


@lru_cache(maxsize=4096)
def value_at(kind: str, path: FieldPath) -> Value | None:
    """What the field holds, None where the table does not know it."""
    return next((value for known, value in KNOWN[kind].items() if covers(known, path)), None)


@lru_cache(maxsize=4096)
def refusals(kind: str, path: FieldPath) -> tuple[tuple[str, str], ...]:
    """Why an intent may not open this path (message, remedy); nothing where it may."""
    return tuple(_refusals(kind, path))


def _refusals(kind: str, path: FieldPath) -> Iterator[tuple[str, str]]:
    root, second = path[0], path[1] if len(path) > 1 else None
    if root == "status":
        yield "status is written by controllers", "Open a field of the spec"
    elif root in ("apiVersion", "kind"):
        yield f"{root} can never be changed", "Remove this entry"
    elif root == "metadata" and second not in ("labels", "annotations", None):
        yield f"metadata.{second} can never be changed", "Only labels and annotations can be opened"
    elif root not in _ROOTS.get(kind, ("metadata", "spec")):
        yield (
            f"a {kind} has no field {root!r} that can be opened",
            f"Start with {' or '.join(_ROOTS.get(kind, ('metadata', 'spec')))}",
        )
    elif kind not in _ROOTS and path[:2] == ("spec", "selector"):
        yield f"the selector of a {kind} is immutable", "Open the labels or the Service's selector instead"
    elif path[:2] == ("metadata", "annotations") and second is not None and path[2:] == (ANY,):
        yield "annotations steer controllers, intentd among them", "Name the annotation"
    elif path[:2] == ("metadata", "annotations") and str(path[2:3]).find("intentd.io/") >= 0:
        yield "annotations of intentd.io are intentd's own", "Remove this entry"
    else:
        yield from _shape(kind, path)


def _shape(kind: str, path: FieldPath) -> Iterator[tuple[str, str]]:
    """Paths that would open nothing, or more than their author can have meant."""
    for before, segment in pairwise(path):
        if segment == ANY and before not in _FREE_MAPS:
            yield f"`{before}.*` would open every field there", "Name the field"
            return
        if isinstance(segment, Element) and segment.index is not None and before in _MERGED_BY_NAME:
            yield (
                f"{before}[{segment.index}] names another element once somebody inserts one",
                f"Write {before}[name=...] or {before}[*]",
            )
            return
        if before in _LISTS and isinstance(segment, str) and _misses_element(kind, path):
            yield f"{before} is a list", f"Write {before}[*].{segment} or {before}[name=...].{segment}"
            return
    inside = [known for known in KNOWN[kind] if len(known) > len(path) and covers(known[: len(path)], path)]
    if inside or len(path) == 1:
        example = f", such as {format_path(inside[0])}" if inside else ""
        yield "this is a whole object; only single fields can be opened", f"Name the fields{example}"
        return
    meant = None if value_at(kind, path) else _misspelt(kind, path)
    if meant is not None:
        yield f"a {kind} has no such field", f"Did you mean {format_path(meant)}?"


def _misses_element(kind: str, path: FieldPath) -> bool:
    """Whether some known field has this path once a list is given its `[*]`."""
    names = [segment for segment in path if isinstance(segment, str)]
    return any(
        [s for s in known if isinstance(s, str)][: len(names)] == names and len(known) > len(path)
        for known in KNOWN[kind]
    )


def _misspelt(kind: str, path: FieldPath) -> FieldPath | None:
    """The known field that differs from this one by a slip in a single name."""
    for known in KNOWN[kind]:
        if len(known) != len(path):
            continue
        wrong = [(a, b) for a, b in zip(known, path, strict=True) if not covers((a,), (b,))]
        if len(wrong) == 1 and _slip(*wrong[0]):
            return known
    return None


def _slip(meant: Segment, written: Segment) -> bool:
    if not (isinstance(meant, str) and isinstance(written, str)):
        return False
    return SequenceMatcher(None, meant.lower(), written.lower()).ratio() >= 0.8  # two letters of ten
