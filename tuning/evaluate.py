"""Before and after, by the daemon's own way: `python -m tuning.evaluate --host URL --out FILE MODEL ...`.

Incidents that were never trained on (held-out wordings; held-out fault families; handwritten ones of
tests/fakes/incidents.py are not part of it) go through evidence, candidates, consultation and the Ollama
adapter, exactly as in the daemon. Writes all counts as JSON beside the table (`tuning.counts`), so that nothing
in a document is typed by hand.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

from daemon.clock import SystemClock
from daemon.ollama_model import OllamaModel, OllamaSettings
from intents.fields import parse_path
from remediation.choice import Thresholds
from remediation.diagnose import ALL_ROLES, consult, pump
from remediation.model import Answer, Diagnosis, Question, Role, Unusable
from remediation.prompt import judge_question
from tuning.counts import Score, Sizes, document, row
from tuning.data import TRAINED, Prepared, own, prepare, told
from tuning.incidents import make
from tuning.incidents.families import HELD_OUT

Ask = Callable[[Question], Answer | Unusable]


def split(name: str, sizes: Sizes) -> Iterator[Prepared]:
    """Incidents of one split: `wordings` or `families`."""
    for family in TRAINED if name == "wordings" else HELD_OUT:
        writes = bool(make(family, "eval.0", held=True).made.repair)
        for number in range(sizes.written if writes else sizes.each):
            yield prepare(make(family, f"eval.{number}", held=True))


LADDER = 6
"""Values of one field that are judged one by one, evenly spread over those that are open."""


def ladder(prepared: Prepared, cause: str) -> Iterator[tuple[Question, bool]]:
    """Each of some open values asked as if the model had written it, and whether it mends. What the model
    does write is one value an incident: too few to say where right and wrong part."""
    incident = prepared.incident
    path = parse_path(incident.made.repair)
    for field_ in (each for each in prepared.fields if each.path == path):
        step = max(1, (len(field_.choices) - 1) / (LADDER - 1))
        for index in dict.fromkeys(round(step * n) for n in range(LADDER)):
            if index < len(field_.choices):
                candidate = own(incident, field_, field_.choices[index])
                question = judge_question(incident.case, prepared.evidence, cause, candidate)
                yield question, incident.heals(candidate.manifest)


def measure(
    prepared: Prepared, ask: Ask, thresholds: Thresholds, roles: frozenset[Role], score: Score
) -> None:
    """One incident through the daemon's consultation, with the near misses offered beside the candidates."""
    incident, seconds = prepared.incident, 0.0
    offered = (*prepared.candidates, *incident.near_misses())
    said = ""

    def timed(question: Question) -> Answer | Unusable:
        nonlocal seconds, said
        answer = ask(question)
        if isinstance(answer, Answer):
            seconds += answer.seconds
            said = answer.text if question.role is Role.DIAGNOSE else said
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
        score.cause += _cites_telling(prepared, said)
    healed = isinstance(found, Diagnosis) and incident.heals(found.chosen.manifest)
    if incident.made.repair:
        for question, mends in ladder(prepared, found.cause or incident.case.primary.message):
            judged_alone = ask(question)
            if isinstance(judged_alone, Answer) and judged_alone.p_yes is not None:
                score.written_points.append((judged_alone.p_yes, mends, told(prepared)[2]))
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


def _cites_telling(prepared: Prepared, said: str) -> bool:
    """Whether the answer is a cause that cites at least one item that names it."""
    try:
        cited = json.loads(said).get("evidence", [])
    except (ValueError, AttributeError):
        return False
    telling = prepared.incident.made.telling
    items = {item.id: item.text for item in prepared.evidence.items}
    return any(any(text in items.get(each, "") for text in telling) for each in cited)


def evaluate(
    model: str, host: str, sizes: Sizes, thresholds: Thresholds, roles: frozenset[Role]
) -> dict[str, Score]:
    """Both splits for one served model."""
    served = OllamaModel(OllamaSettings(model, host=host, seconds=600), SystemClock())
    result = {}
    try:
        for name in ("wordings", "families"):
            score = Score()
            for prepared in split(name, sizes):
                measure(prepared, served.ask, thresholds, roles, score)
            result[name] = score
            print(f"{model} {name}: {row(score)}", flush=True)
    finally:
        served.close()
    return result


def main(arguments: list[str] | None = None) -> None:
    """The command line; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m tuning.evaluate", description=__doc__)
    parser.add_argument(
        "models", nargs="*", help="names in Ollama; a name ending in /judge is asked to judge only"
    )
    parser.add_argument("--host", required=True)
    parser.add_argument("--each", type=int, default=2, help="incidents of each family")
    parser.add_argument("--written", type=int, default=6, help="incidents where the model has to write")
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        help="JSON of all counts; models in it stay, and with no model named only --doc is written of it",
    )
    parser.add_argument("--doc", type=Path, help="write the table of all models in --out there")
    parser.add_argument("--note", default="", help="a sentence about this run, for the document")
    given = parser.parse_args(arguments)
    sizes = Sizes(given.each, given.written)
    found = json.loads(given.out.read_text(encoding="utf-8")) if given.out.exists() else {}
    for model in given.models:
        name, _, only = model.partition("/")
        roles = frozenset({Role.JUDGE}) if only == "judge" else ALL_ROLES
        scores = evaluate(name, given.host, sizes, Thresholds(), roles)
        found[model] = {split_name: asdict(score) for split_name, score in scores.items()}
        given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if given.doc:
        given.doc.write_text(document(found, sizes, Thresholds(), given.note), encoding="utf-8")


if __name__ == "__main__":
    main()
