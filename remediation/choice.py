"""Which of the judged changes is acted on, or why none. Pure arithmetic over p(Yes); who asks is `remediation.diagnose`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from remediation.model import Candidate, Judged, Unusable, UnusableReason


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When a judgement is good enough to act on.

    `accept`: least p(Yes) of a candidate from code. `accept_written`: least p(Yes) of a manifest that the
    model wrote; the same question, asked of its own work. `margin`: least lead over the best rival that
    contradicts it, in log-odds (nats), because p saturates: 0.97 and 0.999 are 3.4 nats apart.
    Defaults: 93 judgements of Qwen2.5-Coder-0.5B's adapter on held-out wordings and families
    (docs/model-first.md): 14 of 18 right changes at 0.67 or more, the other 4 at 0.36 or less, wrong ones at
    0.33 or less. Written memory limits separate less, so their bar is higher: of 12 held-out ladders whose need the
    question showed, 10 right limits and 5 wrong ones reached 0.7 (docs/model-first.md). What is too small is seen by
    verification and taken back.
    """

    accept: float = 0.5
    accept_written: float = 0.7
    margin: float = 0.7


DEFAULT_THRESHOLDS = Thresholds()


def choose(judged: Sequence[Judged], thresholds: Thresholds) -> Judged | Unusable:
    """The candidate to act on, or why none.

    A candidate that sets all that another sets, and more, does not contradict it: of two that pass, the
    smaller change is taken, whichever scored higher. Rivals that contradict it must trail by the margin.
    """
    passing = [j for j in judged if j.p_yes >= thresholds.accept]
    if not judged:
        return Unusable(UnusableReason.NOTHING_TO_CHANGE, "the evidence supports no change")
    if not passing:
        top = max(judged, key=lambda j: j.p_yes)
        detail = f"best of {len(judged)}: {top.candidate.summary!r} with p(Yes) {top.p_yes:.2f}"
        return Unusable(UnusableReason.LOW_CONFIDENCE, f"{detail}, needs {thresholds.accept:.2f}")
    best = max(passing, key=lambda j: j.p_yes)
    for other in passing:
        if _contains(best.candidate, other.candidate):
            best = other
    for rival in judged:
        if rival is best or _contains(rival.candidate, best.candidate):
            continue
        if log_odds(best.p_yes) - log_odds(rival.p_yes) < thresholds.margin:
            detail = (
                f"{best.candidate.summary!r} ({best.p_yes:.2f}) and "
                f"{rival.candidate.summary!r} ({rival.p_yes:.2f}) are too close"
            )
            return Unusable(UnusableReason.TOO_CLOSE, detail)
    return best


def log_odds(p: float) -> float:
    """ln(p / (1 - p)), with p kept off 0 and 1 by 1e-6: beyond that float32 log-probabilities say nothing."""
    held = min(max(p, 1e-6), 1 - 1e-6)
    return math.log(held / (1 - held))


def _contains(larger: Candidate, smaller: Candidate) -> bool:
    """Whether `larger` sets every leaf that `smaller` sets, to the same value, and at least one more."""
    if larger.target.key != smaller.target.key:
        return False
    return _leaves(larger.manifest) > _leaves(smaller.manifest)


def _leaves(node: object, at: tuple[str, ...] = ()) -> frozenset[tuple[tuple[str, ...], str]]:
    if isinstance(node, Mapping):
        named = str(node.get("name", "")) if at and at[-1] == "[]" else ""
        here = (*at, named) if named else at
        below = (_leaves(value, (*here, str(key))) for key, value in node.items())
        return frozenset().union(*below)
    if isinstance(node, list):
        return frozenset().union(*(_leaves(item, (*at, "[]")) for item in node))
    return frozenset({(at, repr(node))})
