"""Reading the model's answers, strictly: what is not exactly what was asked is Unusable with a reason.

Guarded decoding should make most of these impossible. Should is not is: the server may be another version,
another program, or an attacker, so nothing here relies on the grammar.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Annotated, NoReturn

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from detectors.model import FaultClass
from intents.fields import Element, FieldPath, Segment
from remediation.evidence.text import one_line
from remediation.model import Answer, Json, Unusable, UnusableReason
from remediation.schema import CAUSE_CHARS, WHY_CHARS, OpenField, Scalar

MAX_ANSWER_CHARS = 4000
"""No answer of ours is longer (a manifest of twelve fields is under 2,000)."""

DETAIL_CHARS = 300
"""Longest reason; it may quote the answer, and people read it."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Abstention(_Strict):
    """The model says that the evidence does not tell, or that nothing open to it helps."""

    abstain: Annotated[str, StringConstraints(max_length=CAUSE_CHARS, strip_whitespace=True)]


class Cause(_Strict):
    """The root cause in a sentence, with the evidence it rests on."""

    cause: Annotated[str, StringConstraints(min_length=8, max_length=CAUSE_CHARS, strip_whitespace=True)]
    evidence: tuple[str, ...]
    fault_class: str | None = None


class Repair(_Strict):
    """A patched manifest (only the parts that change) and why."""

    why: Annotated[str, StringConstraints(max_length=WHY_CHARS, strip_whitespace=True)]
    manifest: dict[str, object]


Change = tuple[OpenField, Scalar]
"""One leaf that a repair sets, and to what."""


def parse_cause(answer: Answer, known_ids: Sequence[str], classes: Sequence[FaultClass]) -> Cause | Unusable:
    """The answer to `diagnose`. Abstained, malformed, citing unknown evidence or another fault class: all
    Unusable."""
    read = _read(answer, Cause)
    if isinstance(read, Unusable) or not isinstance(read, Cause):
        return (
            read if isinstance(read, Unusable) else _unusable(UnusableReason.INVALID, "not a cause", answer)
        )
    unknown = [cited for cited in read.evidence if cited not in known_ids]
    if unknown or not read.evidence:
        what = f"cites {', '.join(unknown)}, which it was not shown" if unknown else "cites no evidence"
        return _unusable(UnusableReason.UNKNOWN_EVIDENCE, what, answer)
    if read.fault_class is not None and read.fault_class not in {c.value for c in classes}:
        return _unusable(UnusableReason.INVALID, f"fault class {read.fault_class!r} was not offered", answer)
    cause = one_line(read.cause, CAUSE_CHARS)
    if not cause:
        return _unusable(UnusableReason.INVALID, "the cause says nothing that can be read", answer)
    return read.model_copy(update={"cause": cause})


def parse_repair(answer: Answer, fields: Sequence[OpenField]) -> tuple[Repair, tuple[Change, ...]] | Unusable:
    """The answer to `repair`, with the leaves it sets. Every leaf must be one of `fields`, set to a value
    offered for it; nothing else may stand in the manifest."""
    read = _read(answer, Repair)
    if isinstance(read, Unusable) or not isinstance(read, Repair):
        return (
            read if isinstance(read, Unusable) else _unusable(UnusableReason.INVALID, "no manifest", answer)
        )
    try:
        changes = tuple(_changes(read.manifest, {field.path: field for field in fields}))
    except _NotOfferedError as error:
        return _unusable(UnusableReason.INVALID, str(error), answer)
    if not changes:
        return _unusable(UnusableReason.NOTHING_TO_CHANGE, "the manifest changes nothing", answer)
    return read, changes


def judged_yes(answer: Answer) -> float | Unusable:
    """p(Yes), or Unusable where the server gave no finite probability."""
    p = answer.p_yes
    if p is None or not math.isfinite(p) or not 0.0 <= p <= 1.0:
        return _unusable(UnusableReason.INVALID, f"no probability of Yes ({p!r})", answer)
    return p


def _unusable(reason: UnusableReason, detail: str, answer: Answer) -> Unusable:
    return Unusable(reason, one_line(detail, DETAIL_CHARS), weights=answer.weights)


def _read(answer: Answer, model: type[_Strict]) -> _Strict | Unusable:
    text = answer.text.strip()
    if len(text) > MAX_ANSWER_CHARS:
        return _unusable(UnusableReason.INVALID, f"the answer has {len(text)} characters", answer)
    try:
        document = json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        return _unusable(UnusableReason.INVALID, f"the answer is not JSON: {error}", answer)
    if isinstance(document, dict) and set(document) == {"abstain"}:
        try:
            said = Abstention.model_validate_json(text).abstain
        except ValidationError:
            said = ""
        return _unusable(UnusableReason.ABSTAINED, said or "without a word", answer)
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "answer"
        return _unusable(UnusableReason.INVALID, f"{place}: {first['msg']}", answer)


def _no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Of two equal keys a parser silently keeps one, and a reviewer may see the other."""
    read = dict(pairs)
    if len(read) != len(pairs):
        raise ValueError("a key stands twice")
    return read


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


# ---------------------------------------------------------------- the manifest's leaves


class _NotOfferedError(Exception):
    """A place or value outside what was offered."""


def _changes(manifest: Json, offered: Mapping[FieldPath, OpenField]) -> list[Change]:
    return _walk(manifest, (), offered)


def _walk(node: object, at: FieldPath, offered: Mapping[FieldPath, OpenField]) -> list[Change]:
    if at in offered:
        field = offered[at]
        for choice in field.choices:
            if choice == node and type(choice) is type(node):
                return [(field, choice)]
        raise _NotOfferedError(f"{_dotted(at)} is set to {node!r}, which was not offered")
    if isinstance(node, Mapping):
        found: list[Change] = []
        for key, below in node.items():
            if _is_key_of_element(at, key):
                continue
            found += _walk(below, (*at, str(key)), offered)
        return found
    if isinstance(node, list):
        return [change for item in node for change in _walk(item, (*at, _place(item, at, offered)), offered)]
    raise _NotOfferedError(f"{_dotted(at)} is not open to a change")


def _is_key_of_element(at: FieldPath, key: object) -> bool:
    return bool(at) and isinstance(at[-1], Element) and key in dict(at[-1].key)


def _place(item: object, at: FieldPath, offered: Mapping[FieldPath, OpenField]) -> Element:
    """Which of the offered list elements this one is, by its merge key."""
    elements: dict[Segment, None] = {
        path[len(at)]: None for path in offered if len(path) > len(at) and path[: len(at)] == at
    }
    for element in elements:
        if not isinstance(element, Element) or not isinstance(item, Mapping):
            continue
        if all(str(item.get(name)) == text for name, text in element.key):
            return element
    raise _NotOfferedError(f"{_dotted(at)} has an element that was not offered")


def _dotted(path: FieldPath) -> str:
    return ".".join(map(str, path)) or "the manifest"
