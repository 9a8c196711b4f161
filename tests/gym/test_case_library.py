"""The self-check over the library of cases that lies outside of this repository: each can tell right from
wrong. Its folder is `INTENTD_GYM_CASES`, else `../shared/data/faults`."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from detectors.model import ObjectRef
from gym.cases.cause import classes_of, identifiers, right_objects
from gym.cases.check import self_check
from gym.cases.folder import Loaded, load_folder
from gym.cases.model import Expected, Scenario
from gym.cases.score import Run, score
from gym.cases.world import state_of, visible
from remediation.model import Outcome

FOLDER = Path(os.environ.get("INTENTD_GYM_CASES") or Path(__file__).parents[3] / "shared" / "data" / "faults")

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"the library of cases is not on this machine: no {FOLDER}"
)


@cache
def library() -> Loaded:
    return load_folder(FOLDER)


def scenarios() -> tuple[Any, ...]:
    found = library().scenarios if FOLDER.is_dir() else ()
    return tuple(pytest.param(one, id=one.case.id) for one in found)


each_case: Callable[[Any], Any] = pytest.mark.parametrize("scenario", scenarios())


def test_every_case_is_read_as_it_is():
    assert [str(problem) for problem in library().problems] == []
    assert library().scenarios


@each_case
def test_a_case_fails_when_broken_and_holds_when_fixed(scenario: Scenario):
    assert self_check(scenario) == ()


@each_case
def test_the_reference_fix_is_right_and_nothing_is_not(scenario: Scenario):
    case, scoring = scenario.case, scenario.scoring
    before = state_of(case)
    for objects in scoring.fixes.values():
        assert score(case, scoring, Run(before, before.overlaid(objects), clear=True)).right
    assert not score(case, scoring, Run(before, before, clear=True)).right


@each_case
def test_an_undeterminable_case_is_right_for_its_own_finding(scenario: Scenario):
    case, scoring = scenario.case, scenario.scoring
    if scoring.expected is not Expected.ESCALATE:
        return
    said = " ".join(
        finding.contains or " ".join(identifiers(finding.sentence)) for finding in scoring.findings
    )
    (kind, name), *_ = sorted(right_objects(case, scoring))
    before = state_of(case)
    called = Run(
        before,
        before,
        outcome=Outcome.ESCALATED,
        fault_class=min(classes_of(scoring.fault_type), default=None),
        root_cause=said,
        named=(ObjectRef(kind, "", name),),
    )
    assert score(case, scoring, called).right


@each_case
def test_a_daemon_sees_objects_without_the_words_of_the_answer(scenario: Scenario):
    shown = str(visible(scenario.case))
    assert scenario.scoring.fault_type not in shown
    for finding in scenario.scoring.findings:
        assert not finding.sentence or finding.sentence not in shown
