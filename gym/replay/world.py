"""A decision put upon recorded objects, and the run that would have come of it.

A plan is made and applied by the daemon's own functions on the objects as the API server had them; the verdict is
that of live runs. What no recording tells is supplied by one rule: detectors stay clear exactly where the case's
assertions hold, for the gym shows the symptom exactly as long as they fail (docs/gym-run.md). So a change after which
they do not hold is taken back, as a daemon's verification would.

Not replayed: guards, the API server's own refusals, and objects elsewhere that a change breaks.
"""

from __future__ import annotations

from dataclasses import dataclass

from detectors.model import ObjectRef
from gym.cases.assertions.registry import judge
from gym.cases.changes import changes
from gym.cases.model import Scenario
from gym.cases.results import Result
from gym.cases.score import Run, Score, score
from gym.cases.state import Json, Key, State, key_of
from gym.run.record import Consultation, Recording
from remediation.diff import PreconditionFailed, apply
from remediation.model import Candidate, Create, Delete, NoPlan, Outcome, Patch, Plan, Recreate
from remediation.plan import plan_change, plan_from_json

NEW_UID = "replayed"
"""Of an object that a plan creates anew: any uid but the recorded one."""


@dataclass(frozen=True, slots=True)
class Leave:
    """Nothing is done and nobody is called."""


@dataclass(frozen=True, slots=True)
class Call:
    """A person is called about these objects, with this class and cause."""

    about: tuple[ObjectRef, ...]
    fault_class: str
    cause: str


@dataclass(frozen=True, slots=True)
class Write:
    """This plan is written. `cause` is told with it."""

    plan: Plan
    fault_class: str
    cause: str


Decision = Leave | Call | Write


def replayed(scenario: Scenario, recording: Recording, decision: Decision) -> Score:
    """The verdict on what would have come of the decision. A plan that does not fit the recorded objects changes
    nothing."""
    return score(scenario.case, scenario.scoring, run_of(scenario, recording, decision))


def same_case(scenario: Scenario, live: Result, recording: Recording) -> bool:
    """Whether the case is still the one that was recorded: its objects are there, and what was seen scores as it did
    then. A case that was written anew under an old name fails one of both."""
    if not State.of(recording.before).objects.keys() & {key_of(obj) for obj in scenario.case.broken}:
        return False
    verdict = score(scenario.case, scenario.scoring, _recorded(recording))
    return (verdict.right, verdict.harm, verdict.assertions_hold) == (
        live.right,
        live.harm,
        live.assertions_hold,
    )


def run_of(scenario: Scenario, recording: Recording, decision: Decision) -> Run:
    """What a live run would hand to the scorer."""
    before = State.of(recording.before)
    match decision:
        case Leave():
            return Run(before, before)
        case Call():
            return Run(
                before,
                before,
                outcome=Outcome.ESCALATED,
                fault_class=decision.fault_class,
                root_cause=decision.cause,
                named=decision.about,
            )
        case Write():
            return _written(scenario, before, decision)


def plan_of(recording: Recording, told: Json) -> Plan | NoPlan:
    """The plan for a recorded candidate (`id`, `origin`, `summary`, `target`, `manifest`), or for a manifest that the
    model wrote."""
    target = ObjectRef(*told["target"])
    candidate = Candidate(
        told.get("id", "model"),
        told.get("origin", "model"),
        target,
        told.get("summary", ""),
        told["manifest"],
    )
    live = State.of(recording.before).get(target.kind, target.namespace, target.name)
    return plan_change(candidate, live)


def own_manifest(thought: Consultation) -> Json | None:
    """What the model itself wrote, in the form of a candidate."""
    if not thought.wrote_manifest or thought.manifest is None:
        return None
    return {"target": (thought.kind, thought.namespace, thought.name), "manifest": thought.manifest}


def applied_plan(recording: Recording) -> tuple[Consultation, Plan] | None:
    """The first plan that was applied live, with its diagnosis; None where none was. Of several recorded plans it is
    the one whose object differs just after the write."""
    if recording.applied is None:
        return None
    found = changes(State.of(recording.before), State.of(recording.applied))
    touched: set[Key] = {one.key for one in found.fields}
    touched |= {*found.created, *found.deleted, *found.recreated}
    for thought in recording.consultations:
        if thought.plan is None:
            continue
        plan = plan_from_json(thought.plan)
        if plan.target.key in touched:
            return thought, plan
    return None


def _recorded(recording: Recording) -> Run:
    """What the scorer was handed live."""
    return Run(
        State.of(recording.before),
        State.of(recording.after),
        applied=State.of(recording.applied) if recording.applied is not None else None,
        outcome=Outcome(recording.outcome) if recording.outcome is not None else None,
        clear=recording.clear,
        fault_class=recording.fault_class,
        root_cause=recording.root_cause,
        named=tuple(ObjectRef(*one) for one in recording.named),
        worse=tuple(ObjectRef(*one) for one in recording.worse),
    )


def _written(scenario: Scenario, before: State, decision: Write) -> Run:
    planned = _after(before, decision.plan)
    case, scoring = scenario.case, scenario.scoring
    holds = all(judge(check, planned, case.context).held for check in scoring.assertions)
    return Run(
        before,
        planned if holds else before,
        applied=planned,
        outcome=Outcome.FIXED if holds else Outcome.ROLLED_BACK,
        clear=holds,
        fault_class=decision.fault_class,
        root_cause=decision.cause,
    )


def _after(before: State, plan: Plan) -> State:
    key = plan.target.key
    live = before.objects.get(key)
    match plan:
        case Patch():
            if live is None:
                return before
            try:
                return before.overlaid([apply(live, plan.operations)])
            except PreconditionFailed:
                return before
        case Create():
            return before.overlaid([plan.manifest])
        case Delete():
            return State({k: obj for k, obj in before.objects.items() if k != key})
        case Recreate():
            anew = {**plan.manifest, "metadata": {**plan.manifest["metadata"], "uid": NEW_UID}}
            return before.overlaid([anew])
