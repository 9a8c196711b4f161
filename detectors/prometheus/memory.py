"""A container nears its memory limit, or will reach it at the present trend.

The working set is what the kernel counts when it kills; both it and the limit come from cAdvisor, so they carry the
same labels. A container without a limit has none of these series.
"""

from __future__ import annotations

from functools import partial

from detectors.base import POD_NEEDS, Detector
from detectors.model import FaultClass, Severity
from detectors.prometheus.places import of_pod
from detectors.prometheus.rules import Rule, always, judging
from detectors.prometheus.text import CONTAINER_LABELS, largest, of_pods, over, seconds, span
from detectors.promql import Comparison, Condition
from intents.model import Scope
from intents.objectives import MemoryLeak, MemoryNearLimit
from intents.units import parse_duration

USED = "container_memory_working_set_bytes"


def near_limit_rules(wish: MemoryNearLimit, scope: Scope) -> dict[str, Rule]:
    condition = Condition(_of_limit(str(of_pods(USED, scope)), scope), "<=", wish.at_most)
    return {
        "level": Rule(
            Comparison((condition,), parse_duration(wish.for_), "share of the memory limit in use"),
            FaultClass.MEMORY_NEAR_LIMIT,
            always(Severity.WARNING),
            "NearLimit",
            partial(_near, wish),
        )
    }


def leak_rules(wish: MemoryLeak, scope: Scope) -> dict[str, Rule]:
    """Two conditions: the forecast and the level. A container's first minutes are steep, so only one that has run for
    the whole window is forecast (its series was there before); what a container left behind that has been
    restarted since is not (its series is gone now)."""
    used = of_pods(USED, scope)
    forecast = f"predict_linear({over(used, wish.window)}, {seconds(wish.within)})"
    grown = f"{forecast} and {used} and {used} offset {span(wish.window)}"
    conditions = (
        Condition(_of_limit(grown, scope), "<=", 1.0),
        Condition(_of_limit(str(used), scope), "<=", wish.at_least_used),
    )
    return {
        "forecast": Rule(
            Comparison(
                conditions, parse_duration(wish.for_), f"share of the memory limit forecast in {wish.within}"
            ),
            FaultClass.MEMORY_LEAK,
            always(Severity.WARNING),
            "Leaking",
            partial(_leaks, wish),
        )
    }


def _of_limit(used: str, scope: Scope) -> str:
    """As a share of the limit; 0 is cAdvisor's word for none."""
    limit = f"{of_pods('container_spec_memory_limit_bytes', scope)} > 0"
    return f"{largest(used, CONTAINER_LABELS)} / {largest(limit, CONTAINER_LABELS)}"


def _near(wish: MemoryNearLimit, share: float) -> str:
    return f"the container uses {share:.0%} of its memory limit, more than {wish.at_most:.0%}"


def _leaks(wish: MemoryLeak, share: float) -> str:
    return f"at the trend of {wish.window} the container will use {share:.0%} of its memory limit in {wish.within}"


NEAR_LIMIT = Detector(
    "memory_near_limit",
    frozenset({FaultClass.MEMORY_NEAR_LIMIT}),
    (MemoryNearLimit,),
    POD_NEEDS,
    judging("memory_near_limit", near_limit_rules, of_pod),
)
LEAK = Detector(
    "memory_leak",
    frozenset({FaultClass.MEMORY_LEAK}),
    (MemoryLeak,),
    POD_NEEDS,
    judging("memory_leak", leak_rules, of_pod),
)
