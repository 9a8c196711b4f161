r"""The path language of assertions: dots, `[*]` every element, `[k=v]` select, `[n]` index, `\.` a literal dot.

Spelling and parser are those of intents (intents/fields.py). What differs is the reading: an assertion is
about every value that a path leads to, so a path here gives all of them, and `[k=v]` gives every element that
fits. A bare `*` is a key of that name. null is absence, as for the API server.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import PlainValidator

from intents.fields import Element, FieldPath, Segment, parse_path


def parse(text: object) -> FieldPath:
    """Read a path; raises ValueError with the place that is wrong."""
    if not isinstance(text, str):
        raise ValueError("a path is text, such as spec.replicas")  # noqa: TRY004 - pydantic reads ValueError
    return parse_path(text)


Path = Annotated[FieldPath, PlainValidator(parse)]
"""A path as a field of an assertion."""


def values_at(document: object, path: FieldPath) -> list[Any]:
    """Every value that the path leads to, in the order of the document; nulls are left out."""
    found: list[Any] = [document]
    for segment in path:
        found = [value for here in found for value in _step(here, segment) if value is not None]
    return found


def _step(here: Any, segment: Segment) -> Iterable[Any]:
    if isinstance(segment, str):
        return [here[segment]] if isinstance(here, dict) and segment in here else []
    if not isinstance(here, list):
        return []
    if segment.index is not None:
        return here[segment.index : segment.index + 1]
    return [item for item in here if selects(segment, item)]


def selects(element: Element, item: object) -> bool:
    """Whether `[*]` or `[k=v]` takes this list element. Values are compared as text: `[port=80]` takes the
    number 80."""
    if not element.key:
        return True
    return isinstance(item, dict) and all(as_text(item.get(name)) == wanted for name, wanted in element.key)


def as_text(value: object) -> str | None:
    """A scalar as JSON spells it, text as it is; None for what is no scalar."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else None
