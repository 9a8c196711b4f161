"""The decision: questions out, answers in, a Diagnosis or the reason why there is none.

`consult` is a generator so that the logic stays pure and the daemon only carries: it sends each yielded
Question to the model and the answer back. State the cause, then judge each candidate alone by p(Yes), and
only where none passes ask for a patched manifest, which is judged like any other (MODEL.md: small models
choose badly and judge well); what the judgement refuses may be written anew, without the values refused. Without a
passing judgement nothing is chosen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace

from detectors.model import Case, FaultClass
from intents.model import Intent
from remediation.answers import Change, Repair, judged_yes, parse_cause, parse_repair
from remediation.model import (
    Answer,
    Candidate,
    Diagnosis,
    Evidence,
    Json,
    Judged,
    Question,
    Role,
    Touched,
    Unusable,
    UnusableReason,
)
from remediation.prompt import change_in_words, diagnose_question, judge_question, repair_question, shown
from remediation.schema import OpenField, open_fields, repair_schema

Consultation = Generator[Question, Answer | Unusable, Diagnosis | Unusable]
ALL_ROLES = frozenset(Role)
WRITTEN = "model"
"""The origin and id of a change that the model wrote itself."""


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


def consult(
    case: Case,
    evidence: Evidence,
    candidates: Sequence[Candidate],
    intent: Intent,
    live: Json | None,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
    roles: frozenset[Role] = ALL_ROLES,
) -> Consultation:
    """Yields questions, takes answers, returns the Diagnosis or an Unusable.

    `roles` are those that the served model has a measured score for: without `diagnose` the cause is the
    detector's own message, without `repair` nothing is written. An Unusable answer ends the consultation
    with its reason and whatever was learnt before it.
    """
    if not evidence.items:
        return Unusable(
            UnusableReason.NO_TELLING_EVIDENCE, "nothing about it could be read", fault_class=case.fault_class
        )
    learnt = _Learnt(case)
    if Role.DIAGNOSE in roles:
        question = diagnose_question(case, evidence)
        answer = learnt.take(question, (yield question))
        if isinstance(answer, Unusable):
            return learnt.end(answer)
        classes = tuple(violation.fault_class for violation in case.violations)
        cause = parse_cause(answer, [item.id for item in shown(evidence)], classes)
        if isinstance(cause, Unusable):
            return learnt.end(cause)
        learnt.cause, learnt.cited = cause.cause, cause.evidence
        if cause.fault_class is not None:
            learnt.fault_class = FaultClass(cause.fault_class)
    else:
        learnt.cause, learnt.cited = case.primary.message, (shown(evidence)[0].id,)

    for candidate in candidates:
        question = judge_question(case, evidence, learnt.cause, candidate)
        p = learnt.judge(question, (yield question), candidate)
        if isinstance(p, Unusable):
            return learnt.end(p)
    chosen = choose(learnt.judged, thresholds)
    if isinstance(chosen, Judged):
        return learnt.diagnosis(chosen)
    if chosen.reason is UnusableReason.TOO_CLOSE:
        return learnt.end(chosen)

    fields = open_fields(case, evidence, intent.spec.editable, live) if Role.REPAIR in roles else ()
    if live is None:
        return learnt.end(chosen)
    for first in (True, *(False,) * (TRIES - 1)):
        if not fields:
            break
        question = repair_question(case, evidence, learnt.cause, fields, repair_schema(fields, live))
        answer = learnt.take(question, (yield question))
        if isinstance(answer, Unusable):
            return learnt.end(answer)
        written = parse_repair(answer, fields)
        if isinstance(written, Unusable):
            return learnt.end(written if first else chosen)  # what was judged before tells a person more
        candidate = _written(case, learnt, *written)
        question = judge_question(case, evidence, learnt.cause, candidate)
        p = learnt.judge(question, (yield question), candidate)
        if isinstance(p, Unusable):
            return learnt.end(p)
        if p >= thresholds.accept_written:
            return learnt.diagnosis(learnt.judged[-1], wrote_manifest=True)
        told = (
            f"its own change ({candidate.summary}) got p(Yes) {p:.2f}, needs {thresholds.accept_written:.2f}"
        )
        chosen = Unusable(UnusableReason.LOW_CONFIDENCE, told)
        fields = _without(fields, written[1])
    return learnt.end(chosen)


TRIES = 3
"""Manifests that the model may write for one case, each without the values that it judged No before. On two cores
one costs about 4 s; a whole incident may take 45 (issue "The closed loop")."""


def _written(case: Case, learnt: _Learnt, repair: Repair, changes: Sequence[Change]) -> Candidate:
    return Candidate(
        id=WRITTEN,
        origin=WRITTEN,
        target=case.target,
        summary=change_in_words([Touched(field.path, field.now, value) for field, value in changes]),
        manifest=repair.manifest,
        rests_on=learnt.cited,
    )


def _without(fields: Sequence[OpenField], refused: Sequence[Change]) -> tuple[OpenField, ...]:
    """What is still open to the model: it said itself that these values do not help."""
    values = {(field.path, value) for field, value in refused}
    left = (
        replace(field, choices=tuple(v for v in field.choices if (field.path, v) not in values))
        for field in fields
    )
    return tuple(field for field in left if field.choices)


def pump(consultation: Consultation, ask: Callable[[Question], Answer | Unusable]) -> Diagnosis | Unusable:
    """Carry questions and answers until the end."""
    try:
        question = next(consultation)
        while True:
            question = consultation.send(ask(question))
    except StopIteration as end:
        result: Diagnosis | Unusable = end.value
        return result


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


class _Learnt:
    """What one consultation knows so far; every end carries it."""

    def __init__(self, case: Case) -> None:
        self.fault_class = case.fault_class
        self.cause = ""
        self.cited: tuple[str, ...] = ()
        self.judged: list[Judged] = []
        self._served: dict[bool, str] = {}

    def take(self, question: Question, answer: Answer | Unusable) -> Answer | Unusable:
        """The answer, unless the model that serves this kind of question changed under us.

        Two models' judgements do not compare. Another model may be named for the judge alone.
        """
        if isinstance(answer, Unusable):
            return answer
        if self._served.setdefault(question.yes_no, answer.weights) != answer.weights:
            return Unusable(UnusableReason.INVALID, "the served model changed between two questions")
        return answer

    @property
    def weights(self) -> str:
        """The digest, or both joined by a plus sign where cause and judgement come from two models."""
        return "+".join(dict.fromkeys(self._served[key] for key in sorted(self._served)))

    def judge(self, question: Question, answer: Answer | Unusable, candidate: Candidate) -> float | Unusable:
        taken = self.take(question, answer)
        p = taken if isinstance(taken, Unusable) else judged_yes(taken)
        if not isinstance(p, Unusable):
            self.judged.append(Judged(candidate, p))
        return p

    def end(self, why: Unusable) -> Unusable:
        return replace(
            why,
            cause=self.cause,
            fault_class=self.fault_class,
            judged=tuple(self.judged),
            weights=self.weights or why.weights,
        )

    def diagnosis(self, chosen: Judged, *, wrote_manifest: bool = False) -> Diagnosis:
        return Diagnosis(
            cause=self.cause,
            fault_class=self.fault_class,
            evidence_ids=self.cited,
            confidence=chosen.p_yes,
            chosen=chosen.candidate,
            judged=tuple(self.judged),
            weights=self.weights,
            wrote_manifest=wrote_manifest,
        )
