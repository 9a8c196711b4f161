"""The pieces of which our PromQL is made."""

from __future__ import annotations

from collections.abc import Iterable

from intents.model import Scope
from intents.selectors import Matcher, Selector, literal, parse_selector
from intents.units import format_duration, parse_duration

CONTAINERS = Matcher("container", "!~", "|POD")
"""cAdvisor also counts whole pods (no container) and their sandboxes (POD)."""
CONTAINER_LABELS = ("namespace", "pod", "container")
_GENERATED = 40
"""Characters of a workload's name that its pods' names surely begin with: the API server cuts what it generates a
name from to 58 (apiserver, names.go), the template's hash included."""


def span(duration: str) -> str:
    """A duration of an intent as PromQL writes it, exact to the millisecond."""
    milliseconds = round(parse_duration(duration) * 1000)
    return f"{milliseconds}ms" if milliseconds % 1000 else format_duration(milliseconds / 1000)


def seconds(duration: str) -> str:
    """A duration as a number of seconds, for arithmetic."""
    return f"{parse_duration(duration):g}"


def over(series: str | Selector, window: str) -> str:
    """The series' samples of a window."""
    selector = parse_selector(series) if isinstance(series, str) else series
    return f"{selector}[{span(window)}]"


def rate(series: str | Selector, window: str, by: Iterable[str] = ()) -> str:
    """How fast counters grow, summed."""
    return total(f"rate({over(series, window)})", by)


def total(expression: str, by: Iterable[str] = ()) -> str:
    """The sum for each value of the labels; without labels of all."""
    labels = ", ".join(by)
    return f"sum by ({labels}) ({expression})" if labels else f"sum({expression})"


def largest(expression: str, by: Iterable[str]) -> str:
    """The largest for each value of the labels: series of one thing under several names count once."""
    return f"max by ({', '.join(by)}) ({expression})"


def of_pods(metric: str, scope: Scope) -> Selector:
    """A metric of the containers in scope: by namespace, and roughly by the workload's name. Which pods are really its
    own, their owner references tell (places.of_pod)."""
    selector = Selector(metric, (Matcher("namespace", "=", scope.namespace), CONTAINERS))
    if scope.name is None:
        return selector
    return selector.where(Matcher("pod", "=~", f"{literal(scope.name[:_GENERATED])}.*"))
