"""Think: from an open case to a plan, or to a person. Asks the model; never writes to the cluster.

One case at a time:
 1. Gather the evidence, add what the store knows of better days, redact and select.
 2. List the changes that the evidence supports; drop what the guards' rules or the past already refuse.
 3. Put the questions to the model (`remediation.diagnose.consult` asks, this pumps).
 4. Turn the chosen manifest into a plan against the live object, or escalate with the reason.
Every step is a ledger row before the next begins.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from daemon.guarding import could_be_allowed
from daemon.past_changes import knob, past_change
from daemon.records import diagnosed, escalated, planned
from daemon.settings import seconds
from daemon.state import Memory, World
from detectors.comparisons import comparisons
from detectors.model import Case, Gap, ObjectRef
from intents.model import Intent
from remediation.candidates import generate
from remediation.desired import desired_manifest, provision
from remediation.diagnose import consult
from remediation.evidence import redacted, redacted_case, select
from remediation.guards import knobs
from remediation.model import (
    Answer,
    Candidate,
    Diagnosis,
    Evidence,
    Json,
    NoPlan,
    Plan,
    Question,
    RawEvidence,
    Role,
    Unusable,
    UnusableReason,
)
from remediation.plan import plan_change
from remediation.recreate import FOR_A_PERSON
from remediation.rehearsal import Result
from remediation.saga import Event, State
from store.ledger import Entry
from store.queries import CaseRow, changes_ended, known_good, last_step, rehearsals_ended

RETRY = frozenset({UnusableReason.UNREACHABLE, UnusableReason.TIMED_OUT})
"""Reasons that are ours to retry: the case waits for the model (settings: model.patience)."""

RETRY_EVERY = 10.0
"""Seconds between two tries at an absent model."""

FAILED = frozenset({"not-held", "rolled-back", "stuck"})
"""Results of a change that make offering it again pointless."""


@dataclasses.dataclass(frozen=True, slots=True)
class Consultation:
    """What a diagnosis produced, before anything is recorded; also the answer of `run --once`."""

    answer: Diagnosis | Unusable
    evidence: Evidence
    candidates: tuple[Candidate, ...]
    asked: tuple[tuple[Question, Answer | Unusable], ...]
    plan: Plan | NoPlan | None
    raw: RawEvidence


def think(world: World, memory: Memory, row: CaseRow) -> Consultation | None:
    """Bring one case from Open or Diagnosing to Proposed or Closed; answers what it was decided on."""
    case, intent = memory.cases.get(row.key), memory.catalog.intents.get(row.intent)
    if case is None or intent is None:
        return None  # look closes it, or the violation is about to be seen again
    record = world.store.record
    if row.state is State.OPEN:
        record([Entry(Event.DIAGNOSIS_STARTED, {}, row.case_id)], at=world.clock.now())
    told_with = memory.handed_over.get((row.intent, case.cause), "") if case.cause else ""
    found = consider(world, case, intent, told_with=told_with)
    memory.model_trouble = _trouble(found)
    entries = [diagnosed(row.case_id, found.answer, found.evidence, found.candidates, found.asked)]
    cause = found.answer.cause
    if isinstance(found.answer, Unusable):
        if found.answer.reason in RETRY and _still_patient(world, memory, row.case_id):
            _note_once(world, row.case_id, entries[0])
            return found  # nothing was learnt; a later turn asks again
        said = f"{found.answer.reason}: {found.answer.detail}"
        again = told_with if found.answer.reason is UnusableReason.SAME_CAUSE else ""
        entries.append(escalated(row.case_id, case, reason=said, cause=cause, told_with=again))
    elif found.plan is not None and not isinstance(found.plan, NoPlan):
        entries.append(planned(row.case_id, found.plan, found.answer.chosen.summary, found.raw))
    else:
        why = found.plan.detail if isinstance(found.plan, NoPlan) else "the answer holds no change"
        entries.append(
            escalated(row.case_id, case, reason=f"no change can be made of the answer: {why}", cause=cause)
        )
    record(entries, at=world.clock.now())
    memory.thought.set()
    return found


def _trouble(found: Consultation) -> Unusable | None:
    """What keeps the model from answering at all, as the last question showed it; for `status` and people."""
    last = found.asked[-1][1] if found.asked else None
    return last if isinstance(last, Unusable) and last.reason in RETRY else None


def _note_once(world: World, case_id: str, unanswered: Entry) -> None:
    """One row for a question that got no answer, not one every try: what is new is the reason."""
    before = last_step(world.store, case_id, Event.UNUSABLE)
    if before is None or before.payload["reason"] != unanswered.payload["reason"]:
        world.store.record([unanswered], at=world.clock.now())


def consider(world: World, case: Case, intent: Intent, *, told_with: str = "") -> Consultation:
    """Steps 1 to 4 without recording anything: read-only. `told_with` is a case of the same intent and cause with
    which a person was called: where code knows no change here either, the model is not asked the same again."""
    raw = with_memory(world, case, intent, world.cluster.gather(case))
    if raw.live is None and (gap := _gap_of_target(case, raw)) is not None:
        nothing = Unusable(UnusableReason.UNREACHABLE, f"{case.target} could not be read: {gap.message}")
        return Consultation(nothing, Evidence((), raw.gaps), (), (), None, raw)
    case, clean = redacted_case(case), redacted(raw)
    evidence = select(case, clean)
    by_code = provision(case, intent, evidence)
    if by_code is not None:
        plan = plan_change(by_code.chosen, raw.live, desired_manifest(case, intent))
        return Consultation(by_code, evidence, (by_code.chosen,), (), plan, raw)
    failed = _failed_before(world, case)
    left_out: list[NoPlan] = []
    may = _may(world, case, intent, raw, failed, left_out)
    candidates = tuple(found for found in generate(case, clean, evidence, intent) if may(found) is not None)
    if told_with and not candidates:
        why = f"the same cause as case {told_with} ({case.cause}), for which a person was called"
        same = Unusable(
            UnusableReason.SAME_CAUSE, why, fault_class=case.fault_class, cause=case.primary.message
        )
        return Consultation(same, evidence, (), (), None, raw)
    answer, asked = _pump(world, case, evidence, candidates, intent, raw.live)
    plan_or_not: Plan | NoPlan | None = None
    if isinstance(answer, Unusable) and left_out:
        said = "; ".join(dict.fromkeys(no_plan.detail for no_plan in left_out))
        answer = dataclasses.replace(answer, detail=f"{answer.detail}; {said}")
    if isinstance(answer, Diagnosis):
        plan_or_not = plan_change(answer.chosen, live_of(answer.chosen, case, raw))
        if not isinstance(plan_or_not, NoPlan) and _signature(plan_or_not) in failed:
            plan_or_not = NoPlan("FailedBefore", "this very change was made before and did not hold")
    return Consultation(answer, evidence, candidates, asked, plan_or_not, raw)


def _may(
    world: World,
    case: Case,
    intent: Intent,
    raw: RawEvidence,
    failed: frozenset[Signature],
    left_out: list[NoPlan],
) -> Callable[[Candidate], Plan | None]:
    """What a candidate would do, None where the past or a guard that never changes its mind is against it:
    the model is not asked about what could not be done anyway. What only a person can do, because a field can
    never change, is added to `left_out`."""

    def plan_of(candidate: Candidate) -> Plan | None:
        live = live_of(candidate, case, raw)
        plan = plan_change(candidate, live)
        if isinstance(plan, NoPlan) and plan.detail.endswith(FOR_A_PERSON):
            left_out.append(plan)
        if isinstance(plan, NoPlan) or _signature(plan) in failed:
            return None
        return plan if could_be_allowed(world, case, intent, plan, live, raw) else None

    return plan_of


def _pump(
    world: World,
    case: Case,
    evidence: Evidence,
    candidates: Sequence[Candidate],
    intent: Intent,
    live: Json | None,
) -> tuple[Diagnosis | Unusable, tuple[tuple[Question, Answer | Unusable], ...]]:
    asked: list[tuple[Question, Answer | Unusable]] = []
    questions = consult(case, evidence, candidates, intent, live)
    try:
        question = next(questions)
        while True:
            server = world.judge if question.role is Role.JUDGE else world.model
            reply = server.ask(question)
            asked.append((question, reply))
            question = questions.send(reply)
    except StopIteration as stop:
        return stop.value, tuple(asked)


def with_memory(world: World, case: Case, intent: Intent, raw: RawEvidence) -> RawEvidence:
    """Add what the store and Prometheus know: last known goods, and the metric expectations' values."""
    stored = known_good(world.store, case.target)
    related = {}
    for ref in raw.related:
        if ref.kind in ("ConfigMap", "Service") and (good := known_good(world.store, ref)) is not None:
            related[ref] = good[0]
    metrics, gaps = {}, list(raw.gaps)
    for index in range(len(intent.spec.expectations)):
        for comparison in comparisons(intent, index).values():
            value = world.metrics.value(comparison.conditions[0].query)
            if isinstance(value, Gap):
                gaps.append(value)
            else:
                title = comparison.title
                metrics[title if title not in metrics else f"{title} (expectation {index + 1})"] = value
    return dataclasses.replace(
        raw,
        last_known_good=stored[0] if stored else None,
        related_good=related,
        metrics=metrics,
        gaps=tuple(gaps),
    )


