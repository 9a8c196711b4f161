"""pydantic's errors as sentences with a remedy: which names exist here, which values are allowed, what one
looks like."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from intents.schema import schema_at

Location = tuple[str | int, ...]
_KINDS = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "dict_type": "fields (`key: value`)",
    "model_type": "fields (`key: value`)",
    "tuple_type": "a list (`- item`)",
    "list_type": "a list (`- item`)",
}


def sentences(error: ValidationError) -> Iterator[tuple[Location, str, str]]:
    """Location, message and remedy of each mistake, without those that only follow from another."""
    details = error.errors(include_url=False)
    for detail in details:
        location = detail["loc"]
        if detail["type"] == "too_short" and detail["input"]:
            continue  # the list has items; pydantic counts only the valid ones, and names the others itself
        message, remedy = _sentence(detail["type"], location, detail["input"], detail.get("ctx", {}))
        yield location, message or _plain(detail["msg"]), remedy


def did_you_mean(word: str, names: Iterable[str]) -> str:
    """A remedy that names the closest choice and then all of them."""
    choices = list(names)
    folded = {name.lower().replace("_", ""): name for name in choices}
    close = get_close_matches(word.lower().replace("_", ""), folded, n=1, cutoff=0.6)
    listing = f"Allowed here: {', '.join(choices)}" if choices else ""
    return f"Did you mean {folded[close[0]]}? {listing}" if close else listing


def _sentence(kind: str, location: Location, given: Any, context: Mapping[str, Any]) -> tuple[str, str]:
    schema = schema_at(location)
    parent = schema_at(location[:-1])
    match kind:
        case "extra_forbidden":
            return f"unknown field {show(location[-1])}", did_you_mean(
                str(location[-1]), parent.get("properties", {})
            )
        case "missing":
            return f"{location[-1]} is missing", _example(schema) or f"Add `{location[-1]}: ...`"
        case "literal_error" | "enum":
            choices = schema.get("enum") or [schema["const"]] if "const" in schema else schema.get("enum", [])
            return f"{show(given)} is not allowed", did_you_mean(str(given), map(str, choices))
        case "union_tag_invalid":
            tags = schema.get("discriminator", {}).get("mapping", {})
            return f"unknown type {show(context.get('tag'))}", did_you_mean(str(context.get("tag")), tags)
        case "union_tag_not_found":
            tags = schema.get("discriminator", {}).get("mapping", {})
            return "type is missing", f"Add `type:` with one of {', '.join(tags)}"
        case "value_error":
            message, _, example = str(context["error"]).partition(", such as ")
            if example:
                return message, f"Write one such as {example}"
            return message, _example(schema) if schema.get("type") != "object" else "Add what is missing"
        case "string_pattern_mismatch":
            if "a-z0-9" in str(context.get("pattern")):
                return f"{show(given)} is not a Kubernetes name", "Use a-z, 0-9, '-' and '.', such as web-1"
            return f"{show(given)} is not a time of day", "Write it with two digits, such as 09:00"
        case "greater_than_equal":
            return f"{show(given)} is too small", f"Write at least {context['ge']}"
        case "less_than_equal":
            return f"{show(given)} is too large", f"Write at most {context['le']}"
        case "too_short":
            return "the list is empty", f"Write at least {context['min_length']}"
        case "too_long":
            return "the list is too long", f"Write at most {context['max_length']}"
        case "string_too_long":
            return "the text is too long", f"Use at most {context['max_length']} characters"
        case "string_too_short":
            return "the text is empty", _example(schema) or "Write one"
        case "finite_number":
            return f"{show(given)} is not a finite number", "Write a number"
        case _ if kind in _KINDS:
            return f"{_kind_of(given)} instead of {_KINDS[kind]}", _quote(kind, given, schema)
        case _:
            return "", _example(schema) or "See the JSON Schema of intents"


def show(value: object) -> str:
    """A value as it can stand in a one-line sentence."""
    text = value if isinstance(value, str) else repr(value)
    text = repr(text) if isinstance(value, str) else text
    return text if len(text) <= 80 else f"{text[:77]}..."


def _kind_of(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case int() | float():
            return f"the number {show(value)}"
        case str():
            return f"the text {show(value)}"
        case Sequence():
            return "a list"
        case _:
            return "fields"


def _quote(kind: str, given: Any, schema: Mapping[str, Any]) -> str:
    if kind == "string_type" and isinstance(given, bool | int | float):
        return "Put it in quotes"
    if kind in ("int_type", "float_type") and isinstance(given, str):
        return "Write the number without quotes" if _is_number(given) else "Write a number"
    return _example(schema) or f"Write {_KINDS[kind]} here"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _example(schema: Mapping[str, Any]) -> str:
    if schema.get("examples"):
        return f"For example {schema['examples'][0]}"
    if schema.get("enum"):
        return f"One of {', '.join(map(str, schema['enum']))}"
    if "const" in schema:
        return f"Write {schema['const']}"
    if schema.get("type") == "object" and schema.get("properties"):
        return f"Fields: {', '.join(schema['properties'])}"
    return ""


def _plain(message: str) -> str:
    return message[:1].lower() + message[1:].rstrip(".")
