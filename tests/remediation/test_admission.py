"""The policy's expressions say what the guards' tables say; that a real API server reads them so is tests/system/test_policy.py's to show."""

import re

import pytest

from intents.fields import parse_path
from remediation.admission import Account, policy_documents
from remediation.admission.cel import differs_only_at, same_but, tree_of
from remediation.guards.sensitive_fields import ESCALATING, LOADS_CODE, ORDINARY, REASONS
from remediation.immutable import immutable
from remediation.merge_keys import API_VERSIONS, names
from remediation.model import Touched

EXPRESSIONS = [
    rule["expression"]
    for document in policy_documents(Account())
    if document["kind"] == "ValidatingAdmissionPolicy"
    for rule in [*document["spec"]["validations"], *document["spec"].get("variables", [])]
]
FREE = re.compile(r"(?<!!\()\b(?:k\d*) in (\[[^\]]*\])")
LONGEST = 100_000  # code points that the API server's parser reads


def listed(expression):
    return {name for found in FREE.findall(expression) for name in re.findall(r'"([^"]+)"', found)}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_brackets_close_and_the_expression_is_no_longer_than_the_server_reads(expression):
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', '""', expression)
    assert all(bare.count(one) == bare.count(other) for one, other in ("()", "[]", "{}"))
    assert len(expression) < LONGEST


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_no_sensitive_name_is_among_the_fields_that_are_free(expression):
    judged_apart = {"annotations"}
    kept_whole = {"privileged", "procMount"} if "CREATE" in expression else set()
    assert not listed(expression) & (REASONS.keys() | ESCALATING) - judged_apart - kept_whole


def never_changes(kind, path):
    return bool(immutable(kind, {}, [Touched(path, "a", "b")]))


def test_each_ordinary_field_is_free_somewhere():
    free = {name for expression in EXPRESSIONS for name in listed(expression)}
    updated = {
        kind: [path for path in ORDINARY[kind] if not never_changes(kind, path)] for kind in API_VERSIONS
    }
    wanted = {name for paths in updated.values() for path in paths for name in names(path)} - {"*"}
    walked_through = {"metadata", "spec", "template", "labels"}
    whole_maps = {"limits", "requests", "nodeSelector", "rollingUpdate", "selector", "data"}
    assert wanted - free <= walked_through | whole_maps


def test_a_variable_that_loads_code_is_known_by_the_very_pattern_of_the_guards():
    assert any(LOADS_CODE in expression for expression in EXPRESSIONS)


def test_a_map_is_equal_but_for_the_named_fields_in_both_directions():
    assert same_but(("a",), "x", "y") == (
        '(x.all(k, k in ["a"] || (k in y && y[k] == x[k])) && y.all(k, k in ["a"] || k in x))'
    )


def test_containers_are_the_same_in_the_same_order_and_each_has_its_twin():
    tree = tree_of([parse_path("spec.template.spec.containers[*].image")])
    expression = differs_only_at(tree, (), "object", "oldObject")
    assert ".map(n4, " in expression
    assert "dyn({})].all(o" not in expression  # no container is compared with nothing


def test_a_list_that_may_grow_compares_what_is_new_with_nothing():
    tree = tree_of([parse_path("spec.template.spec.containers[*].env[*].value")])
    assert "[dyn({})].all(o" in differs_only_at(tree, (), "object", "oldObject")
