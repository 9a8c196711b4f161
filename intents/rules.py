"""Rules that the field types alone cannot state: what would be refused, ignored or contradicted later.

Each rule looks at the parts it needs and yields (location, message, remedy). Parts that are themselves
malformed are absent, so that the rules still speak about the rest and all errors come at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from intents.editable import refusals, value_at
from intents.explain import Location, show
from intents.fields import parse_path
from intents.model import (
    WORKLOAD_KINDS,
    Budget,
    Editable,
    EndpointsPresent,
    Expectation,
    Freeze,
    Gate,
    Intent,
    ManifestDesired,
    MetricHolds,
    Mode,
    Rehearsal,
    ReplicasAtLeast,
    Scope,
    Verification,
    Window,
    WorkloadHealthy,
)
from intents.objectives import CPUThrottling, MemoryLeak, MemoryNearLimit, VolumeFilling
from intents.patterns import full_match
from intents.query_text import misfit
from intents.units import parse_duration, parse_quantity

Finding = tuple[Location, str, str]


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one intent that are well-formed. Lists keep their index in the file.

    `zones` is the set of IANA names that the host knows (this folder reads no files); None leaves the
    check to whoever knows. `whole` says that no part is missing.
    """

    zones: frozenset[str] | None = None
    scope: Scope | None = None
    expectations: Mapping[int, Expectation] = field(default_factory=dict)
    editable: Mapping[int, Editable] = field(default_factory=dict)
    mode: Mode | None = None
    recreate: Mapping[int, str] = field(default_factory=dict)
    budget: Budget | None = None
    window: Window | None = None
    freezes: Mapping[int, Freeze] = field(default_factory=dict)
    gates: Mapping[int, Gate] = field(default_factory=dict)
    verification: Verification | None = None
    rehearsal: Rehearsal | None = None
    whole: bool = False


def parts_of(intent: Intent, zones: frozenset[str] | None) -> Parts:
    """All parts of a well-formed intent."""
    spec = intent.spec
    return Parts(
        zones=zones,
        scope=spec.scope,
        expectations=dict(enumerate(spec.expectations)),
        editable=dict(enumerate(spec.editable)),
        mode=spec.mode,
        recreate=dict(enumerate(spec.recreate)),
        budget=spec.budget,
        window=spec.window,
        freezes=dict(enumerate(spec.freezes)),
        gates=dict(enumerate(spec.gates)),
        verification=spec.verification,
        rehearsal=spec.rehearsal,
        whole=True,
    )


def findings(parts: Parts) -> Iterator[Finding]:
    """Everything that the rules object to."""
    for rule in RULES:
        yield from rule(parts)


def _editable_paths(parts: Parts) -> Iterator[Finding]:
    for index, entry in parts.editable.items():
        for message, remedy in refusals(entry.kind, parse_path(entry.path)):
            yield ("spec", "editable", index, "path"), f"{entry.path}: {message}", remedy


def _editable_bounds(parts: Parts) -> Iterator[Finding]:
    for index, entry in parts.editable.items():
        here: Location = ("spec", "editable", index)
        value = value_at(entry.kind, parse_path(entry.path))
        bounds = [name for name in ("min", "max") if getattr(entry, name) is not None]
        if bounds and value is not None and not value.bounded:
            remedy = "Use pattern or values"
            yield (*here, bounds[0]), f"{entry.path} holds {value}; {bounds[0]} does not apply", remedy
        if bounds and (entry.pattern is not None or entry.values is not None):
            remedy = "Keep min and max for numbers, pattern or values for text"
            yield (*here, bounds[0]), f"{bounds[0]} beside pattern or values", remedy
        if len(bounds) > 1 and parse_quantity(entry.min or 0) > parse_quantity(entry.max or 0):
            message = f"min {entry.min} is greater than max {entry.max}"
            yield (*here, "min"), message, "Exchange them; mind the units (1Gi = 1024Mi)"
        for name in bounds:
            if parse_quantity(getattr(entry, name)) < 0:
                yield (*here, name), f"{getattr(entry, name)} is negative", "Write 0 or more"
        if entry.values is not None and not entry.values:
            yield (*here, "values"), "the list is empty, so no value is allowed", "Remove the entry"


def _editable_patterns(parts: Parts) -> Iterator[Finding]:
    for index, entry in parts.editable.items():
        if entry.pattern is None:
            continue
        here: Location = ("spec", "editable", index)
        value = value_at(entry.kind, parse_path(entry.path))
        if value is not None and value.bounded and value != "number or text":
            yield (*here, "pattern"), f"{entry.path} holds a {value}", "Use min and max"
        try:
            matches = full_match(entry.pattern)
        except ValueError as error:
            remedy = (
                "Use RE2 syntax: no back-references, no look-around; it is matched against the whole value"
            )
            yield (*here, "pattern"), f"the pattern cannot be used: {error}", remedy
            continue
        for place, text in enumerate(entry.values or ()):
            if not matches(text):
                remedy = "Change the pattern or remove the value"
                yield (*here, "values", place), f"{show(text)} does not match the pattern", remedy


