"""What an evaluation counts: a model that knows the truth scores all, one that says Yes to everything is seen through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest

from remediation.choice import Thresholds
from remediation.diagnose import ALL_ROLES
from remediation.model import Answer, Question, Role
from remediation.prompt import shown
from tuning.counts import Score, Sizes, document
from tuning.data import Prepared, prepare, repair_answer, told
from tuning.evaluate import LADDER, Ask, ladder, measure, split
from tuning.incidents import make
from tuning.incidents.families import HELD_OUT

SOME = Sizes(each=1, written=2)


def judge(yes: Callable[[Question], bool], prepared: Prepared) -> Ask:
    """A model that cites the first evidence, judges by `yes` and writes the taught manifest."""

    def ask(question: Question) -> Answer:
        if question.role is Role.JUDGE:
            return Answer("Yes", 0.99 if yes(question) else 0.01, 1, 1, 0.0, "w")
        if question.role is Role.DIAGNOSE:
            first = shown(prepared.evidence)[0].id
            return Answer(f'{{"cause": "it is broken", "evidence": ["{first}"]}}', None, 1, 1, 0.0, "w")
        return Answer(repair_answer(prepared) or "{}", None, 1, 1, 0.0, "w")

    return ask


def mending(prepared: Prepared) -> Callable[[Question], bool]:
    """Whether a question's change mends, looked up by its words."""
    offered = (*prepared.candidates, *prepared.incident.near_misses())
    truth = {each.summary: prepared.incident.heals(each.manifest) for each in offered}
    asked = {question.prompt: mends for question, mends in ladder(prepared, "it is broken")} if (
        prepared.incident.made.repair) else {}  # fmt: skip
    return lambda question: (
        asked.get(question.prompt, False)
        or any(mends and f"Change: {summary}" in question.prompt for summary, mends in truth.items())
    )


def scored(family: str, yes: Callable[[Prepared], Callable[[Question], bool]]) -> Score:
    score = Score()
    prepared = prepare(make(family, "eval.0", held=True))
    measure(prepared, judge(yes(prepared), prepared), Thresholds(), ALL_ROLES, score)
    return score


def everything(_: Prepared) -> Callable[[Question], bool]:
    return lambda _question: True


@pytest.mark.parametrize("family", ["image_tag", "replicas_low", "env_changed"])
def test_who_knows_the_truth_mends_what_can_be_mended(family: str) -> None:
    score = scored(family, mending)
    assert (score.mendable, score.top, score.accepted_right, score.accepted_wrong) == (1, 1, 1, 0)


def test_who_says_yes_to_everything_is_counted_wrong_or_too_close_never_right() -> None:
    for family in ("disk_full", "no_node"):
        score = scored(family, everything)
        assert score.hopeless == 1
        assert score.refused + score.accepted_wrong == 1
    assert scored("image_tag", everything).accepted_right == 0


def test_written_values_are_judged_on_both_sides_of_the_truth() -> None:
    prepared = [each for each in split("wordings", Sizes(0, 6)) if each.incident.made.repair]
    truths = {mends for each in prepared for _, mends in ladder(each, "it is broken")}
    assert truths == {True, False}
    assert all(0 < len(list(ladder(each, "it is broken"))) <= LADDER for each in prepared)


def test_a_split_holds_so_many_of_each_family_and_the_held_out_ones_apart() -> None:
    families = [each.incident.family for each in split("wordings", SOME)]
    assert families.count("oom_never_healthy") == SOME.written
    assert not set(families) & set(HELD_OUT)
    assert {each.incident.family for each in split("families", SOME)} == set(HELD_OUT)


def test_the_document_holds_the_counts_and_says_what_was_shown() -> None:
    score: dict[str, Any] = asdict(
        Score(mendable=4, top=3, written_points=[(0.9, True, True), (0.2, False, True)])
    )
    text = document({"m": {"wordings": score, "families": score}}, SOME, Thresholds())
    assert "| m | 3/4 |" in text
    assert "| m | shown | 2/2, 0/2 |" in text


def test_the_reader_of_a_shown_need_knows_it() -> None:
    known = {told(each)[2] for each in split("wordings", Sizes(0, 12)) if each.incident.made.repair}
    assert known == {True, False}
