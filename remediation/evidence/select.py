"""Selection: from everything that was gathered to the few lines that a small model reads.

The best item of each kind comes first, so that a long log never pushes out what changed; the rest of the
budget goes by weight. The chosen items are then shown in the order of their kinds and numbered e1, e2, ...
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from detectors.model import Case
from remediation.evidence.addressed import is_addressed, without_speaking_names
from remediation.evidence.changes import change_items
from remediation.evidence.clean import redacted, redacted_case
from remediation.evidence.draft import Draft
from remediation.evidence.events import event_items
from remediation.evidence.logs import log_items
from remediation.evidence.related import related_items
from remediation.evidence.spec import metric_items, spec_items
from remediation.evidence.status import status_items
from remediation.evidence.text import one_line
from remediation.model import Evidence, EvidenceItem, EvidenceKind, RawEvidence

DEFAULT_BUDGET = 2200
"""Characters, about 600 tokens at 3.6 characters a token of this kind of text. Source: MODEL.md keeps the
judge's whole prompt near 700 tokens on two cores; measured again in tests/model with the served tokenizer."""

ITEM_LIMIT = 320
LOG_LIMIT = 460
LEAST_WEIGHT = 0.25
"""An item below it only fills and is left out even where there is room: what tells nothing misleads."""

_KINDS = tuple(EvidenceKind)


def select(case: Case, raw: RawEvidence, budget_chars: int = DEFAULT_BUDGET) -> Evidence:
    """The evidence of one case: redacted, one line an item, at most `budget_chars` as `render` shows it.

    Deterministic. Gaps are handed on, never dropped: what could not be read stays visible.
    """
    case, clean = redacted_case(case), redacted(raw)
    drafts = [_unspoken(draft) for draft in _drafts(case, clean)]
    items, facts = _items(drafts, budget_chars), _items(map(_fact, drafts), budget_chars)
    return Evidence(items=items, gaps=clean.gaps, redactions=clean.taken, facts=facts)


def _items(drafts: Iterable[Draft], budget: int) -> tuple[EvidenceItem, ...]:
    chosen = _within(list(_unique(drafts)), budget)
    chosen.sort(key=lambda draft: (_KINDS.index(draft.kind), -draft.weight))
    return tuple(
        EvidenceItem(f"e{number}", draft.kind, one_line(draft.source, 120), draft.text, draft.weight)
        for number, draft in enumerate(chosen, start=1)
    )


def _unspoken(draft: Draft) -> Draft:
    """The draft without what speaks to its reader: the bare fact where the text does, and no name that does."""
    heard = _fact(draft) if is_addressed(draft.text) else draft
    fact = None if heard.fact is None else without_speaking_names(heard.fact)
    return replace(heard, text=without_speaking_names(heard.text), fact=fact)


def _fact(draft: Draft) -> Draft:
    """The draft without what somebody else worded; what is left empty is no item."""
    return draft if draft.fact is None else replace(draft, text=draft.fact, fact=None)


def render(evidence: Evidence) -> str:
    """The items as a prompt shows them, one line each: `[e1] container app of web: waiting ...` (as remediation.prompt does)."""
    return "\n".join(f"[{item.id}] {item.text}" for item in evidence.items)


def _drafts(case: Case, raw: RawEvidence) -> Iterator[Draft]:
    yield from status_items(case, raw)
    yield from event_items(raw)
    yield from log_items(case, raw)
    yield from change_items(case, raw)
    yield from related_items(case, raw)
    yield from metric_items(raw)
    yield from spec_items(case, raw)


def _unique(drafts: Iterable[Draft]) -> Iterator[Draft]:
    """One line each, safe to quote; what a status already says is not told again as an event."""
    texts: dict[str, Draft] = {}
    for draft in drafts:
        logs = draft.kind in {EvidenceKind.LOG, EvidenceKind.PREVIOUS_LOG}
        text = one_line(draft.text, LOG_LIMIT if logs else ITEM_LIMIT)
        said = draft.kind is EvidenceKind.EVENT and _is_said(text, texts)
        if text and text not in texts and not said:
            texts[text] = replace(draft, text=text)
    yield from texts.values()


_REPEAT = 24
"""Characters from which on a common ending is a repetition, not chance."""


def _is_said(text: str, told: Iterable[str]) -> bool:
    """Whether the message, or what is left of it after a `Failed to pull image "x": `, was told before."""
    parts = text.split(": ")
    endings = [": ".join(parts[start:]) for start in range(1, min(len(parts), 4))]
    return any(len(ending) >= _REPEAT and ending in other for ending in endings for other in told)


def _within(drafts: list[Draft], budget: int) -> list[Draft]:
    """The best of each kind, then by weight, as long as the lines fit."""
    ranked = sorted(
        (draft for draft in drafts if draft.weight >= LEAST_WEIGHT),
        key=lambda draft: (-draft.weight, _KINDS.index(draft.kind)),
    )
    first = [next((d for d in ranked if d.kind is kind), None) for kind in _KINDS]
    best = [draft for draft in first if draft is not None]
    chosen: list[Draft] = []
    left = budget
    for draft in [*best, *(draft for draft in ranked if draft not in best)]:
        cost = len(draft.text) + len(f"[e{len(chosen) + 1}] \n")
        if cost <= left:
            chosen.append(draft)
            left -= cost
    return chosen
