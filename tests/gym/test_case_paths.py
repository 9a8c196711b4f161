"""The path language of assertions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym.cases.paths import parse, values_at
from intents.fields import format_path

POD = {
    "metadata": {"annotations": {"intentd.io/owner": "shop"}},
    "spec": {
        "replicas": 0,
        "paused": None,
        "containers": [
            {"name": "app", "ports": [{"containerPort": 80}], "env": [{"name": "A", "value": ""}]},
            {"name": "log", "ports": [{"containerPort": 81}, {"containerPort": 82}]},
        ],
    },
}


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("spec.replicas", [0]),
        ("spec.paused", []),  # null is absence
        ("spec.nothing.below", []),
        ("spec.replicas.below", []),
        ("spec.containers[*].name", ["app", "log"]),
        ("spec.containers[1].name", ["log"]),
        ("spec.containers[2].name", []),
        ("spec.containers[name=log].ports[*].containerPort", [81, 82]),
        ("spec.containers[*].ports[containerPort=80].containerPort", [80]),
        ("spec.containers[name=none].name", []),
        ("spec.containers[0].env[name=A].value", [""]),
        (r"metadata.annotations.intentd\.io/owner", ["shop"]),
        ("metadata.annotations.intentd.io/owner", []),
        ("spec[0]", []),
    ],
)
def test_a_path_gives_every_value_that_it_leads_to(path, values):
    assert values_at(POD, parse(path)) == values


@pytest.mark.parametrize("path", ["", ".", "spec..x", "spec.", "spec[", "spec[]", "spec[a]", "[0]", 7, None])
def test_a_path_that_is_none_is_refused(path):
    with pytest.raises(ValueError):
        parse(path)


names = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=12)


@given(st.lists(names, min_size=1, max_size=5), st.integers() | st.text())
def test_any_key_can_be_named_and_leads_to_its_value(keys, value):
    document = value
    for key in reversed(keys):
        document = {key: document, key + "x": "a neighbour"}
    escaped = ".".join("".join("\\" + char if char in "\\.[" else char for char in key) for key in keys)
    assert values_at(document, parse(escaped)) == [value]
    assert parse(format_path(parse(escaped))) == parse(escaped)


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
)


@given(json, st.sampled_from(["a", "a.b", "a[*]", "a[0].b", "a[b=1].a", "a[*][*]"]))
def test_whatever_a_document_holds_a_path_never_fails_and_never_gives_null(document, path):
    assert None not in values_at(document, parse(path))
