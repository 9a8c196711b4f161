"""PromQL in intent files: what cannot be right is said with its line and column, before any Prometheus."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intents.load import load
from intents.query_text import misfit


@pytest.mark.parametrize(
    "query",
    [
        "up",
        'sum by (job) (rate(http_requests_total{code=~"5.."}[5m])) / 2',
        "up{job='a)b'}",
        'up{job="a\\"}"}',
        "up{job=`a\\`} # a comment with (",
        "max_over_time((\n  up # (\n)[1h:5m])",
    ],
)
def test_what_fits_is_left_to_a_parser(query):
    assert misfit(query) is None


@pytest.mark.parametrize(
    ("query", "place", "says"),
    [
        ("sum(rate(x[5m])", (1, 4), "( is not closed"),
        ("sum(x))", (1, 7), ") closes nothing"),
        ("rate(x[5m)", (1, 10), ") closes the [ of line 1, column 7"),
        ('sum(\n  x{a="b}\n)', (2, 7), 'the string that begins with " does not end'),
        ("sum(\n  # ) in a comment\n", (1, 4), "( is not closed"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(query, place, says):
    found = misfit(query)
    assert found is not None
    assert (found.line, found.column) == place
    assert found.message == says


@given(st.text(alphabet="()[]{}\"'`#\\\n a", max_size=40))
def test_any_text_is_judged_and_a_place_lies_within_it(query):
    found = misfit(query)
    if found is not None:
        lines = query.split("\n")
        assert 1 <= found.line <= len(lines)
        assert 1 <= found.column <= len(lines[found.line - 1])


def test_the_problem_stands_on_the_line_of_its_query():
    text = """apiVersion: intentd.io/v1alpha1
kind: Intent
metadata: {name: errors}
spec:
  scope: {namespace: shop}
  expectations:
    - type: metric
      query: sum(rate(x[5m])
      operator: "<"
      threshold: 1
"""
    (problem,) = load("errors.yaml", text).problems
    assert (problem.line, problem.field) == (8, "spec.expectations[0].query")
    assert problem.message == "line 1, column 4 of the expression: ( is not closed"
