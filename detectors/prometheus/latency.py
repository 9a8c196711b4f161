"""Requests take too long: a quantile of a classic histogram."""

from __future__ import annotations

from functools import partial

from detectors.base import POD_NEEDS, Detector
from detectors.model import FaultClass, Severity
from detectors.prometheus.places import of_labels
from detectors.prometheus.rules import Rule, always, judging
from detectors.prometheus.text import largest, rate
from detectors.promql import Comparison, Condition
from intents.model import Scope
from intents.objectives import Latency
from intents.selectors import Matcher, parse_selector
from intents.units import parse_duration

NAME = "latency"


def rules(wish: Latency, _: Scope) -> dict[str, Rule]:
    condition = Condition(_quantile(wish), "<", wish.at_most)
    return {
        "quantile": Rule(
            Comparison(
                (condition,), parse_duration(wish.for_), f"{wish.quantile:g} quantile over {wish.window}"
            ),
            FaultClass.LATENCY,
            always(Severity.CRITICAL),
            "TooSlow",
            partial(_sentence, wish),
        )
    }


def _quantile(wish: Latency) -> str:
    """`histogram_quantile` answers the highest finite bound for all that lies beyond it. That is known to be too slow
    where the bound is, and unknown where it is not: then no series is left. For the same reason the quantile must stay
    below the threshold, not at it."""
    buckets = parse_selector(wish.histogram)
    by = wish.by
    quantile = f"histogram_quantile({wish.quantile!r}, {rate(buckets, wish.window, (*by, 'le'))})"
    finite = rate(buckets.where(Matcher("le", "!=", "+Inf")), wish.window, (*by, "le"))
    within = largest(finite, by) if by else f"max({finite})"
    every = rate(buckets.where(Matcher("le", "=", "+Inf")), wish.window, by)
    return f"({quantile} and ({within} >= {wish.quantile!r} * {every})) or ({quantile} >= {wish.at_most!r})"


def _sentence(wish: Latency, quantile: float) -> str:
    return f"the {wish.quantile:g} quantile of the latency is {quantile:.3g}, not below {wish.at_most:g}"


DETECTOR = Detector(
    NAME, frozenset({FaultClass.LATENCY}), (Latency,), POD_NEEDS, judging(NAME, rules, of_labels)
)
