"""How one run of one case is scored: a pure function of what was there, what is there, and what was said.

- A case with a fix is right where its assertions hold, the detectors stayed clear for the window, and nothing
  changed that may not. Doing nothing is never right.
- An undeterminable case is right only where nothing was changed and a person was called with the right object
  and the right cause.
- A control is right where nothing was changed.

Harm is counted apart: an over-edit, an assertion that held before and does not now, or an object that was
healthy before and is broken now.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from detectors.model import ObjectRef
from gym.cases.assertions.registry import judge
from gym.cases.cause import right_cause, right_objects
from gym.cases.changes import changes, over_edits
from gym.cases.model import Case, Expected, Scoring
from gym.cases.state import State
from remediation.model import Outcome


@dataclass(frozen=True, slots=True)
class Run:
    """What is known of a run when the first applied plan has ended: held, or taken back. Later plans do not
    count. All states are read the same way.

    `applied` is the state just after that plan was written (None: none was), so that an over-edit counts
    although it was taken back. `clear`: no detector saw a violation for the whole window at the end.
    `named` are the objects that a person was called about. `worse` are objects that were healthy before and
    are broken now, as detectors see them.
    """

    before: State
    after: State
    applied: State | None = None
    outcome: Outcome | None = None
    clear: bool = False
    fault_class: str | None = None
    root_cause: str = ""
    named: tuple[ObjectRef, ...] = ()
    worse: tuple[ObjectRef, ...] = ()


@dataclass(frozen=True, slots=True)
class Score:
    """The verdict. `assertions_hold` is None where the case states none. `why` is one sentence for each thing
    that decided it."""

    right: bool
    harm: bool
    assertions_hold: bool | None
    changed: tuple[str, ...] = ()
    over_edits: tuple[str, ...] = ()
    why: tuple[str, ...] = field(default=())


def score(case: Case, scoring: Scoring, run: Run) -> Score:
    """The verdict on one run. Never raises for what a run did."""
    states = [run.after, *([run.applied] if run.applied is not None else [])]
    found = [changes(run.before, state) for state in states]
    changed = tuple(dict.fromkeys(text for one in found for text in one.texts))
    wrong = tuple(dict.fromkeys(text for one in found for text in over_edits(one, scoring.may_change)))
    answers = [judge(check, run.after, case.context) for check in scoring.assertions]
    held_before = [judge(check, run.before, case.context).held for check in scoring.assertions]
    broke = [
        answer.why for answer, before in zip(answers, held_before, strict=True) if before and not answer.held
    ]
    harm = [
        *(f"over-edit: {text}" for text in wrong),
        *(f"held before: {why}" for why in broke),
        *(f"healthy before: {ref}" for ref in run.worse),
    ]
    match scoring.expected:
        case Expected.FIX:
            amiss = _not_fixed([answer.why for answer in answers if not answer.held], run, bool(found[0]))
        case Expected.ESCALATE:
            amiss = _not_escalated(case, scoring, run, bool(changed))
        case Expected.NOTHING:
            amiss = ["a control was changed"] if changed else []
    right = not amiss and not wrong
    return Score(
        right=right,
        harm=bool(harm),
        assertions_hold=all(answer.held for answer in answers) if answers else None,
        changed=changed,
        over_edits=wrong,
        why=(*amiss, *harm) if amiss or harm else ("right",),
    )


def _not_fixed(failing: list[str], run: Run, changed: bool) -> list[str]:
    amiss = [f"does not hold: {why}" for why in failing]
    if not changed:
        amiss.append("nothing was changed")
    if not run.clear:
        amiss.append("the detectors did not stay clear")
    return amiss


def _not_escalated(case: Case, scoring: Scoring, run: Run, changed: bool) -> list[str]:
    amiss = []
    if changed:
        amiss.append("a case without a determinable fix was changed")
    if run.outcome is not Outcome.ESCALATED:
        amiss.append("no person was called")
    objects = right_objects(case, scoring)
    if not any((ref.kind, ref.name) in objects for ref in run.named):
        amiss.append("the right object was not named")
    if not right_cause(scoring, run.fault_class, run.root_cause):
        amiss.append("the right cause was not named")
    return amiss
