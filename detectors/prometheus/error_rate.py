"""Too many requests fail."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from detectors.base import POD_NEEDS, Detector
from detectors.model import FaultClass, Severity
from detectors.prometheus.places import of_labels
from detectors.prometheus.rules import Rule, always, judging
from detectors.prometheus.text import rate
from detectors.promql import Comparison, Condition
from intents.model import Scope
from intents.objectives import SLO, ErrorRate
from intents.selectors import Matcher, parse_selector
from intents.units import parse_duration

NAME = "error_rate"
SERVER_ERRORS = Matcher("code", "=~", "5..")
"""The label of Prometheus' own client libraries for HTTP (promhttp)."""


def rules(wish: ErrorRate, _: Scope) -> dict[str, Rule]:
    condition = Condition(error_ratio(wish, wish.window, wish.by), "<=", wish.at_most)
    return {
        "ratio": Rule(
            Comparison(
                (condition,), parse_duration(wish.for_), f"share of failed requests over {wish.window}"
            ),
            FaultClass.ERROR_RATE,
            always(Severity.CRITICAL),
            "TooManyErrors",
            partial(_sentence, wish),
        )
    }


def error_ratio(wish: SLO | ErrorRate, window: str, by: Iterable[str] = ()) -> str:
    """The share of requests that fail. No request at all is NaN or nothing: not known. A counter of errors that is not
    there yet, because none ever happened, is 0 where requests are counted."""
    labels = tuple(by)
    counted = parse_selector(wish.total)
    failed = parse_selector(wish.errors) if wish.errors is not None else counted.where(SERVER_ERRORS)
    requests = rate(counted, window, labels)
    none = f"{requests} * 0" if labels else "vector(0)"
    return f"({rate(failed, window, labels)} or {none}) / {requests}"


def _sentence(wish: ErrorRate, ratio: float) -> str:
    return f"{ratio:.3g} of all requests fail, more than {wish.at_most:g}"


DETECTOR = Detector(
    NAME, frozenset({FaultClass.ERROR_RATE}), (ErrorRate,), POD_NEEDS, judging(NAME, rules, of_labels)
)
