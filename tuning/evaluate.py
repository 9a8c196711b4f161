"""Before and after, by the daemon's own way: `python -m tuning.evaluate --host URL --before M --after M`.

Incidents that were never trained on (held-out wordings; held-out fault families; handwritten ones of
tests/fakes/incidents.py are not part of it) go through evidence, candidates, consultation and the Ollama
adapter, exactly as in the daemon. Writes one JSON a model beside the table, so that nothing in a document is
typed by hand.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from daemon.clock import SystemClock
from daemon.ollama_model import OllamaModel, OllamaSettings
from remediation.diagnose import ALL_ROLES, Thresholds, consult, pump
from remediation.model import Answer, Diagnosis, Question, Role, Unusable
from tuning.data import TRAINED, Prepared, prepare
from tuning.incidents import make
from tuning.incidents.families import HELD_OUT

Ask = Callable[[Question], Answer | Unusable]


@dataclass
class Score:
    """Counts over one split; see `table` for what they are called."""

    mendable: int = 0  # incidents with a right change among those offered
    top: int = 0  # the right one got the highest p(Yes)
    accepted_right: int = 0
    accepted_wrong: int = 0  # of all incidents: a change was chosen that does not mend
    hopeless: int = 0  # no offered change mends
    refused: int = 0  # and none was chosen
    code_right: int = 0  # the code's first candidate mends (mendable only)
    written: int = 0  # incidents in which the model has to write
    healed: int = 0  # and the written change mends and was accepted
    wrote_wrong: int = 0
    cause: int = 0  # causes stated as valid answers, citing telling evidence
    asked_cause: int = 0
    seconds: list[float] = field(default_factory=list)
    reasons: dict[str, int] = field(default_factory=dict)
    points: list[tuple[float, bool]] = field(default_factory=list)  # every judgement: p(Yes), truth


def split(name: str, each: int) -> Iterator[Prepared]:
    """Incidents of one split: `wordings` or `families`, so many of each family."""
    for family in TRAINED if name == "wordings" else HELD_OUT:
        for number in range(each):
            yield prepare(make(family, f"eval.{number}", held=True))


def measure(
    prepared: Prepared, ask: Ask, thresholds: Thresholds, roles: frozenset[Role], score: Score
) -> None:
    """One incident through the daemon's consultation, with the near misses offered beside the candidates."""
    incident, seconds = prepared.incident, 0.0
    offered = (*prepared.candidates, *incident.near_misses())
    told = ""

    def timed(question: Question) -> Answer | Unusable:
        nonlocal seconds, told
        answer = ask(question)
        if isinstance(answer, Answer):
            seconds += answer.seconds
            told = answer.text if question.role is Role.DIAGNOSE else told
        return answer

    found = pump(
        consult(
            incident.case, prepared.evidence, offered, incident.intent, incident.raw.live, thresholds, roles
        ),
        timed,
    )
    score.seconds.append(round(seconds, 3))
    truth = {candidate.id: incident.heals(candidate.manifest) for candidate in offered}
    judged = [each for each in found.judged if each.candidate.id in truth]
    score.points += [(each.p_yes, truth[each.candidate.id]) for each in judged]
    if Role.DIAGNOSE in roles:
        score.asked_cause += 1
        score.cause += _cites_telling(prepared, told)
    healed = isinstance(found, Diagnosis) and incident.heals(found.chosen.manifest)
    if incident.made.repair:
        score.written += 1
        score.healed += healed
        score.wrote_wrong += isinstance(found, Diagnosis) and not healed
    elif any(truth.values()):
        score.mendable += 1
        score.top += bool(judged) and truth[max(judged, key=lambda each: each.p_yes).candidate.id]
        score.accepted_right += healed
        score.accepted_wrong += isinstance(found, Diagnosis) and not healed
        score.code_right += bool(prepared.candidates) and truth[prepared.candidates[0].id]
    else:
        score.hopeless += 1
        score.refused += isinstance(found, Unusable)
        score.accepted_wrong += isinstance(found, Diagnosis)
    end = "chosen" if isinstance(found, Diagnosis) else found.reason.value
    score.reasons[end] = score.reasons.get(end, 0) + 1


def _cites_telling(prepared: Prepared, told: str) -> bool:
    """Whether the answer is a cause that cites at least one item that names it."""
    try:
        cited = json.loads(told).get("evidence", [])
    except (ValueError, AttributeError):
        return False
    telling = prepared.incident.made.telling
    items = {item.id: item.text for item in prepared.evidence.items}
    return any(any(text in items.get(each, "") for text in telling) for each in cited)


