"""The JSON Schema that editors use."""

from __future__ import annotations

from intents.schema import intent_schema, schema_at


def test_the_schema_names_what_files_write() -> None:
    schema = intent_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    scope = schema["$defs"]["Scope"]
    assert set(scope["properties"]) == {"namespace", "kind", "name", "matchLabels"}
    assert scope["additionalProperties"] is False
    assert scope["required"] == ["namespace"]


def test_every_object_of_the_schema_is_closed_and_described() -> None:
    for name, part in intent_schema()["$defs"].items():
        assert part.get("description"), name
        if part["type"] == "object":
            assert part["additionalProperties"] is False, name


def test_a_place_in_a_file_finds_its_part_of_the_schema() -> None:
    assert "30s" in schema_at(("spec", "expectations", 0, "metric", "for"))["examples"]
    assert schema_at(("spec", "mode"))["enum"] == ["observe", "propose", "auto"]
    assert schema_at(("spec", "window", "days", 0))["enum"][0] == "Mon"
    assert not schema_at(("spec", "nothing", 0))
