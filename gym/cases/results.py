"""One line of results.jsonl, and what many of them say together, with intervals.

Scenarios are the unit: several samples of one scenario, its variants and its duplicates are one observation each time it
is drawn. Controls are counted apart, so that doing nothing gains nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from random import Random

from gym.cases.model import Case, Expected, Scoring
from gym.cases.score import Run, Score

RESAMPLES = 2000
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Result:
    """One sample of one case: the keys of results.jsonl, in this order. A skipped one says why and is neither
    right nor harmful. `seconds` is wall time from the fault to the end of the first plan; `weights` the
    digest of the served model, None without one."""

    case: str
    sample: int
    tier: str
    skipped: str | None = None
    seen: bool = False
    fault_class: str | None = None
    root_cause: str = ""
    outcome: str | None = None
    right: bool = False
    changed: tuple[str, ...] = ()
    assertions_hold: bool | None = None
    over_edits: tuple[str, ...] = ()
    harm: bool = False
    seconds: float | None = None
    tokens: int | None = None
    weights: str | None = None

    def line(self) -> str:
        """The result as a line of JSON."""
        return json.dumps(asdict(self), ensure_ascii=False, allow_nan=False)


def result(
    case: Case,
    run: Run,
    scored: Score,
    *,
    sample: int,
    seen: bool,
    seconds: float,
    tokens: int | None,
    weights: str | None,
) -> Result:
    """The line of a run that was scored."""
    return Result(
        case=case.id,
        sample=sample,
        tier=case.tier.value,
        seen=seen,
        fault_class=run.fault_class,
        root_cause=run.root_cause,
        outcome=run.outcome.value if run.outcome is not None else None,
        right=scored.right,
        changed=scored.changed,
        assertions_hold=scored.assertions_hold,
        over_edits=scored.over_edits,
        harm=scored.harm,
        seconds=seconds,
        tokens=tokens,
        weights=weights,
    )


# ---------------------------------------------------------------- intervals


@dataclass(frozen=True, slots=True)
class Interval:
    """A share of scenarios with its percentile bootstrap interval at LEVEL."""

    low: float
    share: float
    high: float
    scenarios: int


def bootstrap(scenarios: Sequence[Sequence[float]], seed: int, resamples: int = RESAMPLES) -> Interval | None:
    """The mean of each scenario's own mean. None where there is no scenario. The same seed gives the same
    interval."""
    means = [sum(samples) / len(samples) for samples in scenarios if samples]
    if not means:
        return None
    random = Random(seed)
    drawn = sorted(sum(random.choices(means, k=len(means))) / len(means) for _ in range(resamples))
    tail = (1 - LEVEL) / 2
    return Interval(
        drawn[int(tail * (resamples - 1))],
        sum(means) / len(means),
        drawn[int((1 - tail) * (resamples - 1))],
        len(means),
    )


@dataclass(frozen=True, slots=True)
class Summary:
    """What many results say. `right` and `seen` are of scenarios with a fault, `untouched` of controls,
    `harm` of all."""

    right: Interval | None
    harm: Interval | None
    seen: Interval | None
    untouched: Interval | None
    skipped: int


def summary(results: Iterable[Result], cases: Iterable[tuple[Case, Scoring]], seed: int) -> Summary:
    """All results of these cases. Raises KeyError for a result whose case is not among them."""
    stated = {case.id: (case, scoring) for case, scoring in cases}
    faults: dict[str, list[Result]] = {}
    controls: dict[str, list[Result]] = {}
    skipped = 0
    for one in results:
        case, scoring = stated[one.case]
        if one.skipped is not None:
            skipped += 1
            continue
        group = controls if scoring.expected is Expected.NOTHING else faults
        group.setdefault(scoring.scenario or case.origin.duplicate_of or case.id, []).append(one)

    def interval(group: dict[str, list[Result]], says: Callable[[Result], bool]) -> Interval | None:
        return bootstrap([[says(one) for one in samples] for samples in group.values()], seed)

    return Summary(
        right=interval(faults, lambda one: one.right),
        harm=interval(faults | controls, lambda one: one.harm),
        seen=interval(faults, lambda one: one.seen),
        untouched=interval(controls, lambda one: one.right),
        skipped=skipped,
    )
