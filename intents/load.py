"""One intent file: text in, intents and all its problems out.

A file is judged as a whole: `intents` lists the documents that are fine, but whoever enforces them must look
at `problems` first (the catalog lets a file with problems change nothing).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any, TypeVar

import msgspec
from pydantic import TypeAdapter, ValidationError

from intents.documents import Document, read_documents
from intents.explain import Location, sentences, show
from intents.model import (
    API_VERSION,
    Budget,
    Editable,
    Expectation,
    Freeze,
    Gate,
    Intent,
    Mode,
    Rehearsal,
    Scope,
    Verification,
    Window,
)
from intents.problems import Problem, format_location, one_line
from intents.rules import Finding, Parts, findings, parts_of

MAX_PROBLEMS = 100
"""Listed of one file: more help nobody."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LoadedIntent:
    """An intent with the line where it starts and the sha256 of its content (comments, order of keys and
    layout do not count)."""

    intent: Intent
    line: int
    digest: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """What one file says. No problems means that all of it is usable."""

    documents: tuple[LoadedIntent, ...]
    problems: tuple[Problem, ...]

    @property
    def intents(self) -> tuple[Intent, ...]:
        """The well-formed intents, in the order of the file."""
        return tuple(document.intent for document in self.documents)


def load(file: str, text: str, *, zones: frozenset[str] | None = None) -> Loaded:
    """Read a file; never raises. `zones` are the known IANA time zones (None: not checked)."""
    read = read_documents(file, text)
    problems = list(read.problems)
    loaded: list[LoadedIntent] = []
    names: dict[str, int] = {}
    for document in read.documents:
        intent, found = _document(document, zones)
        problems += [
            Problem(
                file,
                document.line_of(location),
                _field(document, location),
                one_line(message),
                one_line(remedy),
            )
            for location, message, remedy in found
        ]
        name = _name(document)
        if name is not None and name in names:
            message = f"intent {show(name)} is already defined at line {names[name]}"
            line = document.line_of(("metadata", "name"))
            problems.append(Problem(file, line, "metadata.name", message, "Rename one of them"))
        elif name is not None:
            names[name] = document.line_of(("metadata", "name"))
        if intent is not None and not found:
            digest = sha256(_canonical(document.value)).hexdigest()
            loaded.append(LoadedIntent(intent, document.line, digest))
    problems.sort(key=lambda problem: problem.order)
    if len(problems) > MAX_PROBLEMS:
        more = f"and {len(problems) - MAX_PROBLEMS} more problems"
        problems[MAX_PROBLEMS:] = [
            Problem(file, problems[MAX_PROBLEMS].line, "", more, "Mend the ones above")
        ]
    return Loaded(tuple(loaded), tuple(problems))


def _document(document: Document, zones: frozenset[str] | None) -> tuple[Intent | None, list[Finding]]:
    stranger = _stranger(document.value)
    if stranger is not None:
        return None, [stranger]
    try:
        intent = _validate(_adapter(Intent), document.value)
    except ValidationError as error:
        found = [*sentences(error), *findings(_usable_parts(document.value, zones))]
        return None, found
    return intent, list(findings(parts_of(intent, zones)))


def _stranger(value: Any) -> Finding | None:
    """A document that is no intent at all gets one sentence instead of twenty."""
    remedy = f"An intent starts with `apiVersion: {API_VERSION}` and `kind: Intent`"
    if not isinstance(value, dict):
        return (), "this is no intent", remedy
    if "spec" not in value and "metadata" not in value:
        return (), "this is no intent", remedy
    api, kind = value.get("apiVersion"), value.get("kind")
    if kind != "Intent" and isinstance(kind, str) and not str(api).startswith("intentd.io/"):
        return ("kind",), f"a {kind[:80]} is no intent", f"{remedy}; keep manifests elsewhere"
    return None


def _usable_parts(value: Mapping[str, Any], zones: frozenset[str] | None) -> Parts:
    """What can still be judged of a malformed intent."""
    spec = value.get("spec")
    spec = spec if isinstance(spec, dict) else {}

    def part(kind: Any, raw: object) -> Any:
        try:
            return _validate(_adapter(kind), raw) if raw is not None else None
        except ValidationError:
            return None  # its own errors are listed already

    def several(kind: Any, raw: object) -> dict[int, Any]:
        items = enumerate(raw if isinstance(raw, list) else ())
        return {index: found for index, item in items if (found := part(kind, item)) is not None}

    return Parts(
        zones=zones,
        scope=part(Scope, spec.get("scope")),
        expectations=several(Expectation, spec.get("expectations")),
        editable=several(Editable, spec.get("editable")),
        mode=part(Mode, spec.get("mode")),
        budget=part(Budget, spec.get("budget")),
        window=part(Window, spec.get("window")),
        freezes=several(Freeze, spec.get("freezes")),
        gates=several(Gate, spec.get("gates")),
        verification=part(Verification, spec.get("verification")),
        rehearsal=part(Rehearsal, spec.get("rehearsal")),
    )


@lru_cache(maxsize=32)
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _validate(adapter: TypeAdapter[T], value: object) -> T:
    """Strict, by the names that the schema shows. Through JSON, because strict mode takes a JSON list for a
    tuple and a JSON string for an enum, but never "5" for 5."""
    return adapter.validate_json(_canonical(value), strict=True, by_alias=True, by_name=False)


def _canonical(value: object) -> bytes:
    return msgspec.json.encode(value, order="sorted")


def _name(document: Document) -> str | None:
    value = document.value
    metadata = value.get("metadata") if isinstance(value, dict) else None
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return name if isinstance(name, str) else None


def _field(document: Document, location: Location) -> str:
    return format_location(_steps(document.value, location))


def _steps(value: Any, location: Location) -> Iterator[str | int]:
    """The location without the union tags that pydantic puts between an index and a field."""
    for place, step in enumerate(location):
        in_list = place > 0 and isinstance(location[place - 1], int)
        if in_list and isinstance(value, dict) and step not in value and value.get("type") == step:
            continue
        yield step
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list):
            value = value[step] if isinstance(step, int) and step < len(value) else None
