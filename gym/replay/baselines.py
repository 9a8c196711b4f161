"""What a recorded sample would have come to had something simpler decided. All saw what the daemon saw: where it
opened no case, none of them acts. Whoever has nothing to change and may call a person does so, in the detector's
words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

from detectors.model import ObjectRef
from gym.cases.model import Scenario
from gym.cases.results import Result
from gym.cases.score import Score
from gym.cases.state import Json
from gym.replay.world import Call, Decision, Leave, Write, applied_plan, own_manifest, plan_of, replayed
from gym.run.record import Consultation, Recording
from remediation.candidates import last_known_good, previous_revision
from remediation.model import NoPlan, Role

EARLIER = frozenset({last_known_good.ORIGIN, previous_revision.ORIGIN})
"""Origins of candidates that go back to what was."""


class Baseline(StrEnum):
    """In the order in which they are shown."""

    NOTHING = "do nothing"
    RESTART = "restart"
    ROLL_BACK = "roll back"
    FIRST = "first candidate"
    MODEL_ALONE = "model without candidates"


WHAT: Mapping[Baseline, str] = {
    Baseline.NOTHING: "Nothing is done and nobody is called.",
    Baseline.RESTART: "Pods are made anew by their controllers: no field changes that a person wrote, so no case that is "
    "broken in its manifest is mended.",
    Baseline.ROLL_BACK: "The best candidate that goes back to the last known good or an earlier revision; where there is "
    "none, a person is called.",
    Baseline.FIRST: "Code's best candidate without asking a model; where there is none, a person is called.",
    Baseline.MODEL_ALONE: "What the model wrote by itself, or that it wrote nothing usable and a person was called. Only "
    "samples count where it was asked to write: it is asked where no candidate passed. So compare with intentd on the same "
    "cases only.",
}

NOT_RECORDED = "the recording does not tell what the model would write by itself"


def scored(baseline: Baseline, scenario: Scenario, recording: Recording) -> Score | None:
    """The verdict on the baseline; None where the recording does not allow one."""
    decision = _DECIDES[baseline](recording)
    return None if decision is None else replayed(scenario, recording, decision)


def line(baseline: Baseline, scenario: Scenario, live: Result, recording: Recording | None) -> Result:
    """The same as a result, to be counted like the live one. Skipped where that was."""
    if live.skipped is not None or recording is None:
        return Result(live.case, live.sample, live.tier, skipped=live.skipped or "there is no recording")
    verdict = scored(baseline, scenario, recording)
    if verdict is None:
        return Result(live.case, live.sample, live.tier, skipped=NOT_RECORDED)
    return Result(
        live.case,
        live.sample,
        live.tier,
        seen=live.seen,
        fault_class=live.fault_class,
        right=verdict.right,
        changed=verdict.changed,
        assertions_hold=verdict.assertions_hold,
        over_edits=verdict.over_edits,
        harm=verdict.harm,
    )


def live_again(scenario: Scenario, recording: Recording) -> Score | None:
    """The verdict on the plan that was applied live, by replay; None where none was. It has to be the live one: where
    it is not, replays of that case are not to be believed."""
    found = applied_plan(recording)
    if found is None:
        return None
    thought, plan = found
    return replayed(scenario, recording, Write(plan, thought.fault_class, thought.cause))


# ---------------------------------------------------------------- what each decides


def _nothing(_recording: Recording) -> Decision:
    return Leave()


def _roll_back(recording: Recording) -> Decision:
    return _first(recording, lambda told: told.get("origin") in EARLIER)


def _first_candidate(recording: Recording) -> Decision:
    return _first(recording, lambda _told: True)


def _first(recording: Recording, fits: Callable[[Json], bool]) -> Decision:
    """The best fitting candidate of the first case that has one: code lists them best first."""
    for thought in recording.consultations:
        for told in filter(fits, thought.candidates):
            plan = plan_of(recording, told)
            if not isinstance(plan, NoPlan):
                return Write(plan, thought.fault_class, _message(thought))
    return _call(recording.consultations, _message)


def _model_alone(recording: Recording) -> Decision | None:
    asked = [one for one in recording.consultations if _asked_to_write(one)]
    if not asked or len(asked) < len(recording.consultations):
        return None
    for thought in asked:
        told = own_manifest(thought)
        plan = plan_of(recording, told) if told is not None else None
        if plan is not None and not isinstance(plan, NoPlan):
            return Write(plan, thought.fault_class, _said(thought))
    return _call(asked, _said)


def _asked_to_write(thought: Consultation) -> bool:
    return any(question.get("role") == Role.REPAIR for question in thought.questions)


def _call(thoughts: Sequence[Consultation], cause: Callable[[Consultation], str]) -> Decision:
    if not thoughts:
        return Leave()  # nothing was seen
    first = thoughts[0]
    about = tuple(ObjectRef(one.kind, one.namespace, one.name) for one in thoughts)
    return Call(about, first.fault_class, cause(first))


def _said(thought: Consultation) -> str:
    """The model's cause, or else the detector's message."""
    return thought.cause or _message(thought)


def _message(thought: Consultation) -> str:
    return str(thought.violations[0].get("message", "")) if thought.violations else ""


_DECIDES: Mapping[Baseline, Callable[[Recording], Decision | None]] = {
    Baseline.NOTHING: _nothing,
    Baseline.RESTART: _nothing,
    Baseline.ROLL_BACK: _roll_back,
    Baseline.FIRST: _first_candidate,
    Baseline.MODEL_ALONE: _model_alone,
}
