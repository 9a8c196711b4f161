"""Assertions about the values of fields, both ways; and what is refused as no assertion."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym.cases.assertions.registry import FIELDS, OBJECTS, WrongAssertion, judge, read
from gym.cases.context import ClusterContext
from gym.cases.state import State
from intents.units import parse_quantity

WEB = {"kind": "Deployment", "name": "web"}


LANGUAGE = (
    "eq in matches qty_lt qty_le qty_gt qty_ge ne not_in not_matches exists absent service_selects_pods "
    "workload_selector_matches_template ref_exists secret_keys_exist schedulable quota_admits rbac_allows "
    "rbac_denies netpol_ingress_allows netpol_egress_allows_dns hpa_target_has_request hpa_spread ratio_le "
    "unique_in_kind pdb_allows_disruption subjects_exclude rule_grants_none object_exists "
    "object_absent"
)


def deployment(**spec):
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": spec,
    }


def held(assertion, *objects):
    return judge(read(assertion), State.of(objects), ClusterContext()).held


OBJECT = deployment(
    replicas=3,
    paused=False,
    port="80",
    memory="128Mi",
    ratio=1.0,
    names=["a", ["b"]],
    items=[{"name": "a", "value": "one"}, {"name": "b", "value": "two"}],
)


@pytest.mark.parametrize(
    ("op", "path", "value", "right"),
    [
        ("eq", "spec.replicas", 3, True),
        ("eq", "spec.replicas", 4, False),
        ("eq", "spec.replicas", "3", False),  # the API server tells text from numbers
        ("eq", "spec.port", 80, False),
        ("eq", "spec.paused", False, True),
        ("eq", "spec.paused", 0, False),
        ("eq", "spec.ratio", 1, True),
        ("eq", "spec.items[0]", {"name": "a", "value": "one"}, True),
        ("eq", "spec.names", ["a", ["b"]], True),
        ("eq", "spec.names", ["a"], False),
        ("in", "spec.names", [["a", ["b"]], 1], True),
        ("eq", "spec.items[*].value", "one", False),  # every value has to satisfy
        ("eq", "spec.nothing", 3, False),
        ("in", "spec.items[*].value", ["one", "two"], True),
        ("in", "spec.items[*].value", ["one"], False),
        ("in", "spec.nothing", ["one"], False),
        ("matches", "spec.items[*].value", "^(one|two)$", True),
        ("matches", "spec.items[*].value", "n", False),
        ("matches", "spec.port", "8", True),  # a search
        ("matches", "spec.replicas", "^3$", True),
        ("matches", "spec.items", ".", False),
        ("matches", "spec.nothing", ".", False),
        ("ne", "spec.replicas", 4, True),
        ("ne", "spec.replicas", 3, False),
        ("ne", "spec.nothing", 3, True),
        ("not_in", "spec.items[*].value", ["three"], True),
        ("not_in", "spec.items[*].value", ["two"], False),
        ("not_in", "spec.nothing", ["two"], True),
        ("not_matches", "spec.items[*].value", "three", True),
        ("not_matches", "spec.items[*].value", "w", False),
        ("not_matches", "spec.items", "w", False),  # what cannot be compared is never right
        ("not_matches", "spec.nothing", ".", True),
        ("qty_lt", "spec.memory", "129Mi", True),
        ("qty_lt", "spec.memory", "128Mi", False),
        ("qty_le", "spec.memory", "128Mi", True),
        ("qty_le", "spec.memory", "127Mi", False),
        ("qty_gt", "spec.memory", "100M", True),
        ("qty_gt", "spec.memory", "0.125Gi", False),
        ("qty_ge", "spec.memory", "0.125Gi", True),
        ("qty_ge", "spec.memory", "1Gi", False),
        ("qty_ge", "spec.replicas", 3, True),
        ("qty_ge", "spec.paused", 0, False),
        ("qty_le", "spec.items[*].value", "1Gi", False),
        ("qty_le", "spec.nothing", "1Gi", False),
    ],
)
def test_a_value_is_as_asserted_or_not(op, path, value, right):
    assertion = {"op": op, "target": WEB, "path": path, "value": value}
    assert held(assertion, OBJECT) is right


@pytest.mark.parametrize(("op", "value"), [("eq", 1), ("in", [1]), ("matches", "."), ("qty_le", "1Gi")])
def test_no_value_at_all_counts_only_where_the_case_says_so(op, value):
    assertion = {"op": op, "target": WEB, "path": "spec.nothing", "value": value}
    assert not held(assertion, OBJECT)
    assert held({**assertion, "vacuous_ok": True}, OBJECT)


def test_a_field_exists_or_is_absent():
    there = {"target": WEB, "path": "spec.paused"}
    missing = {"target": WEB, "path": "spec.nothing"}
    assert held({"op": "exists", **there}, OBJECT)
    assert not held({"op": "exists", **missing}, OBJECT)
    assert held({"op": "absent", **missing}, OBJECT)
    assert not held({"op": "absent", **there}, OBJECT)


@pytest.mark.parametrize("op", sorted(FIELDS))
def test_a_missing_target_fails_also_what_forbids(op):
    values = {"in": [1], "not_in": [1], "exists": None, "absent": None}
    value = values.get(op, "1")
    assertion = {"op": op, "target": WEB, "path": "spec.nothing"} | (
        {} if value is None else {"value": value}
    )
    assert not held(assertion)


def test_two_objects_of_one_name_are_told_apart_by_their_namespace_only():
    other = deployment(replicas=1)
    other["metadata"]["namespace"] = "test"
    assertion = {"op": "eq", "target": WEB, "path": "spec.replicas", "value": 3}
    assert not held(assertion, OBJECT, other)
    assert held({**assertion, "target": {**WEB, "namespace": "shop"}}, OBJECT, other)


def test_any_of_needs_one_and_all_of_needs_every_one():
    right = {"op": "eq", "target": WEB, "path": "spec.replicas", "value": 3}
    wrong = {"op": "eq", "target": WEB, "path": "spec.replicas", "value": 4}
    assert held({"anyOf": [wrong, right]}, OBJECT)
    assert not held({"anyOf": [wrong, wrong]}, OBJECT)
    assert held({"allOf": [right, right]}, OBJECT)
    assert not held({"allOf": [right, wrong]}, OBJECT)
    assert held({"anyOf": [wrong, {"allOf": [right, {"anyOf": [right]}]}]}, OBJECT)


def test_each_container_is_checked_init_containers_too():
    template = {
        "spec": {
            "containers": [{"name": "app", "image": "web:v1"}],
            "initContainers": [{"name": "init", "image": "init"}],
        }
    }
    check = {"op": "matches", "path": "image", "value": ":v1$"}
    assertion = {"op": "each_container", "target": WEB, "check": check}
    assert not held(assertion, deployment(template=template))
    assert held({**assertion, "init": False}, deployment(template=template))
    assert held({**assertion, "exempt_images": ["init"]}, deployment(template=template))
    assert held({**assertion, "exempt_images": ["in*"]}, deployment(template=template))
    either = {"anyOf": [check, {"op": "eq", "path": "name", "value": "init"}]}
    assert held({**assertion, "check": either}, deployment(template=template))
    assert not held(assertion, deployment(template={"spec": {"containers": []}}))
    assert not held(assertion, deployment())


@pytest.mark.parametrize(
    ("assertion", "place"),
    [
        ({"op": "equals", "target": WEB, "path": "a", "value": 1}, "op: unknown assertion 'equals'"),
        ({"target": WEB, "path": "a"}, "op: op is missing"),
        ({"op": "eq", "target": WEB, "path": "a"}, "value"),
        ({"op": "eq", "path": "a", "value": 1}, "target"),
        ({"op": "exists", "target": WEB, "path": "a", "vaccuous_ok": True}, "vaccuous_ok"),
        ({"op": "exists", "target": {"kind": "Pod"}, "path": "a"}, "target.name"),
        ({"op": "exists", "target": WEB, "path": "a[b]"}, "path"),
        ({"op": "matches", "target": WEB, "path": "a", "value": "("}, "value: not a regular expression"),
        ({"op": "qty_le", "target": WEB, "path": "a", "value": "many"}, "value"),
        ({"op": "qty_le", "target": WEB, "path": "a", "value": True}, "value"),
        ({"op": "in", "target": WEB, "path": "a", "value": "one"}, "value"),
        ({"anyOf": []}, "anyOf"),
        ({"anyOf": [{"op": "exists", "target": WEB, "path": "a"}, {"op": "no"}]}, "anyOf[1].op"),
        ({"anyOf": [{"op": "exists", "target": WEB, "path": "a"}], "value": 1}, "value"),
        ({"op": "each_container", "target": WEB, "check": {"op": "schedulable"}}, "check.op"),
        (
            {"op": "each_container", "target": WEB, "check": {"op": "exists", "path": "a", "target": WEB}},
            "check.target",
        ),
        ({"op": "rule_grants_none", "target": WEB}, "state resources or verbs"),
        ("eq", "an assertion is an object"),
    ],
)
def test_a_wrong_assertion_is_refused_with_its_place(assertion, place):
    with pytest.raises(WrongAssertion, match=place.replace("[", r"\[")):
        read(assertion)


def test_the_closest_word_is_offered_for_a_misspelt_one():
    with pytest.raises(WrongAssertion) as refused:
        read({"op": "schedulabel", "target": WEB})
    assert "Did you mean schedulable?" in refused.value.mistakes[0].remedy


def test_the_language_is_the_published_one():
    assert {*FIELDS, *OBJECTS} == set(LANGUAGE.split())


amounts = st.builds(
    lambda number, suffix: f"{number}{suffix}",
    st.integers(0, 10**6),
    st.sampled_from(["", "m", "k", "M", "G", "Ki", "Mi", "Gi"]),
)


@given(amounts, amounts)
def test_quantities_compare_as_their_amounts(one, other):
    first, second = parse_quantity(one), parse_quantity(other)
    answers = {
        op: held({"op": op, "target": WEB, "path": "spec.x", "value": other}, deployment(x=one))
        for op in ("qty_lt", "qty_le", "qty_gt", "qty_ge")
    }
    assert answers == {
        "qty_lt": first < second,
        "qty_le": first <= second,
        "qty_gt": first > second,
        "qty_ge": first >= second,
    }


@given(st.integers(1, 10**9))
def test_one_amount_in_two_spellings_is_neither_less_nor_more(number):
    assert Decimal(number) * 1024 == parse_quantity(f"{number}Ki")
    for op, right in (("qty_lt", False), ("qty_le", True), ("qty_gt", False), ("qty_ge", True)):
        assertion = {"op": op, "target": WEB, "path": "spec.x", "value": f"{number * 1024}"}
        assert held(assertion, deployment(x=f"{number}Ki")) is right
