"""The grammars of guarded decoding: JSON schemas built for one case, so that an answer outside the
evidence or the intent's editable fields cannot even be written.

A closed world on purpose: a value that the model may write is one that code listed (steps between the
intent's bounds, values the intent names, words that the evidence shows and the intent's pattern admits).
Small models copy and calculate badly (MODEL.md), and what nobody has seen nobody can vouch for. The guards
that follow assume nothing of this.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from detectors.model import Case, FaultClass
from intents.fields import MISSING, Element, FieldPath, Segment, get, parse_path
from intents.model import Editable
from intents.patterns import full_match
from intents.units import format_bytes, parse_quantity
from remediation.merge_keys import element, identity, list_keys
from remediation.model import ABSENT, Evidence, Json

CAUSE_CHARS = 160
WHY_CHARS = 120
CHOICES = 24
"""Most values offered for one field: 24 steps of 1.33 to 1.5 span four orders of magnitude."""
OPEN_FIELDS = 12
"""Most fields open to one repair; beyond that the grammar stops guiding a small model."""

Scalar = str | int


@dataclass(frozen=True, slots=True)
class OpenField:
    """One existing place that a repair may change, with the values open to it (never the present one)."""

    path: FieldPath
    now: object  # ABSENT where the leaf is not there yet
    choices: tuple[Scalar, ...]


# ---------------------------------------------------------------- diagnose


def diagnose_schema(case: Case, ids: Sequence[str]) -> Json:
    """{cause, fault_class?, evidence} or {abstain}. The class is asked only where the detectors saw several:
    a choice of one would cost tokens and say nothing."""
    classes = tuple(dict.fromkeys(violation.fault_class.value for violation in case.violations))
    properties: Json = {"cause": {"type": "string", "minLength": 8, "maxLength": CAUSE_CHARS}}
    if len(classes) > 1:
        properties["fault_class"] = {"type": "string", "enum": list(classes)}
    properties["evidence"] = {
        "type": "array",
        "items": {"type": "string", "enum": list(ids)},
        "minItems": 1,
        "maxItems": 3,
    }
    return {"anyOf": [_object(properties), _abstain(CAUSE_CHARS)]}


def _abstain(chars: int) -> Json:
    return _object({"abstain": {"type": "string", "maxLength": chars}})


def _object(properties: Json, required: Sequence[str] | None = None) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties) if required is None else list(required),
        "additionalProperties": False,
    }


# ---------------------------------------------------------------- repair: which fields

_RELEVANT: Mapping[FaultClass, tuple[str, ...]] = {
    FaultClass.IMAGE_PULL: ("image",),
    FaultClass.CONFIG_REFERENCE: ("configMapKeyRef", "configMapRef", "configMap", "data"),
    FaultClass.OOM_KILLED: ("limits.memory",),
    FaultClass.CRASH_LOOP: ("env", "data", "livenessProbe", "startupProbe", "limits.memory", "image"),
    FaultClass.INIT_CONTAINER: ("env", "data", "image"),
    FaultClass.LIVENESS_PROBE: ("livenessProbe", "startupProbe"),
    FaultClass.STARTUP_PROBE: ("startupProbe",),
    FaultClass.RESTART_STORM: ("env", "data", "livenessProbe", "limits.memory", "image"),
    FaultClass.EVICTED: ("requests", "limits"),
    FaultClass.FAILED_CREATE: ("requests", "limits", "replicas"),
    FaultClass.START_ERROR: ("image", "volumeMounts", "env"),
    FaultClass.NOT_READY: ("readinessProbe", "startupProbe", "env", "data"),
    FaultClass.UNSCHEDULABLE: ("requests", "nodeSelector", "replicas"),
    FaultClass.REPLICAS_LOW: ("replicas", "requests"),
    FaultClass.JOB_FAILED: ("env", "image"),
    FaultClass.AUTOSCALER_METRICS: ("requests",),
    FaultClass.NO_ENDPOINTS: ("selector",),
    FaultClass.SERVICE_PORT: ("targetPort",),
    FaultClass.ENDPOINTS_NOT_READY: ("readinessProbe", "targetPort"),
}
"""Which part of an object a fault of this class can have its cause in. A class without an entry (a metric,
an absent object, drift, a Secret, a right, a deletion that does not end) is not repaired by a free-hand manifest: a model would only guess."""


def open_fields(
    case: Case, evidence: Evidence, editable: Sequence[Editable], live: Json | None
) -> tuple[OpenField, ...]:
    """The existing places of the target that the intent opens, that this fault can stem from and that have
    at least one value to choose. Empty where nothing may be written."""
    relevant = _RELEVANT.get(case.fault_class, ())
    if live is None or not relevant:
        return ()
    words = _words(evidence)
    found: dict[FieldPath, OpenField] = {}
    for entry in editable:
        if entry.kind != case.target.kind:
            continue
        for path in _expand(live, parse_path(entry.path)):
            if path in found or not _is_relevant(path, relevant):
                continue
            if not _in_container(path, case.primary.container):
                continue
            now = ABSENT if get(live, path) is MISSING else get(live, path)
            choices = tuple(value for value in _choices(case, entry, path, now, words, live) if value != now)[
                :CHOICES
            ]
            if choices:
                found[path] = OpenField(path, now, choices)
    return tuple(found.values())[:OPEN_FIELDS]


def _is_relevant(path: FieldPath, relevant: Sequence[str]) -> bool:
    dotted = f".{'.'.join(segment for segment in path if isinstance(segment, str))}."
    return any(f".{part}." in dotted for part in relevant)


def _in_container(path: FieldPath, container: str | None) -> bool:
    """A fault seen in one container is mended there; fields outside containers stay open."""
    for segment, below in itertools.pairwise(path):
        if segment in ("containers", "initContainers") and isinstance(below, Element):
            return container is None or dict(below.key).get("name") == container
    return True


_MAY_BE_NEW = ("resources", "limits", "requests")
"""Maps that a repair may add on the way to its leaf. Half a probe or half a reference would be refused."""


def _expand(live: object, pattern: FieldPath, done: FieldPath = ()) -> Iterator[FieldPath]:
    """Concrete keyed paths that the pattern names on this object; what is not there is not named, except a
    leaf and the maps of `_MAY_BE_NEW` above it."""
    if not pattern:
        yield done
        return
    head, rest = pattern[0], pattern[1:]
    if isinstance(head, str):
        if head == "*":
            if isinstance(live, Mapping):
                for key in sorted(live):
                    yield from _expand(live[key], rest, (*done, key))
            return
        below = live.get(head) if isinstance(live, Mapping) else None
        if below is None and rest and head not in _MAY_BE_NEW:
            return
        yield from _expand(below, rest, (*done, head))
        return
    keys = list_keys(done)
    if not isinstance(live, list) or keys is None or head.index is not None:
        return
    for item in live:
        if identity(item, keys) and all(str(item.get(name)) == value for name, value in head.key):
            yield from _expand(item, rest, (*done, element(item, keys)))


# ---------------------------------------------------------------- repair: which values

_BYTES = ("memory", "ephemeral-storage", "storage")
_WHOLE = (
    "replicas", "periodSeconds", "initialDelaySeconds", "timeoutSeconds", "failureThreshold",
    "successThreshold", "minReadySeconds", "terminationGracePeriodSeconds",
)  # fmt: skip
_PORTS = ("port", "targetPort", "containerPort")


def _choices(
    case: Case, entry: Editable, path: FieldPath, now: object, words: Sequence[str], live: Json
) -> Iterator[Scalar]:
    leaf = path[-1] if isinstance(path[-1], str) else ""
    if entry.values is not None:
        yield from entry.values
    elif leaf in _BYTES or (leaf == "cpu" and "resources" in path):
        yield from _quantities(case, entry, leaf, now)
    elif leaf in _WHOLE:
        low = int(parse_quantity(entry.min)) if entry.min else 1
        high = int(parse_quantity(entry.max)) if entry.max else max(low, _int(now) or 1) * 8
        yield from (range(low, high + 1) if high - low < CHOICES else map(int, _steps(low, high)))
    elif leaf in _PORTS:
        yield from _container_ports(live)
    elif entry.pattern is not None:
        matches = full_match(entry.pattern)
        yield from (word for word in words if matches(word))


def _quantities(case: Case, entry: Editable, leaf: str, now: object) -> Iterator[str]:
    """Powers of two and the half steps between, within the bounds. A limit that just proved too small, and
    all below it, are refuted by the fault itself and left out."""
    unit = 2**20 if leaf in _BYTES else 1
    scale = 1 if leaf in _BYTES else 1000  # cores are counted in thousandths
    current = _quantity(now)
    low = parse_quantity(entry.min) if entry.min else (current or Decimal(unit * 16) / scale) / 8
    high = parse_quantity(entry.max) if entry.max else (current or Decimal(unit * 16) / scale) * 8
    for step in _steps(max(1, int(low * scale / unit)), int(high * scale / unit)):
        amount = Decimal(step) * unit / scale
        refuted = case.fault_class is FaultClass.OOM_KILLED and current is not None and amount <= current
        if not refuted and low <= amount <= high and amount != current:
            yield format_bytes(int(amount)) if leaf in _BYTES else f"{step}m"


def _steps(low: int, high: int) -> Iterator[int]:
    """1, 2, 3, 4, 6, 8, 12, 16, 24 ... within low..high, both ends included."""
    seen = {low, high} if low <= high else set()
    power = 1
    while power <= high:
        seen |= {step for step in (power, power * 3 // 2) if low <= step <= high}
        power *= 2
    yield from sorted(seen)


def _quantity(value: object) -> Decimal | None:
    try:
        return parse_quantity(value) if isinstance(value, str | int | float) else None
    except ValueError:
        return None


def _int(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _container_ports(live: Json) -> Iterator[int]:
    pod = get(live, parse_path("spec.template.spec.containers"))
    for container in pod if isinstance(pod, list) else ():
        for port in container.get("ports") or ():
            if isinstance(port.get("containerPort"), int):
                yield port["containerPort"]


_WORD = re.compile(r"[A-Za-z0-9/][A-Za-z0-9_./:@-]{0,120}")


def _words(evidence: Evidence) -> tuple[str, ...]:
    """The value-like words that the facts show, in order, each once. A value that only a log or a message names is
    nobody's to vouch for: an image that a container asks for would be one."""
    words = (word.rstrip(".:") for item in evidence.facts for word in _WORD.findall(item.text))
    return tuple(dict.fromkeys(word for word in words if word))


