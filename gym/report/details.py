"""One case's row, and what it opens to: verdicts, evidence, candidates, prompts and answers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from gym.report.html import Html, el
from gym.report.numbers import Sample
from gym.run.record import Consultation, Exchange, Json, Recording


def row(sample: Sample) -> Html:
    """A sample, closed."""
    live = sample.live
    if live.skipped is not None:
        mark, ended, verdict = el("span", "-", class_="dim"), "skipped", None
    else:
        mark = el("span", "✓", class_="good") if live.right else el("span", "✗", class_="bad")
        ended = live.outcome or ("open" if live.seen else "not seen")
        verdict = el("span", "HARM", class_="harm") if live.harm else None
    again = f" #{live.sample}" if live.sample else ""
    head = el(
        "summary",
        mark,
        el("span", f"{live.case}{again}"),
        el("span", sample.family, class_="dim"),
        el("span", live.fault_class or ""),
        el("span", ended, " ", verdict),
        el("span", "" if live.seconds is None else f"{live.seconds:.0f} s"),
    )
    return el("details", head, el("div", *_opened(sample), class_="case"))


def _opened(sample: Sample) -> list[Html]:
    live, scoring = sample.live, sample.scenario.scoring
    told = [
        el("p", f"fault: {scoring.fault_type}; right would be: {scoring.expected.value}"),
        _list("not run", [live.skipped] if live.skipped else []),
        _list("why", sample.recording.why if sample.recording else ()),
        _list("changed", live.changed),
        _list("over-edits", live.over_edits),
        el("p", "root cause told: ", live.root_cause) if live.root_cause else None,
        _baselines(sample),
    ]
    if sample.again is False:
        told.append(
            el("p", "Replay of the plan that was applied does not give the live verdict.", class_="bad")
        )
    if sample.recording is not None:
        told += _recorded(sample.recording, sample)
    return [one for one in told if one is not None]


def _baselines(sample: Sample) -> Html | None:
    told = [
        f"{name}: {'right' if one.right else 'wrong'}{', harm' if one.harm else ''}"
        for name, one in sample.baselines.items()
        if one.skipped is None
    ]
    return _list("baselines", told)


def _recorded(recording: Recording, sample: Sample) -> Iterable[Html | None]:
    for thought in recording.consultations:
        yield from _consultation(thought)
    if sample.judged:
        told = [
            f"p(Yes) {one.p_yes:.2f}, by replay {'right' if one.right else 'wrong'}: {one.change}"
            for one in sample.judged
        ]
        yield _list("judged", told)
    for number, asked in enumerate(recording.exchanges, start=1):
        yield _exchange(number, asked)
    if recording.later_plans:
        yield el("p", f"{recording.later_plans} later plans do not count")


def _consultation(thought: Consultation) -> Iterable[Html | None]:
    yield el("h3", f"{thought.kind}/{thought.name} in {thought.namespace}: {thought.fault_class}")
    yield _list("seen", [one.get("message", "") for one in thought.violations])
    yield _list("evidence", [f"[{one.get('id')}] {one.get('text')}" for one in thought.evidence])
    yield _list("could not be read", [json.dumps(one) for one in thought.gaps])
    yield _list("candidates", [_candidate(one) for one in thought.candidates])
    if thought.cause:
        yield el("p", "cause: ", thought.cause)
    if thought.unusable:
        yield el("p", "no change: ", thought.unusable)
    if thought.chosen is not None:
        by = ", written by the model" if thought.wrote_manifest else ""
        yield el("p", f"chosen: {thought.chosen}{by}")
        yield el("pre", json.dumps(thought.manifest, indent=1, ensure_ascii=False))


def _candidate(told: Json) -> str:
    return f"{told.get('id')} ({told.get('origin')}): {told.get('summary')}"


def _exchange(number: int, asked: Exchange) -> Html:
    size = f"{asked.prompt_tokens} tokens read, {asked.answer_tokens} written, {asked.seconds:.1f} s"
    return el(
        "details",
        el("summary", f"question {number} to {asked.model}: {size}"),
        el("pre", asked.system),
        el("pre", asked.prompt),
        el("pre", asked.answer),
    )


def _list(title: str, told: Sequence[object]) -> Html | None:
    if not told:
        return None
    return el("div", el("span", title, class_="dim"), el("ul", *(el("li", one) for one in told)))