def _editable_kinds(parts: Parts) -> Iterator[Finding]:
    kind = parts.scope.kind if parts.scope else None
    for index, entry in parts.editable.items():
        if kind in WORKLOAD_KINDS and entry.kind in WORKLOAD_KINDS and entry.kind != kind:
            message = f"the entry is for a {entry.kind}, the scope for a {kind}"
            yield ("spec", "editable", index), message, f"Add `kind: {kind}` to the entry"


def _editable_twice(parts: Parts) -> Iterator[Finding]:
    keys = {index: (entry.kind, parse_path(entry.path)) for index, entry in parts.editable.items()}
    for index, first in _repeated(keys):
        message = f"the same field as in spec.editable[{first}]"
        yield ("spec", "editable", index, "path"), message, "Keep one entry; two bounds would contradict"


def _expectations_twice(parts: Parts) -> Iterator[Finding]:
    seen: list[tuple[int, Expectation]] = []  # compared by ==: manifests do not hash
    for index, expectation in parts.expectations.items():
        first = next((place for place, other in seen if other == expectation), None)
        if first is not None:
            yield ("spec", "expectations", index), f"the same as spec.expectations[{first}]", "Keep one"
        seen.append((index, expectation))


_CLAIMED = ("StatefulSet", "PersistentVolumeClaim")
"""Kinds whose claims can be told by name."""


def _expectations_fit_the_scope(parts: Parts) -> Iterator[Finding]:
    scope = parts.scope
    if scope is None:
        return
    for index, expectation in parts.expectations.items():
        here: Location = ("spec", "expectations", index)
        match expectation:
            case WorkloadHealthy() | ReplicasAtLeast() if scope.kind == "Service":
                message = f"{expectation.type} is about workloads, the scope about a Service"
                yield (*here, "type"), message, "Use endpointsPresent, or another scope.kind"
            case EndpointsPresent(service=service) if scope.kind == "Service" and scope.name not in (
                None,
                service,
            ):
                message = f"the scope names the Service {scope.name}, the expectation {service}"
                yield (*here, "service"), message, "Name the same Service in both"
            case ManifestDesired():
                yield from _manifest(here, expectation.manifest, scope)
            case CPUThrottling() | MemoryNearLimit() | MemoryLeak() if (
                scope.kind is not None and scope.kind not in WORKLOAD_KINDS
            ):
                message = f"{expectation.type} is about workloads, the scope about a {scope.kind}"
                yield (*here, "type"), message, "Use another scope.kind, or none"
            case VolumeFilling(claim=None) if scope.name and scope.kind not in _CLAIMED:
                message = "nothing here tells which claims the scope's object uses"
                yield here, message, "Add `claim: NAME`, or leave scope.name out"


def _queries(parts: Parts) -> Iterator[Finding]:
    queries = {
        "expectations": {
            index: wish.query for index, wish in parts.expectations.items() if isinstance(wish, MetricHolds)
        },
        "gates": {index: gate.query for index, gate in parts.gates.items()},
    }
    for where, by_index in queries.items():
        for index, query in by_index.items():
            if (found := misfit(query)) is not None:
                remedy = "Mend the PromQL; `intentd check --prometheus` has your Prometheus parse it"
                yield ("spec", where, index, "query"), str(found), remedy


def _manifest(here: Location, manifest: Mapping[str, Any], scope: Scope) -> Iterator[Finding]:
    metadata = (*here, "manifest", "metadata")
    namespace = manifest["metadata"].get("namespace", scope.namespace)
    if namespace != scope.namespace:
        message = f"namespace {show(namespace)} is not the scope's, {scope.namespace}"
        yield (*metadata, "namespace"), message, "Write the scope's, or leave it out"
    kind, name = manifest["kind"], manifest["metadata"]["name"]
    api_version = "v1" if kind in ("Service", "ConfigMap") else "apps/v1"
    if not isinstance(name, str):
        yield (*metadata, "name"), f"{show(name)} is not a name", "Put it in quotes"
    if kind not in (*WORKLOAD_KINDS, "Service", "ConfigMap"):
        remedy = f"Only {', '.join(WORKLOAD_KINDS)}, Service and ConfigMap can be provisioned"
        yield (*here, "manifest", "kind"), f"{show(kind)} is not a kind that intentd writes", remedy
    elif manifest["apiVersion"] != api_version:
        message = f"a {kind} has apiVersion {api_version}, not {show(manifest['apiVersion'])}"
        yield (*here, "manifest", "apiVersion"), message, f"Write {api_version}"
    elif scope.kind is not None and kind not in ("ConfigMap", scope.kind):
        message = f"the manifest is a {kind}, the scope about a {scope.kind}"
        yield (*here, "manifest", "kind"), message, "Write an intent of its own for it"
    elif scope.name is not None and kind == scope.kind and name != scope.name:
        message = f"the manifest is named {show(name)}, the scope names {scope.name}"
        yield (*metadata, "name"), message, "Name the same object in both"
    for key in ("status", "uid", "resourceVersion", "ownerReferences", "managedFields"):
        if key in (manifest if key == "status" else manifest["metadata"]):
            place = (*here, "manifest", key) if key == "status" else (*metadata, key)
            yield place, f"{key} belongs to the cluster", "Remove it from the manifest"


