"""The JSON Schema of intent files, for editors (`# yaml-language-server: $schema=...`) and for our own
error sentences, which take field names, choices and examples from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from intents.model import API_VERSION, Intent

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def intent_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of one intent document. What it cannot say (rules across fields) only
    `intents.load` checks."""
    schema = Intent.model_json_schema(by_alias=True, mode="validation", schema_generator=GenerateJsonSchema)
    return {"$schema": DIALECT, "$id": f"https://{API_VERSION}/intent.schema.json", **schema}


@lru_cache(maxsize=1)
def _schema() -> dict[str, Any]:
    return intent_schema()


def schema_at(location: Sequence[str | int]) -> Mapping[str, Any]:
    """The part of the schema that speaks about a place in a file; empty where the schema has no such
    place. A step that chooses a member of a union (pydantic puts the tag into its locations) is taken."""
    here = _resolved(_schema())
    for step in location:
        here = _resolved(_step(here, step))
        if not here:
            break
    return here


def _step(here: Mapping[str, Any], step: str | int) -> Mapping[str, Any]:
    mapping = here.get("discriminator", {}).get("mapping", {})
    if step in mapping:
        return {"$ref": mapping[step]}
    if isinstance(step, int):
        return _object(here.get("items", {}))
    found = here.get("properties", {}).get(step)
    return _object(found if found is not None else here.get("additionalProperties", {}))


def _object(part: Any) -> Mapping[str, Any]:
    return part if isinstance(part, Mapping) else {}


def _resolved(part: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow references, and `X or null` to X; keep the description and examples written beside them."""
    while True:
        reference = part.get("$ref")
        if isinstance(reference, str):
            target = _schema()["$defs"][reference.rpartition("/")[2]]
            part = {**target, **{key: value for key, value in part.items() if key != "$ref"}}
            continue
        choices = [choice for choice in part.get("anyOf", ()) if choice.get("type") != "null"]
        if len(choices) == 1:
            part = {**choices[0], **{key: value for key, value in part.items() if key != "anyOf"}}
            continue
        return part
