"""What an evaluation counts, and docs/model-first.md made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from remediation.choice import Thresholds
from tuning.incidents.families import HELD_OUT


@dataclass
class Score:
    """Counts over one split; see `table` for what they are called."""

    mendable: int = 0  # incidents with a right change among those offered
    top: int = 0  # the right one got the highest p(Yes)
    accepted_right: int = 0
    accepted_wrong: int = 0  # of all incidents: a change was chosen that does not mend
    hopeless: int = 0  # no offered change mends
    refused: int = 0  # and none was chosen
    code_right: int = 0  # the code's first candidate mends (mendable only)
    written: int = 0  # incidents in which the model has to write
    healed: int = 0  # and the written change mends and was accepted
    wrote_wrong: int = 0
    cause: int = 0  # causes stated as valid answers, citing telling evidence
    asked_cause: int = 0
    seconds: list[float] = field(default_factory=list)
    reasons: dict[str, int] = field(default_factory=dict)
    points: list[tuple[float, bool]] = field(default_factory=list)  # every judgement: p(Yes), truth
    written_points: list[tuple[float, bool, bool]] = field(default_factory=list)
    """Values judged as if written: p(Yes), truth, and whether the question showed what tells it."""


@dataclass(frozen=True)
class Sizes:
    """How many incidents: `each` of a family, `written` of those where the model has to write."""

    each: int
    written: int


HEAD = (
    "right on top",
    "accepted right",
    "accepted wrong",
    "no fix: refused",
    "had to write: healed",
    "wrote wrong",
    "cause cites telling evidence",
    "code's first right",
    "median s",
)
BARS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
"""Candidates for `accept_written`."""


def row(score: Score) -> list[str]:
    """One line of the table."""
    times = sorted(score.seconds)
    everything = score.mendable + score.hopeless
    return [
        f"{score.top}/{score.mendable}", f"{score.accepted_right}/{score.mendable}", f"{score.accepted_wrong}/{everything}",
        f"{score.refused}/{score.hopeless}", f"{score.healed}/{score.written}", f"{score.wrote_wrong}/{score.written}",
        f"{score.cause}/{score.asked_cause}" if score.asked_cause else "-", f"{score.code_right}/{score.mendable}",
        f"{times[len(times) // 2]:.1f}" if times else "-",
    ]  # fmt: skip


def document(
    found: dict[str, dict[str, dict[str, Any]]], sizes: Sizes, thresholds: Thresholds, note: str = ""
) -> str:
    """docs/model-first.md: every number from the JSON of this run."""
    lines = [
        "# The first adapters, measured",
        "",
        "Written by `python -m tuning.evaluate`; no number here was typed by hand. Incidents are synthetic",
        "(tuning/incidents), none was trained on, and all go through the daemon's own evidence selection,",
        "candidate generators, consultation and Ollama adapter. Near misses (right field, wrong value; the",
        "right value in the wrong place; statements that the evidence does not support) are offered beside the",
        f"real candidates. {sizes.each} of each family, {sizes.written} where the model has to write; accept at",
        f"p(Yes) >= {thresholds.accept:g}, written ones at >= {thresholds.accept_written:g}, margin {thresholds.margin:g} in log-odds.",
        "A name ending in /judge was asked to judge only.",
        "Small samples guide; they prove nothing.",
        *([note] if note else []),
    ]
    titles = {
        "wordings": "Held-out wordings (families that were trained on)",
        "families": "Held-out fault families (" + ", ".join(HELD_OUT) + ")",
    }
    for split_name, title in titles.items():
        lines += [
            "",
            f"## {title}",
            "",
            "| model | " + " | ".join(HEAD) + " |",
            "|---" * (len(HEAD) + 1) + "|",
        ]
        for model, scores in found.items():
            score = Score(**scores[split_name])
            lines.append(f"| {model} | " + " | ".join(row(score)) + " |")
    lines += _written(found)
    lines += ["", "## How the cases ended", ""]
    for model, scores in found.items():
        for split_name in titles:
            ends = ", ".join(
                f"{reason} {count}" for reason, count in sorted(scores[split_name]["reasons"].items())
            )
            lines.append(f"- {model}, {split_name}: {ends}")
    return "\n".join(lines) + "\n"


def _written(found: dict[str, dict[str, dict[str, Any]]]) -> list[str]:
    """How often a value that was judged as if written passes each bar, right ones and wrong ones apart."""
    lines = [
        "",
        "## Written values, judged one by one",
        "",
        "Several open values of each field that the model would have to write, each judged alone as if it had written",
        "it: right ones, wrong ones at or above each p(Yes). Where the question does not show the log line that says",
        "the need, nobody can tell them apart.",
        "",
        "| model | need | " + " | ".join(f">= {bar:g}" for bar in BARS) + " | median of right, wrong |",
        "|---" * (len(BARS) + 3) + "|",
    ]
    for model, scores in found.items():
        points = [point for score in scores.values() for point in score["written_points"]]
        for known, word in ((True, "shown"), (False, "not shown")):
            right, wrong = (
                sorted(p for p, mends, tells in points if bool(mends) is kind and bool(tells) is known)
                for kind in (True, False)
            )
            if right and wrong:
                cells = [
                    f"{_least(right, bar)}/{len(right)}, {_least(wrong, bar)}/{len(wrong)}" for bar in BARS
                ]
                middle = ", ".join(f"{each[len(each) // 2]:.2f}" for each in (right, wrong))
                lines.append(f"| {model} | {word} | " + " | ".join([*cells, middle]) + " |")
    return lines


def _least(values: Sequence[float], bar: float) -> int:
    return sum(value >= bar for value in values)
