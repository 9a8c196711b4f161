"""The error budget burns too fast: Google's multi-window, multi-burn-rate alerts from one objective.

Source: The Site Reliability Workbook, "Alerting on SLOs", table 5-8. A burn rate of 1 spends exactly the budget over
the whole period. An alert spends a given share of the budget within its long window; the short one, a twelfth of
it, tells that it still burns. For 30 days that is 14.4, 6 and 1.
"""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import NamedTuple

from detectors.base import NAMED_TARGET, Detector
from detectors.model import FaultClass, Severity
from detectors.prometheus.error_rate import error_ratio
from detectors.prometheus.places import of_scope
from detectors.prometheus.rules import Rule, always, judging
from detectors.promql import Comparison, Condition
from intents.model import Scope
from intents.objectives import SLO
from intents.units import parse_duration

NAME = "slo"


class Alert(NamedTuple):
    """A row of the workbook's table."""

    name: str
    budget: Decimal  # the share of the period's budget that is spent within the long window
    long: str
    short: str
    severity: Severity


ALERTS = (
    Alert("fast", Decimal("0.02"), "1h", "5m", Severity.CRITICAL),
    Alert("slow", Decimal("0.05"), "6h", "30m", Severity.CRITICAL),
    Alert("lasting", Decimal("0.10"), "3d", "6h", Severity.WARNING),
)


def factor(alert: Alert, period: str) -> Decimal:
    """The burn rate at which the alert spends its share of the budget within its long window."""
    return alert.budget * Decimal(parse_duration(period)) / Decimal(parse_duration(alert.long))


def rules(wish: SLO, _: Scope) -> dict[str, Rule]:
    """One for each row, but for rows that could never be: an objective of 90 % cannot burn 14.4 times its budget."""
    budget = 1 - Decimal(repr(wish.objective)) / 100
    found = {}
    for alert in ALERTS:
        threshold = factor(alert, wish.period)
        if threshold * budget >= 1:
            continue
        conditions = tuple(
            Condition(f"{error_ratio(wish, window)} / {float(budget)!r}", "<=", float(threshold))
            for window in (alert.long, alert.short)
        )
        found[alert.name] = Rule(
            Comparison(conditions, title=f"error budget burn rate over {alert.long}"),
            FaultClass.SLO_BURN,
            always(alert.severity),
            "BudgetBurning",
            partial(_sentence, wish, alert),
        )
    return found


def _sentence(wish: SLO, alert: Alert, burn: float) -> str:
    return (
        f"the error budget of {wish.objective:g} % burns {burn:.3g} times as fast as it may over {alert.long}, "
        f"and still does over {alert.short}"
    )


DETECTOR = Detector(
    NAME, frozenset({FaultClass.SLO_BURN}), (SLO,), (NAMED_TARGET,), judging(NAME, rules, of_scope)
)
