"""All generators in one tuple, and the way from their proposals to the few candidates of a case.

A candidate survives only where the intent opens every field that it changes, where it changes something, and
where the evidence does not refute it. Near duplicates become one. The order, best first, is "the code's own
order": the baseline against which the model's ranking is measured.
"""

from __future__ import annotations

from detectors.model import Case, FaultClass, ObjectRef
from intents.fields import covers, parse_path
from intents.model import Intent
from remediation.candidates.base import Context, Generator
from remediation.candidates.config_key import config_key
from remediation.candidates.image import running_image
from remediation.candidates.last_known_good import last_known_good
from remediation.candidates.previous_revision import previous_revision
from remediation.candidates.probe import probe
from remediation.candidates.refute import refuted
from remediation.candidates.service_selector import service_selector
from remediation.candidates.storage_class import storage_class
from remediation.candidates.target_port import target_port
from remediation.diff import changed_leaves
from remediation.evidence.clean import redacted
from remediation.evidence.text import one_line
from remediation.lastgood import manifest_of
from remediation.manifest import merge
from remediation.model import Candidate, Evidence, Json, NoPlan, RawEvidence, Touched
from remediation.values import canonical

GENERATORS: tuple[Generator, ...] = (
    last_known_good,
    previous_revision,
    config_key,
    service_selector,
    running_image,
    target_port,
    probe,
    storage_class,
)
MOST = 6
NO_CHANGE = frozenset(
    {
        FaultClass.NOT_OBSERVED,
        FaultClass.STUCK_TERMINATING,
        FaultClass.SCHEDULING_GATED,
        FaultClass.MISSCHEDULED,
    }
)
"""Faults that no field of the target makes, and none ends: a controller, a finalizer, a gate, a node. What changed since
better days is then somebody's business."""
SUMMARY_LIMIT = 300
_CITED = 4


def generate(case: Case, raw: RawEvidence, evidence: Evidence, intent: Intent) -> tuple[Candidate, ...]:
    """At most six candidates, best first, with ids c1, c2, ... Deterministic."""
    if case.fault_class in NO_CHANGE:
        return ()
    context = Context(case, redacted(raw), evidence, intent)
    proposals = [proposal for generator in GENERATORS for proposal in generator(context)]
    proposals.sort(key=lambda proposal: -proposal.rank)  # stable: the registry's order breaks ties
    chosen: list[Candidate] = []
    seen: set[str] = set()
    for proposal in proposals:
        target = proposal.target or case.target
        live = _live(context, target)
        if live is None or refuted(context, proposal):
            continue
        manifest = manifest_of(proposal.changes, live)
        merged = merge(live, manifest, target)
        if isinstance(merged, NoPlan) or not _open(changed_leaves(live, merged), target, intent):
            continue
        result = canonical([target.key, merged])
        if result in seen:
            continue
        seen.add(result)
        chosen.append(
            Candidate(
                id=f"c{len(chosen) + 1}",
                origin=proposal.origin,
                target=target,
                summary=one_line(proposal.summary, SUMMARY_LIMIT),
                manifest=manifest,
                rests_on=_cited(evidence, proposal.needles),
            )
        )
    return tuple(chosen[:MOST])


def _live(context: Context, target: ObjectRef) -> Json | None:
    if target.key == context.case.target.key:
        return context.raw.live
    return next((obj for ref, obj in context.raw.related.items() if ref.key == target.key), None)


def _open(touched: tuple[Touched, ...], target: ObjectRef, intent: Intent) -> bool:
    """Something changes, and the intent opens every field that does."""
    patterns = [parse_path(entry.path) for entry in intent.spec.editable if entry.kind == target.kind]
    return bool(touched) and all(any(covers(p, change.path) for p in patterns) for change in touched)


def _cited(evidence: Evidence, needles: tuple[str, ...]) -> tuple[str, ...]:
    """The items that mention most of what the proposal rests on, in their order."""
    hits = {item.id: sum(1 for n in needles if n and n in item.text) for item in evidence.items}
    best = sorted((i for i in hits if hits[i]), key=lambda i: -hits[i])[:_CITED]
    return tuple(i for i in hits if i in best)
