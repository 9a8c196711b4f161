"""Too much waits in a queue, and it is not draining."""

from __future__ import annotations

from functools import partial

from detectors.base import POD_NEEDS, Detector
from detectors.model import FaultClass, Severity
from detectors.prometheus.places import of_labels
from detectors.prometheus.rules import Rule, always, judging
from detectors.prometheus.text import over, seconds, total
from detectors.promql import Comparison, Condition
from intents.model import Scope
from intents.objectives import QueueLag
from intents.selectors import parse_selector
from intents.units import parse_duration

NAME = "queue_lag"


def rules(wish: QueueLag, _: Scope) -> dict[str, Rule]:
    """Two conditions: what waits now, and what will. The linear forecasts of parts add up to that of their sum; one of
    a part that is gone since (a partition that moved) is left out."""
    depth = str(parse_selector(wish.depth))
    forecast = f"predict_linear({over(wish.depth, wish.window)}, {seconds(wish.drain_within)})"
    conditions = (
        Condition(total(depth, wish.by), "<=", wish.at_most),
        Condition(total(f"{forecast} and {depth}", wish.by), "<=", wish.at_most),
    )
    return {
        "depth": Rule(
            Comparison(conditions, parse_duration(wish.for_), "waiting in the queue"),
            FaultClass.QUEUE_LAG,
            always(Severity.WARNING),
            "QueueNotDraining",
            partial(_sentence, wish),
        )
    }


def _sentence(wish: QueueLag, waiting: float) -> str:
    return (
        f"{waiting:g} wait, more than {wish.at_most:g}, and at the trend of {wish.window} "
        f"it will not be less in {wish.drain_within}"
    )


DETECTOR = Detector(
    NAME, frozenset({FaultClass.QUEUE_LAG}), (QueueLag,), POD_NEEDS, judging(NAME, rules, of_labels)
)
