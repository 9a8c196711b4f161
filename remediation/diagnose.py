"""The decision: questions out, answers in, a Diagnosis or the reason why there is none.

`consult` is a generator so that the logic stays pure and the daemon only carries: it sends each yielded
Question to the model and the answer back. State the cause, then judge each candidate alone by p(Yes), and
only where none passes ask for a patched manifest, which is judged like any other (MODEL.md: small models
choose badly and judge well); what the judgement refuses may be written anew, without the values refused. Without a
passing judgement nothing is chosen.

Logs, messages and label values are written by whoever can run a pod. So every known change is judged a second time by
the facts alone (`Evidence.facts`), and only what is chosen both times is acted on: whatever a text says can keep a
known change from being made, and cannot make one. A manifest is written only where the facts carry no known change
either, of values that code offers; which of these may rest on what a log says, because a need is told nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace

from detectors.model import Case, FaultClass
from intents.model import Intent
from remediation.answers import Change, Repair, judged_yes, parse_cause, parse_repair
from remediation.choice import DEFAULT_THRESHOLDS, Thresholds, choose
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
    fields = open_fields(case, evidence, intent.spec.editable, live) if Role.REPAIR in roles else ()
    if isinstance(chosen, Unusable) and (chosen.reason is UnusableReason.TOO_CLOSE or not fields):
        return learnt.end(chosen)
    judged = yield from _judged_by_facts(case, evidence, candidates, learnt)
    if isinstance(judged, Unusable):
        return learnt.end(judged)
    by_facts = choose(judged, thresholds)
    if isinstance(chosen, Judged):
        if isinstance(by_facts, Judged) and chosen.candidate is by_facts.candidate:
            return learnt.diagnosis(chosen)
        return learnt.end(_only_by_words(chosen, by_facts))
    if isinstance(by_facts, Judged):
        return learnt.end(_only_by_words(chosen, by_facts))

    for first in (True, *(False,) * (TRIES - 1)):
        if not fields or live is None:
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


def _judged_by_facts(
    case: Case, evidence: Evidence, candidates: Sequence[Candidate], learnt: _Learnt
) -> Generator[Question, Answer | Unusable, Sequence[Judged] | Unusable]:
    """The same changes judged without a word that somebody else wrote, the stated cause included. Not asked again
    where nothing else was shown anyway."""
    facts = replace(evidence, items=evidence.facts)
    if [item.text for item in shown(facts)] == [item.text for item in shown(evidence)]:
        return learnt.judged
    judged: list[Judged] = []
    for candidate in candidates if facts.items else ():
        question = judge_question(case, facts, bare_cause(case), candidate)
        answer = learnt.take(question, (yield question))
        p = answer if isinstance(answer, Unusable) else judged_yes(answer)
        if isinstance(p, Unusable):
            return p
        judged.append(Judged(candidate, p))
    return judged


def bare_cause(case: Case) -> str:
    """What is wrong as the detector names it, without the message that it quotes."""
    seen = case.primary
    container = f"container {seen.container} of " if seen.container else ""
    return f"{container}{case.target.name}: {seen.reason}"


def _only_by_words(chosen: Judged | Unusable, by_facts: Judged | Unusable) -> Unusable:
    """The two judgements differ: whoever wrote the logs and messages must not decide which is right."""

    def told(found: Judged | Unusable) -> str:
        if isinstance(found, Unusable):
            return found.detail or found.reason.value
        return f"{found.candidate.summary!r} with p(Yes) {found.p_yes:.2f}"

    detail = f"with logs and messages: {told(chosen)}; by the facts alone: {told(by_facts)}"
    return Unusable(UnusableReason.NOT_BY_FACTS, detail)


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
