"""What Prometheus says of the queries in intent files, as problems with their place in the file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from daemon.ports import Metrics, WorldError
from detectors.comparisons import comparisons
from detectors.model import Gap
from detectors.promql import Comparison, comparison_query
from intents.catalog import Catalog
from intents.documents import Document, decode, read_documents
from intents.model import MetricHolds
from intents.problems import FileError, Problem, format_location, one_line

_POSITION = re.compile(r"(\d+):(\d+): parse error: (.*)")
"""Prometheus' own form: line, column and what it did not expect (promql/parser, `ParseErr`)."""

_REFUSED = re.compile(r" answered (400|422): ")
"""Prometheus' statuses for what it cannot parse, and for what it cannot execute (its HTTP API)."""

REMEDY = "Try it in Prometheus' own page; a metric expectation needs an instant vector"
RULE_REMEDY = "Mend the selectors or labels of this expectation"


def refused_queries(
    files: Mapping[str, bytes | FileError], catalog: Catalog, metrics: Metrics
) -> Iterator[Problem]:
    """Queries of otherwise good files that Prometheus cannot parse or compare. One without series now is no
    mistake. Raises WorldError where Prometheus cannot be asked."""
    for name, state in catalog.files.items():
        content = files.get(name)
        text = decode(name, content) if isinstance(content, bytes) else None
        if not isinstance(text, str) or state.problems:
            continue
        documents = {document.line: document for document in read_documents(name, text).documents}
        for loaded in state.good:
            for index, expectation in enumerate(loaded.intent.spec.expectations):
                place: tuple[str | int, ...] = ("spec", "expectations", index)
                if isinstance(expectation, MetricHolds):
                    said, place, remedy = _refusal(expectation, metrics), (*place, "query"), REMEDY
                else:
                    said, remedy = _refused_rule(comparisons(loaded.intent, index), metrics), RULE_REMEDY
                if said is not None:
                    line = _line(documents.get(loaded.line), place, loaded.line)
                    yield Problem(name, line, format_location(place), said, remedy)
            for index, gate in enumerate(loaded.intent.spec.gates):
                found = metrics.value(gate.query)
                if isinstance(found, Gap) and found.reason != "NoData":
                    place = ("spec", "gates", index, "query")
                    line = _line(documents.get(loaded.line), place, loaded.line)
                    yield Problem(name, line, format_location(place), _sentence(found), REMEDY)


def _line(document: Document | None, place: tuple[str | int, ...], otherwise: int) -> int:
    return document.line_of(place) if document is not None else otherwise


def _refusal(expectation: MetricHolds, metrics: Metrics) -> str | None:
    """First the expression as written, whose positions mean something to its author, then our comparison."""
    plain = metrics.value(expectation.query)
    if isinstance(plain, Gap) and plain.reason != "NoData":
        return _sentence(plain)
    compared = metrics.read({"query": comparison_query(expectation)})["query"]
    if isinstance(compared, Gap) and compared.reason not in ("NoData", "NotANumber"):
        return _sentence(compared, compared_only=True)
    return None


def _refused_rule(rules: Mapping[str, Comparison], metrics: Metrics) -> str | None:
    """Of queries that code made, what an operator wrote into them: a regular expression, a label."""
    answers = metrics.read({key: comparison_query(rule) for key, rule in rules.items()}) if rules else {}
    for answer in answers.values():
        if isinstance(answer, Gap) and answer.reason not in ("NoData", "NotANumber"):
            said = _sentence(answer)
            return said.rpartition(" of the expression: ")[2]
    return None


def _sentence(gap: Gap, *, compared_only: bool = False) -> str:
    if gap.reason != "Invalid" or not _REFUSED.search(gap.message):
        raise WorldError(f"the queries were not checked: {gap.message}", turn=gap.turn)
    found = _POSITION.search(gap.message)
    if compared_only:
        return one_line(f"it cannot be compared with a number: {found[3] if found else gap.message}")
    if found is None:
        return one_line(gap.message)
    return one_line(f"line {found[1]}, column {found[2]} of the expression: {found[3]}")
