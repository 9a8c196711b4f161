"""The ledger rows that the loops write: one function a row, so that `explain` and the live view know what
each holds. Everything in them is redacted before it comes here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from detectors.model import Case, ObjectRef, Violation
from intents.fields import format_path
from remediation.blast_radius import Neighbours
from remediation.evidence.text import one_line
from remediation.guards.rehearsal import PASSED
from remediation.model import (
    ABSENT,
    Answer,
    Candidate,
    Create,
    Diagnosis,
    Evidence,
    Json,
    Judged,
    Outcome,
    Patch,
    Plan,
    Question,
    RawEvidence,
    Recreate,
    Touched,
    Unusable,
    Verdict,
)
from remediation.plan import plan_to_json
from remediation.redact import redact_manifest, redact_text
from remediation.rehearsal import Result, fingerprint
from remediation.saga import Event
from remediation.verify import Progress, Verification
from store.ledger import Entry
from store.queries import CaseRow

MESSAGE_CHARS = 600
"""Longest message kept of one violation; the whole text stays in the cluster."""


NAMED = 5
"""Others with the same cause that a notice names; the rest are counted."""


def summarise(violation: Violation) -> str:
    """One line for listings: `ImagePull: container app: ImagePullBackOff`."""
    where = f"container {violation.container}: " if violation.container else ""
    return f"{violation.fault_class}: {where}{violation.reason}"


def opened(case: Case, recurs_after: float = 0.0) -> Json:
    """The first row of a case. `recurs_after`: seconds since the same case was opened before, unless that was mended."""
    shared: Json = (
        {} if case.cause is None else {"cause": list(case.cause), "others": list(map(str, case.others))}
    )
    again: Json = {"recurs_after": round(recurs_after)} if recurs_after else {}
    return (
        shared
        | again
        | {
            "fault_class": case.fault_class.value,
            "severity": case.severity.value,
            "summary": summarise(case.primary),
            "reason": case.reason.value,
            "violations": [_violation(violation) for violation in case.violations],
        }
    )


def _violation(violation: Violation) -> Json:
    return {
        "detector": violation.detector,
        "expectation": violation.expectation,
        "fault_class": violation.fault_class.value,
        "severity": violation.severity.value,
        "subject": str(violation.subject),
        "container": violation.container,
        "reason": violation.reason,
        "message": redact_text(violation.message)[0][:MESSAGE_CHARS],
        "facts": {name: redact_text(value)[0] for name, value in violation.facts.items()},
    }


def resolved(row: CaseRow, quiet: float) -> Entry:
    """It went away without us."""
    reason = f"not seen for {quiet:.0f} s, and we had changed nothing"
    payload: Json = {"outcome": Outcome.SELF_RESOLVED.value, "reason": reason}
    if row.state.value == "Stuck":
        payload = {
            "outcome": Outcome.ESCALATED.value,
            "reason": f"not seen for {quiet:.0f} s after a person was called",
        }
    return Entry(Event.RESOLVED, payload, row.case_id)


PROVEN = {Progress.HELD: Outcome.FIXED, Progress.UNPROVEN: Outcome.SELF_RESOLVED}
"""How a case ends whose change stays: what broke is whole, by us or perhaps not by us."""


def verified(row: CaseRow, verification: Verification) -> Entry:
    """The proof, or that there is none; a change without proof is undone by the act loop."""
    if verification.state in PROVEN:
        outcome = PROVEN[verification.state].value
        return Entry(Event.HELD, {"outcome": outcome, "reason": verification.reason}, row.case_id)
    ends = Outcome.MASKED if verification.state is Progress.MASKED else Outcome.ROLLED_BACK
    payload = {"progress": verification.state.value, "reason": verification.reason, "ends": ends.value}
    return Entry(Event.NOT_HELD, payload, row.case_id)


def escalated(
    case_id: str,
    case: Case | None,
    *,
    reason: str,
    cause: str = "",
    outcome: Outcome = Outcome.ESCALATED,
    told_with: str = "",
) -> Entry:
    """Close a case by calling a person. The notice is part of the row: told at least once. `told_with`: the case whose
    notice told of this one too; nobody is called twice for one cause."""
    reason, cause = one_line(reason, MESSAGE_CHARS), one_line(cause, MESSAGE_CHARS)
    what = f"{case.target.place}: {summarise(case.primary)}" if case else case_id
    seen = one_line(redact_text(case.primary.message)[0], MESSAGE_CHARS) if case else ""
    parts = (
        what,
        f"Seen: {seen}" if seen else "",
        f"Cause: {cause}" if cause else "",
        f"Why a person: {reason}",
        _also(case) if case else "",
    )
    body = "\n".join(part for part in parts if part)
    severity = case.severity.value if case else "warning"
    notice = {"severity": severity, "title": f"intentd needs you: {what}", "body": body}
    payload: Json = {"outcome": outcome.value, "reason": reason, "cause": cause}
    return Entry(Event.ESCALATED, payload if told_with else payload | {"notice": notice}, case_id)


def _also(case: Case) -> str:
    """Who else has the same cause, for one notice instead of forty."""
    names = [other.place for other in case.others[:NAMED]]
    more = f" and {len(case.others) - NAMED} more" if len(case.others) > NAMED else ""
    return f"The same cause: {', '.join(names)}{more}" if names else ""


def diagnosed(
    case_id: str,
    answer: Diagnosis | Unusable,
    evidence: Evidence,
    candidates: Sequence[Candidate],
    asked: Sequence[tuple[Question, Answer | Unusable]],
) -> Entry:
    """The whole consultation: what was shown, asked, answered and chosen."""
    payload: Json = {
        "cause": answer.cause,
        "fault_class": answer.fault_class.value if answer.fault_class else None,
        "weights": answer.weights,
        "evidence": [asdict(item) for item in evidence.items],
        "facts": [asdict(item) for item in evidence.facts],
        "gaps": [gap._asdict() for gap in evidence.gaps],
        "candidates": [_candidate(candidate, answer.judged) for candidate in candidates],
        "questions": [_asked(question, reply) for question, reply in asked],
    }
    if isinstance(answer, Unusable):
        return Entry(
            Event.UNUSABLE, payload | {"reason": answer.reason.value, "detail": answer.detail}, case_id
        )
    chosen = {
        "cites": list(answer.evidence_ids),
        "confidence": answer.confidence,
        "chosen": answer.chosen.id,
        "summary": answer.chosen.summary,
        "manifest": _clean(answer.chosen),
        "wrote_manifest": answer.wrote_manifest,
    }
    return Entry(Event.DIAGNOSED, payload | chosen, case_id)


def _candidate(candidate: Candidate, judged: Sequence[Judged]) -> Json:
    p_yes = next((item.p_yes for item in judged if item.candidate.id == candidate.id), None)
    return {
        "id": candidate.id,
        "origin": candidate.origin,
        "summary": candidate.summary,
        "target": list(candidate.target.key),
        "manifest": _clean(candidate),
        "p_yes": p_yes,
    }


def _clean(candidate: Candidate) -> Any:
    """What it would set. An intent's own manifest may hold a secret by mistake: then there is no plan, and this row
    must not tell it either."""
    return redact_manifest(candidate.manifest)[0]


def _asked(question: Question, reply: Answer | Unusable) -> Json:
    if isinstance(reply, Unusable):
        return {"role": question.role.value, "unusable": reply.reason.value, "detail": reply.detail}
    return {
        "role": question.role.value,
        "prompt_tokens": reply.prompt_tokens,
        "answer_tokens": reply.answer_tokens,
        "seconds": round(reply.seconds, 3),
        "prompt_seconds": _rounded(reply.prompt_seconds),
        "answer_seconds": _rounded(reply.answer_seconds),
        "load_seconds": _rounded(reply.load_seconds),
        "p_yes": reply.p_yes,
        "text": reply.text[:MESSAGE_CHARS],
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def planned(case_id: str, plan: Plan, summary: str, raw: RawEvidence) -> Entry:
    """The change in full, with its digest (what approval and the write are bound to), the objects that
    were gathered for it, and who else owns fields of its target."""
    payload = {
        "plan": plan_to_json(plan),
        "digest": plan.digest,
        "touched": touched(plan.touched),
        "summary": summary,
        "related": [list(ref.key) for ref in raw.related],
        "reserved": reserved_fields(plan.target, raw.related) | unread_owners(raw),
    }
    return Entry(Event.PLANNED, payload, case_id)


def reserved_fields(target: ObjectRef, related: Mapping[ObjectRef, Json]) -> dict[str, str]:
    """Field patterns of the target that an autoscaler owns (invariant 7)."""
    owned: dict[str, str] = {}
    for ref, found in related.items():
        spec = found.get("spec") or {}
        scaled = spec.get("scaleTargetRef") or spec.get("targetRef") or {}
        if (scaled.get("kind"), scaled.get("name")) != (target.kind, target.name):
            continue
        if ref.kind == "HorizontalPodAutoscaler":
            owned["spec.replicas"] = str(ref)
        elif (
            ref.kind == "VerticalPodAutoscaler"
            and (spec.get("updatePolicy") or {}).get("updateMode") != "Off"
        ):
            owned["spec.template.spec.containers[*].resources"] = str(ref)
    return owned


def unread_owners(raw: RawEvidence) -> dict[str, str]:
    """Fields that somebody may own whom we could not read (a list refused, cut short or too slow)."""
    unread = any(gap.what.startswith("HorizontalPodAutoscaler") for gap in raw.gaps)
    return {"spec.replicas": "an autoscaler that could not be read"} if unread else {}


def touched(fields: Sequence[Touched]) -> list[Json]:
    """Changed leaves for people and for budgets; None with `absent` true where there is no such field."""
    return [
        {
            "path": format_path(field.path),
            "before": None if field.before == ABSENT else field.before,
            "after": None if field.after == ABSENT else field.after,
            "was_absent": field.before == ABSENT,
            "becomes_absent": field.after == ABSENT,
        }
        for field in fields
    ]


def guarded(case_id: str, plan: Plan, verdicts: Sequence[Verdict], dry_run: str) -> Entry:
    """Each guard's inputs and verdict, before anything is written."""
    payload = {
        "digest": plan.digest,
        "verdicts": verdict_rows(verdicts),
        "allowed": all(v.allowed for v in verdicts),
        "dry_run": dry_run,
    }
    return Entry(Event.GUARDED, payload, case_id)


