"""`intentd check --prometheus`: what Prometheus refuses is a problem of the file, at its line."""

import pytest

from daemon.intent_check import check_path
from daemon.ports import WorldError
from detectors.model import Gap, Turn
from tests.fakes.metrics import FakeMetrics

INTENT = """# two intents
---
apiVersion: intentd.io/v1alpha1
kind: Intent
metadata: {name: runs}
spec:
  scope: {namespace: shop}
  expectations:
    - type: workloadHealthy
---
apiVersion: intentd.io/v1alpha1
kind: Intent
metadata: {name: errors}
spec:
  scope: {namespace: shop}
  expectations:
    - type: workloadHealthy
    - type: metric
      query: sum by job (up)
      operator: "<"
      threshold: 1
"""
QUERY = "sum by job (up)"


def refused(said):
    return Gap("metric", "Invalid", f"http://prometheus answered {said}", Turn.OPERATOR)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "errors.yaml"
    path.write_text(INTENT)
    return path


@pytest.fixture
def metrics():
    return FakeMetrics()


def test_a_parse_error_is_told_with_line_field_and_place_in_the_expression(file, metrics):
    metrics.values[QUERY] = refused('400: invalid parameter "query": 1:8: parse error: unexpected <job>')
    (problem,) = check_path(file, metrics).problems
    assert (problem.file, problem.line, problem.field) == (str(file), 19, "spec.expectations[1].query")
    assert problem.message == "line 1, column 8 of the expression: unexpected <job>"


def test_what_parses_but_cannot_be_compared_is_told(file, metrics):
    metrics.values[QUERY] = "1"
    metrics.readings["query"] = refused("422: execution: expected type instant vector")
    (problem,) = check_path(file, metrics).problems
    assert "it cannot be compared with a number" in problem.message


def test_no_series_now_is_no_mistake(file, metrics):
    assert check_path(file, metrics).problems == ()


def test_a_prometheus_that_does_not_answer_is_an_error_not_a_clean_file(file, metrics):
    metrics.go_down()
    with pytest.raises(WorldError, match="the queries were not checked"):
        check_path(file, metrics)


def test_a_login_page_is_not_the_files_mistake(file, metrics):
    metrics.values[QUERY] = Gap("metric", "Invalid", "http://p redirects us", Turn.OPERATOR)
    with pytest.raises(WorldError, match="redirects us"):
        check_path(file, metrics)


def test_the_query_of_a_gate_is_tried_too(tmp_path, metrics):
    path = tmp_path / "gated.yaml"
    path.write_text(INTENT.split("---")[1] + "  gates:\n    - query: ALERTS or by\n")
    metrics.values["ALERTS or by"] = refused(
        '400: invalid parameter "query": 1:11: parse error: unexpected <by>'
    )
    (problem,) = check_path(path, metrics).problems
    assert problem.field == "spec.gates[0].query"
    assert problem.message == "line 1, column 11 of the expression: unexpected <by>"


def test_a_selector_that_prometheus_refuses_is_told_at_its_expectation(tmp_path, metrics):
    path = tmp_path / "slo.yaml"
    selector = "requests_total{job=~'('}"
    slo = f'    - type: slo\n      objective: 99.9\n      total: "{selector}"\n'
    path.write_text(INTENT.split("---")[1] + slo)
    metrics.readings["runs/1/fast"] = refused(
        '400: invalid parameter "query": 3:16: parse error: error parsing regexp: missing closing )'
    )
    (problem,) = check_path(path, metrics).problems
    assert (problem.field, problem.line) == ("spec.expectations[1]", 9)
    assert problem.message == "error parsing regexp: missing closing )"
