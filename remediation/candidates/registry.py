"""All generators in one tuple, and the way from their proposals to the few candidates of a case.

A candidate survives only where the intent opens every field that it changes, where it changes something, and
where the evidence does not refute it. Near duplicates become one. The order, best first, is "the code's own
order": the baseline against which the model's ranking is measured.
"""

from __future__ import annotations

import json

from detectors.model import Case, ObjectRef
from intents.fields import covers, parse_path
from intents.model import Intent
from remediation.candidates.base import Context, Generator, Proposal
from remediation.candidates.config_key import config_key
from remediation.candidates.image import running_image
from remediation.candidates.last_known_good import last_known_good
from remediation.candidates.previous_revision import previous_revision
from remediation.candidates.refute import refuted
from remediation.candidates.service_selector import service_selector
from remediation.candidates.target_port import target_port
from remediation.evidence.clean import redacted
from remediation.evidence.text import cut, one_line
from remediation.lastgood import manifest_of
from remediation.model import Candidate, Evidence, Json, RawEvidence

GENERATORS: tuple[Generator, ...] = (
    last_known_good,
    previous_revision,
    config_key,
    service_selector,
    running_image,
    target_port,
)
MOST = 6
SUMMARY_LIMIT = 300
_CITED = 4


def generate(case: Case, raw: RawEvidence, evidence: Evidence, intent: Intent) -> tuple[Candidate, ...]:
    """At most six candidates, best first, with ids c1, c2, ... Deterministic."""
    context = Context(case, redacted(raw)[0], evidence, intent)
    proposals = [proposal for generator in GENERATORS for proposal in generator(context)]
    proposals.sort(key=lambda proposal: -proposal.rank)  # stable: the registry's order breaks ties
    chosen: dict[str, Candidate] = {}
    for proposal in proposals:
        target = proposal.target or case.target
        live = _live(context, target)
        if live is None or not _allowed(proposal, target, intent) or refuted(context, proposal):
            continue
        manifest = manifest_of(proposal.changes, live)
        same = json.dumps([target.key, manifest], sort_keys=True)
        if same not in chosen and len(chosen) < MOST:
            chosen[same] = Candidate(
                id=f"c{len(chosen) + 1}",
                origin=proposal.origin,
                target=target,
                summary=cut(one_line(proposal.summary, SUMMARY_LIMIT), SUMMARY_LIMIT),
                manifest=manifest,
                rests_on=_cited(evidence, proposal.needles),
            )
    return tuple(chosen.values())


def _live(context: Context, target: ObjectRef) -> Json | None:
    if target.key == context.case.target.key:
        return context.raw.live
    return next((obj for ref, obj in context.raw.related.items() if ref.key == target.key), None)


def _allowed(proposal: Proposal, target: ObjectRef, intent: Intent) -> bool:
    """Something changes, all of it may be written, and the intent opens every field of it."""
    patterns = [parse_path(entry.path) for entry in intent.spec.editable if entry.kind == target.kind]
    return bool(proposal.changes) and all(
        change.restorable
        and change.before != change.after
        and any(covers(pattern, change.path) for pattern in patterns)
        for change in proposal.changes
    )


def _cited(evidence: Evidence, needles: tuple[str, ...]) -> tuple[str, ...]:
    """The items that mention what the proposal rests on."""
    found = [item.id for item in evidence.items if any(n and n in item.text for n in needles)]
    return tuple(found[:_CITED])