def live_of(candidate: Candidate, case: Case, raw: RawEvidence) -> Json | None:
    """The live object that a candidate changes, from what was gathered."""
    if candidate.target.key == case.target.key:
        return raw.live
    return next((found for ref, found in raw.related.items() if ref.key == candidate.target.key), None)


def _gap_of_target(case: Case, raw: RawEvidence) -> Gap | None:
    """Why the target could not be read, in the name that the Cluster port gives it."""
    return next((gap for gap in raw.gaps if gap.what == str(case.target)), None)


Signature = tuple[object, ...]
"""What a plan sets on which object."""


def _signature(plan: Plan) -> Signature:
    return (plan.target.key, *sorted(knobs(plan)))


def _failed_before(world: World, case: Case) -> frozenset[Signature]:
    """Changes in this namespace that did not hold, or whose canary did not come up, by what they set. The whole
    kept ledger counts."""
    ended = changes_ended(world.store, case.target.namespace, FAILED)
    tried = rehearsals_ended(world.store, case.target.namespace, Result.FAILED.value)
    return frozenset(
        [
            *((change.key, *sorted(change.knobs)) for change in map(past_change, ended)),
            *((ObjectRef(**told["target"]).key, *sorted(map(knob, told["touched"]))) for told in tried),
        ]
    )


def waits(world: World, memory: Memory, case_id: str) -> bool:
    """Whether a case was just tried in vain, so that another one may go first."""
    return world.clock.monotonic() < memory.retry_at.get(case_id, 0.0)


def _still_patient(world: World, memory: Memory, case_id: str) -> bool:
    now = world.clock.monotonic()
    since = memory.model_absent_since.get(case_id, now)
    memory.model_absent_since = {**memory.model_absent_since, case_id: since}
    memory.retry_at = {**memory.retry_at, case_id: now + RETRY_EVERY}
    return now - since < seconds(world.settings.model.patience)