def _auto_can_act(parts: Parts) -> Iterator[Finding]:
    if not parts.whole or parts.mode is not Mode.AUTO or parts.editable:
        return
    if not any(isinstance(expectation, ManifestDesired) for expectation in parts.expectations.values()):
        remedy = "List the fields that a fix may change, or use mode: propose"
        yield ("spec", "mode"), "mode auto, but no field is editable, so nothing could be done", remedy


def _recreate_twice(parts: Parts) -> Iterator[Finding]:
    for index, first in _repeated(dict(parts.recreate)):
        yield ("spec", "recreate", index), f"the same kind as spec.recreate[{first}]", "Keep one"


def _recreate_can_happen(parts: Parts) -> Iterator[Finding]:
    """A kind of which nothing can be changed is not recreated either."""
    if not parts.whole:
        return
    opened = {entry.kind for entry in parts.editable.values()}
    wished = {
        wish.manifest["kind"] for wish in parts.expectations.values() if isinstance(wish, ManifestDesired)
    }
    for index, kind in parts.recreate.items():
        if kind not in opened | wished:
            message = f"no field of a {kind} is editable, and no manifest desires one"
            yield (
                ("spec", "recreate", index),
                message,
                f"Open its field (`kind: {kind}`), or remove the entry",
            )


def _window_opens(parts: Parts) -> Iterator[Finding]:
    window = parts.window
    if window is None:
        return
    if window.start == window.end:
        remedy = "Write 00:00 and 24:00 for the whole day; an end before the start is on the next day"
        yield ("spec", "window", "end"), f"a window from {window.start} to {window.end} is empty", remedy
    for index, first in _repeated(dict(enumerate(window.days))):
        yield ("spec", "window", "days", index), f"the same day as days[{first}]", "Keep one"
    yield from _zone(parts, window.time_zone, ("spec", "window", "timeZone"))


def _zone(parts: Parts, zone: str, place: Location) -> Iterator[Finding]:
    if parts.zones is not None and zone not in parts.zones:
        close = get_close_matches(zone, parts.zones, n=1)
        remedy = f"Did you mean {close[0]}?" if close else "Write an IANA name, such as Europe/Berlin"
        yield place, f"unknown time zone {show(zone)}", remedy


def _freezes_begin_and_end(parts: Parts) -> Iterator[Finding]:
    for index, freeze in parts.freezes.items():
        here: Location = ("spec", "freezes", index)
        first, after = freeze.bounds()
        if first >= after:
            message = f"a freeze from {freeze.from_} to {freeze.until} is empty"
            yield (*here, "until"), message, "Exchange them; a date as `until` is the last frozen day"
        yield from _zone(parts, freeze.time_zone, (*here, "timeZone"))


def _durations(parts: Parts) -> Iterator[Finding]:
    verification, rehearsal = parts.verification, parts.rehearsal
    if verification is not None:
        remedy = "The fault must go away and stay away for the window within the timeout; raise timeout"
        yield from _window_in_timeout("verification", verification.window, verification.timeout, remedy)
        if parse_duration(verification.window) <= 0:
            yield ("spec", "verification", "window"), "a window of 0 verifies nothing", "For example 60s"
    if rehearsal is not None:
        remedy = "The canary must come up and stay healthy for the window within the timeout; raise timeout"
        yield from _window_in_timeout("rehearsal", rehearsal.window, rehearsal.timeout, remedy)
        if parse_duration(rehearsal.window) <= 0:
            yield ("spec", "rehearsal", "window"), "a window of 0 rehearses nothing", "For example 30s"
    if parts.budget is not None and parse_duration(parts.budget.per) <= 0:
        yield ("spec", "budget", "per"), "a budget per 0 seconds is no budget", "For example 1h"


def _window_in_timeout(field_name: str, window: str, timeout: str, remedy: str) -> Iterator[Finding]:
    if parse_duration(timeout) <= parse_duration(window):
        message = f"timeout {timeout} is not longer than window {window}"
        yield ("spec", field_name, "timeout"), message, remedy


def _repeated(keys: Mapping[int, object]) -> Iterator[tuple[int, int]]:
    """Indexes whose key an earlier index has, with that index."""
    first: dict[object, int] = {}
    for index, key in keys.items():
        if first.setdefault(key, index) != index:
            yield index, first[key]


RULES: tuple[Callable[[Parts], Iterable[Finding]], ...] = (
    _editable_paths,
    _editable_bounds,
    _editable_patterns,
    _editable_kinds,
    _editable_twice,
    _expectations_twice,
    _expectations_fit_the_scope,
    _queries,
    _auto_can_act,
    _recreate_twice,
    _recreate_can_happen,
    _window_opens,
    _freezes_begin_and_end,
    _durations,
)