def evaluate(
    model: str, host: str, each: int, thresholds: Thresholds, roles: frozenset[Role]
) -> dict[str, Score]:
    """Both splits for one served model."""
    served = OllamaModel(OllamaSettings(model, host=host, seconds=600), SystemClock())
    result = {}
    try:
        for name in ("wordings", "families"):
            score = Score()
            for prepared in split(name, each):
                measure(prepared, served.ask, thresholds, roles, score)
            result[name] = score
            print(f"{model} {name}: {row(score)}", flush=True)
    finally:
        served.close()
    return result


HEAD = (
    "right on top",
    "accepted right",
    "accepted wrong",
    "no fix: refused",
    "had to write: healed",
    "wrote wrong",
    "cause cites telling evidence",
    "code's first right",
    "median s",
)


def row(score: Score) -> list[str]:
    """One line of the table."""
    times = sorted(score.seconds)
    everything = score.mendable + score.hopeless
    return [
        f"{score.top}/{score.mendable}", f"{score.accepted_right}/{score.mendable}", f"{score.accepted_wrong}/{everything}",
        f"{score.refused}/{score.hopeless}", f"{score.healed}/{score.written}", f"{score.wrote_wrong}/{score.written}",
        f"{score.cause}/{score.asked_cause}" if score.asked_cause else "-", f"{score.code_right}/{score.mendable}",
        f"{times[len(times) // 2]:.1f}" if times else "-",
    ]  # fmt: skip


def document(found: dict[str, dict[str, dict[str, Any]]], each: int, thresholds: Thresholds) -> str:
    """docs/model-first.md: every number from the JSON of this run."""
    lines = [
        "# The first adapters, measured",
        "",
        "Written by `python -m tuning.evaluate`; no number here was typed by hand. Incidents are synthetic",
        "(tuning/incidents), none was trained on, and all go through the daemon's own evidence selection,",
        "candidate generators, consultation and Ollama adapter. Near misses (right field, wrong value; the",
        "right value in the wrong place; statements that the evidence does not support) are offered beside the",
        f"real candidates. {each} incidents of each family; accept at p(Yes) >= {thresholds.accept:g}, written ones at",
        f">= {thresholds.accept_written:g}, margin {thresholds.margin:g} in log-odds. Small samples guide; they prove nothing.",
    ]
    titles = {
        "wordings": "Held-out wordings (families that were trained on)",
        "families": "Held-out fault families (" + ", ".join(HELD_OUT) + ")",
    }
    for split_name, title in titles.items():
        lines += [
            "",
            f"## {title}",
            "",
            "| model | " + " | ".join(HEAD) + " |",
            "|---" * (len(HEAD) + 1) + "|",
        ]
        for model, scores in found.items():
            score = Score(**scores[split_name])
            lines.append(f"| {model} | " + " | ".join(row(score)) + " |")
    lines += ["", "## How the cases ended", ""]
    for model, scores in found.items():
        for split_name in titles:
            ends = ", ".join(
                f"{reason} {count}" for reason, count in sorted(scores[split_name]["reasons"].items())
            )
            lines.append(f"- {model}, {split_name}: {ends}")
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> None:
    """The command line; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m tuning.evaluate", description=__doc__)
    parser.add_argument(
        "models", nargs="+", help="names in Ollama; a name ending in /judge is asked to judge only"
    )
    parser.add_argument("--host", required=True)
    parser.add_argument("--each", type=int, default=2, help="incidents of each family")
    parser.add_argument("--out", type=Path, required=True, help="JSON of all counts; models in it are kept")
    parser.add_argument("--doc", type=Path, help="write the table of all models in --out there")
    given = parser.parse_args(arguments)
    found = json.loads(given.out.read_text(encoding="utf-8")) if given.out.exists() else {}
    for model in given.models:
        name, _, only = model.partition("/")
        roles = frozenset({Role.JUDGE}) if only == "judge" else ALL_ROLES
        scores = evaluate(name, given.host, given.each, Thresholds(), roles)
        found[model] = {split_name: asdict(score) for split_name, score in scores.items()}
        given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if given.doc:
        given.doc.write_text(document(found, given.each, Thresholds()), encoding="utf-8")


if __name__ == "__main__":
    main()