def verdict_rows(verdicts: Sequence[Verdict]) -> list[Json]:
    """Verdicts as JSON."""
    return [{**asdict(verdict), "inputs": _plain(verdict.inputs)} for verdict in verdicts]


def _plain(inputs: Mapping[str, Any]) -> Json:
    return {
        name: value if isinstance(value, str | int | float | bool | list | dict | None) else str(value)
        for name, value in inputs.items()
    }


def rehearsal_started(
    case_id: str, plan: Plan, canary: Create, live: Json, operation_id: str, verdicts: Sequence[Verdict]
) -> Entry:
    """Durable before a canary is created. Its manifest is a copy of a template, which may hold what must not be
    stored: the row has the template's fingerprint."""
    payload = {
        "operation_id": operation_id,
        "digest": plan.digest,
        "target": plan.target._asdict(),
        "canary": canary.target._asdict(),
        "fingerprint": fingerprint(plan, live) if isinstance(plan, Patch) else "",
        "ends_after": canary.manifest["spec"]["activeDeadlineSeconds"],
        "touched": touched(plan.touched),
        "verdicts": verdict_rows(verdicts),
    }
    return Entry(Event.REHEARSAL_STARTED, payload, case_id)


def rehearsal_ended(
    event: Event, case_id: str, begun: Mapping[str, Any], result: Result, reason: str
) -> Entry:
    """How a rehearsal ended (REHEARSED, then REHEARSAL_ENDED), or that there can be none. `begun` is the row that
    announced it, or what would have been."""
    told = {name: begun.get(name) for name in ("operation_id", "digest", "target", "fingerprint", "touched")}
    return Entry(
        event,
        told | {"result": result.value, "reason": one_line(redact_text(reason)[0], MESSAGE_CHARS)},
        case_id,
    )


def write_started(
    event: Event,
    case_id: str,
    plan: Plan,
    target: ObjectRef,
    operation_id: str,
    resource_version: str,
    verdicts: Sequence[Verdict],
    around: Neighbours | None = None,
) -> Entry:
    """Durable before the write: which operation, on which version of what, what each guard said, and for a fix
    what stood around it."""
    payload = {
        "operation_id": operation_id,
        "digest": plan.digest,
        "resource_version": resource_version,
        "target": target._asdict(),
        "touched": touched(plan.touched),
        "approved": any(v.guard == "mode" and v.inputs.get("approved") is True for v in verdicts),
        "verdicts": verdict_rows(verdicts),
    }
    passed = [v.inputs.get("operation_id") for v in verdicts if (v.guard, v.reason) == PASSED]
    if event is Event.APPLY_STARTED and any(passed):
        payload["rehearsed_by"] = passed[0]  # whose charge this one takes the place of
    if isinstance(plan, Recreate):
        payload["plan"] = plan_to_json(plan)  # the object may be gone, and this is what has to come back
    if around is not None:
        payload["neighbours"] = around.to_json()
    return Entry(event, payload, case_id)