# ---------------------------------------------------------------- repair: the grammar


def repair_schema(fields: Sequence[OpenField], live: Json) -> Json:
    """{why, manifest}, where the manifest is the skeleton around exactly these fields.

    No branch to abstain: small models take it as the cheap way out (7 of 26 held-out consultations ended so, the
    demo's among them). What is written is judged alone afterwards, and that judgement abstains.
    """
    tree: dict[Segment, object] = {}
    for field in fields:
        node = tree
        for segment in field.path[:-1]:
            node = node.setdefault(segment, {})  # type: ignore[assignment]
        node[field.path[-1]] = field
    return _object({"why": {"type": "string", "maxLength": WHY_CHARS}, "manifest": _node(tree, live)})


def _node(tree: Mapping[Segment, object], live: object) -> Json:
    if any(isinstance(segment, Element) for segment in tree):
        branches = [_element(segment, below, live) for segment, below in tree.items()]
        items = branches[0] if len(branches) == 1 else {"anyOf": branches}
        return {"type": "array", "items": items, "minItems": 1, "maxItems": len(branches)}
    properties: Json = {}
    for segment, below in tree.items():
        name = str(segment)
        if isinstance(below, OpenField):
            properties[name] = {"enum": list(below.choices)}
        elif isinstance(below, Mapping):
            properties[name] = _node(below, live.get(name) if isinstance(live, Mapping) else None)
    return _object(properties, required=None if len(properties) == 1 else ())


def _element(segment: Segment, below: object, live: object) -> Json:
    """One existing list element: its merge key is a constant of the type that the live object has."""
    if not isinstance(segment, Element) or not isinstance(below, Mapping):
        raise TypeError("a list holds elements that hold fields")
    items = live if isinstance(live, list) else []
    item = next(i for i in items if all(str(i.get(name)) == text for name, text in segment.key))
    inner = _node(below, item)
    inner["properties"] = {name: {"const": item[name]} for name, _ in segment.key} | inner["properties"]
    inner["required"] = [*(name for name, _ in segment.key), *inner["required"]]
    return inner
