"""The story as plain lines, one an event: for pipes, logs and people who scroll back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from gym.story import CaseStory
from remediation.saga import Event

Json = dict[str, Any]


def lines_of(event: str, case: CaseStory) -> Iterator[str]:
    """What one event adds to what is known of its case."""
    match Event(event):
        case Event.OPENED:
            yield f"detected  {case.summary} on {case.target}: {one_line(case.message, 160)}"
        case Event.DIAGNOSED | Event.UNUSABLE:
            yield f"cause     {one_line(case.cause, 200)}"
            for candidate in case.candidates:
                yield f"candidate {candidate_line(candidate, case)}"
            if case.wrote is not None:
                yield f"written   by the model itself, p(Yes) {p_yes(case.confidence)}"
            if case.unusable:
                yield f"no answer {one_line(case.unusable, 200)}"
        case Event.PLANNED:
            for leaf in case.touched:
                yield f"patch     {leaf['path']}: {side(leaf, 'before')} -> {side(leaf, 'after')}"
        case Event.GUARDED:
            yield f"guards    {guards_line(case)}"
            yield f"dry run   {case.dry_run}"
        case Event.APPLY_STARTED:
            yield "apply     recorded, then written with uid and resourceVersion as preconditions"
        case Event.APPLIED:
            yield "applied   waiting for the proof that it holds"
        case Event.NOT_HELD:
            yield "not held  the change is undone"
        case _ if case.ended:
            yield f"{case.outcome or '':<9} {one_line(case.reason, 240)}"
        case _:
            return


def candidate_line(candidate: Json, case: CaseStory) -> str:
    mark = "*" if candidate["id"] == case.chosen else " "
    return f"{mark} p(Yes) {p_yes(candidate['p_yes'])}  {one_line(candidate['summary'], 140)}  [{candidate['origin']}]"


def guards_line(case: CaseStory) -> str:
    """`14 allowed`, or who refused and why."""
    refused = [v for v in case.verdicts if not v["allowed"]]
    allowed = f"{len(case.verdicts) - len(refused)} of {len(case.verdicts)} allowed"
    return "; ".join(
        [allowed, *(f"{v['guard']} refused: {v['reason']} {v['detail']}".strip() for v in refused)]
    )


def p_yes(value: float | None) -> str:
    return "  - " if value is None else f"{value:.2f}"


def side(leaf: Json, which: str) -> str:
    """`before` or `after` of a changed leaf."""
    absent = leaf["was_absent"] if which == "before" else leaf["becomes_absent"]
    return "(not set)" if absent else json.dumps(leaf[which], ensure_ascii=False)


def one_line(text: str, limit: int) -> str:
    joined = " ".join(text.split())
    return joined if len(joined) <= limit else joined[: limit - 1] + "…"
