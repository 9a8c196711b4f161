"""A container is held back by its CPU limit: kubernetes-mixin's CPUThrottlingHigh.

Only containers with a CPU limit have these series; where none in scope has one, nothing is known.
"""

from __future__ import annotations

from functools import partial

from detectors.base import POD_NEEDS, Detector
from detectors.model import FaultClass, Severity
from detectors.prometheus.places import of_pod
from detectors.prometheus.rules import Rule, always, judging
from detectors.prometheus.text import CONTAINER_LABELS, of_pods, over, total
from detectors.promql import Comparison, Condition
from intents.model import Scope
from intents.objectives import CPUThrottling
from intents.units import parse_duration

NAME = "cpu_throttling"


def rules(wish: CPUThrottling, scope: Scope) -> dict[str, Rule]:
    held, every = (
        total(f"increase({over(of_pods(metric, scope), wish.window)})", CONTAINER_LABELS)
        for metric in ("container_cpu_cfs_throttled_periods_total", "container_cpu_cfs_periods_total")
    )
    condition = Condition(f"{held} / {every}", "<=", wish.at_most)
    return {
        "share": Rule(
            Comparison(
                (condition,), parse_duration(wish.for_), f"share of throttled periods over {wish.window}"
            ),
            FaultClass.CPU_THROTTLING,
            always(Severity.INFO),
            "Throttled",
            partial(_sentence, wish),
        )
    }


def _sentence(wish: CPUThrottling, share: float) -> str:
    return (
        f"its CPU limit holds the container back in {share:.0%} of all periods, more than {wish.at_most:.0%}"
    )


DETECTOR = Detector(
    NAME, frozenset({FaultClass.CPU_THROTTLING}), (CPUThrottling,), POD_NEEDS, judging(NAME, rules, of_pod)
)
