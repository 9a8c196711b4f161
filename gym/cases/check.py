"""Whether a case can tell right from wrong: the self-check that every case has to pass.

Something fails on the broken objects; on each fix everything holds and nothing changed that may not; doing
nothing is not right, and neither is any of the case's own examples of a mistake. Of a policy task, each
violating object fails and each compliant one passes. A control holds from the start.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gym.cases.assertions.base import Arguments, Target
from gym.cases.assertions.registry import Check, Combined, EachContainer, OfField, OfObject, judge, target_of
from gym.cases.assertions.registry import leaves as parts
from gym.cases.changes import changes, over_edits
from gym.cases.model import Expected, Scenario
from gym.cases.score import Run, score
from gym.cases.state import State, key_of
from gym.cases.world import state_of


def self_check(scenario: Scenario) -> tuple[str, ...]:
    """What the case cannot tell, one sentence each; empty where it is fine."""
    return tuple(_findings(scenario))


def _findings(scenario: Scenario) -> Iterator[str]:
    case, scoring = scenario.case, scenario.scoring
    before = state_of(case)
    answers = [judge(check, before, case.context) for check in scoring.assertions]
    if scoring.expected is Expected.NOTHING:
        yield from (f"a control, but {answer.why}" for answer in answers if not answer.held)
    elif answers and all(answer.held for answer in answers):
        yield "every assertion holds on broken.yaml"
    if (
        scoring.expected is not Expected.NOTHING
        and score(case, scoring, Run(before, before, clear=True)).right
    ):
        yield "doing nothing is right"
    for file, objects in scoring.fixes.items():
        after = before.overlaid(objects)
        for check in scoring.assertions:
            answer = judge(check, after, case.context)
            if not answer.held:
                yield f"{file}: {answer.why}"
        yield from (
            f"{file}: over-edit {text}" for text in over_edits(changes(before, after), scoring.may_change)
        )
    for file, objects in scoring.mistakes.items():
        after = before.overlaid(objects)
        if score(case, scoring, Run(before, after, clear=True)).right:
            yield f"{file}: a mistake is right"
    yield from _policy(scenario)


def _policy(scenario: Scenario) -> Iterator[str]:
    case, scoring = scenario.case, scenario.scoring
    before = state_of(case)
    for target in scoring.violating if scoring.assertions else ():
        about = [check for check in scoring.assertions if target in _targets(check)]
        if all(judge(check, before, case.context).held for check in about):
            yield f"{target} is said to violate the policy, but no assertion fails on it"
    for obj in scoring.compliant_objects:
        state = State.of(case.inventory, [obj])
        kind, _, name = key_of(obj)
        for check in scoring.assertions:
            moved = _retarget(check, Target(kind=kind, name=name))
            answer = judge(moved, state, case.context)
            if not answer.held:
                yield f"compliant.yaml: {answer.why}"


def _targets(check: Check) -> list[Target | None]:
    return [target_of(part) for part in parts(check)]


def _retarget(check: Check, target: Target) -> Check:
    """The same assertion about another object."""
    match check:
        case Combined():
            return replace(check, checks=tuple(_retarget(part, target) for part in check.checks))
        case OfField() | EachContainer():
            return replace(check, target=target)
        case OfObject():
            moved: Arguments = check.arguments.model_copy(update={"target": target})
            return replace(check, arguments=moved)
