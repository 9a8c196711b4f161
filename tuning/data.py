"""Training data: `python -m tuning.data FOLDER` writes train.jsonl, judge.jsonl and the held-out incidents' names.

Every prompt is made by the daemon's own evidence selection, candidate generators and prompt functions from a
whole synthetic incident. Deterministic by seed. Splits are by wording (the last third of every list of
wordings is never trained on) and by whole fault family (tuning/incidents/families.py).
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from intents.fields import get, parse_path
from intents.units import parse_quantity
from remediation.candidates import generate
from remediation.diagnose import WRITTEN
from remediation.evidence import select
from remediation.lastgood import manifest_of
from remediation.model import Candidate, Evidence, EvidenceKind, Question, Touched
from remediation.prompt import change_in_words, diagnose_question, judge_question, repair_question, shown
from remediation.schema import CAUSE_CHARS, WHY_CHARS, OpenField, open_fields, repair_schema
from tuning.incidents import FAMILIES, Incident, make
from tuning.incidents.families import HELD_OUT

MIB = 2**20
SHARES = {"oom_never_healthy": 8, "image_tag": 2, "config_key": 2, "selector": 2, "metric_upstream": 2}
"""How often a family is drawn beside the others (1): the demo's faults, and where the model must write."""

Line = dict[str, Any]


@dataclass(frozen=True)
class Prepared:
    """An incident as the daemon would see it."""

    incident: Incident
    evidence: Evidence
    candidates: tuple[Candidate, ...]
    fields: tuple[OpenField, ...]


def prepare(incident: Incident) -> Prepared:
    """The daemon's own steps before the first question."""
    evidence = select(incident.case, incident.raw)
    candidates = generate(incident.case, incident.raw, evidence, incident.intent)
    fields = open_fields(incident.case, evidence, incident.intent.spec.editable, incident.raw.live)
    return Prepared(incident, evidence, candidates, fields)


def _line(question: Question, completion: str, group: str, weight: float = 1.0) -> Line:
    return {
        "role": question.role.value,
        "prompt": [
            {"role": "system", "content": question.system},
            {"role": "user", "content": question.prompt},
        ],
        "completion": completion,
        "group": group,
        "weight": weight,
    }


# ---------------------------------------------------------------- one incident's examples


def lines(
    prepared: Prepared, rng: random.Random, *, written_roles: bool, detector_share: float
) -> Iterator[Line]:
    """Judge examples of one incident, and with `written_roles` its diagnose and repair examples too.

    `detector_share` is how often the judge reads the detector's own message in place of the cause.
    """
    incident = prepared.incident
    cause = rng.choice(told(prepared)[0])
    read = incident.case.primary.message if rng.random() < detector_share else cause
    group = incident.id
    misses = list(incident.near_misses())
    offered = [*prepared.candidates, *rng.sample(misses, min(2, len(misses))), *_written(prepared, rng)]
    for candidate in _few(incident, offered, rng):
        question = judge_question(incident.case, prepared.evidence, read, candidate)
        yield _line(question, "Yes" if incident.heals(candidate.manifest) else "No", group)
    if not written_roles:
        return
    yield _line(diagnose_question(incident.case, prepared.evidence), _cause(prepared, cause), group)
    answer = repair_answer(prepared)
    if answer is not None and incident.raw.live is not None:
        schema = repair_schema(prepared.fields, incident.raw.live)
        question = repair_question(incident.case, prepared.evidence, read, prepared.fields, schema)
        yield _line(question, answer, group, 2.0)


JUDGED, JUDGED_WRITTEN = 4, 6
"""Judge examples of one incident, and of one where the model must write: incidents differ more than candidates
do, so tokens go to incidents; but whether a number is enough is only learnt from several numbers beside each
other."""


def _few(incident: Incident, offered: Sequence[Candidate], rng: random.Random) -> list[Candidate]:
    """So many of them, in a random order, at most half of them right."""
    most = JUDGED_WRITTEN if incident.made.repair else JUDGED
    mixed = rng.sample(list(offered), len(offered))
    right = [candidate for candidate in mixed if incident.heals(candidate.manifest)]
    wrong = [candidate for candidate in mixed if candidate not in right]
    right = right[: most // 2]
    return [*right, *wrong[: most - len(right)]]


def told(prepared: Prepared) -> tuple[tuple[str, ...], str, bool]:
    """Causes and the reason for a repair as the question's reader can know them, and whether it knows all."""
    made = prepared.incident.made
    unread = made.unread
    logs = [item.text for item in shown(prepared.evidence) if item.kind in _LOGS]
    if unread is None or any(need in text for text in logs for need in unread.needs):
        return made.causes, made.why, True
    return unread.causes, unread.why, False


_LOGS = (EvidenceKind.LOG, EvidenceKind.PREVIOUS_LOG)


def _cause(prepared: Prepared, cause: str) -> str:
    """The diagnosis as its grammar spells it, citing the items that name the cause."""
    telling = prepared.incident.made.telling
    there = shown(prepared.evidence)
    ids = [item.id for item in there if any(text in item.text for text in telling)]
    answer = {"cause": _fitted(cause, CAUSE_CHARS), "evidence": ids[:3] or [there[0].id]}
    return json.dumps(answer, ensure_ascii=False)


def _fitted(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 3].rsplit(" ", 1)[0] + "..."


BLIND = 4
"""Times the present limit, where the question does not show the need: doubling may be killed again."""


def best_value(prepared: Prepared) -> tuple[OpenField, str] | None:
    """The field and the smallest offered value that mends. Where the need is not shown: the first that is BLIND
    times the present one, if that mends; a value that only we know to mend is not taught."""
    incident = prepared.incident
    path = parse_path(incident.made.repair) if incident.made.repair else ()
    field = next((field for field in prepared.fields if field.path == path), None)
    if field is None:
        return None
    now = get(incident.raw.live, path)
    known = told(prepared)[2]
    least = 0.0 if known else BLIND * float(parse_quantity(str(now)))
    roomy = (str(value) for value in field.choices if float(parse_quantity(value)) >= least)
    for value in roomy:
        if incident.heals(_manifest(incident, field, value)):
            return field, value
        if not known:
            break
    return None


def repair_answer(prepared: Prepared) -> str | None:
    """The manifest that mends; None where nothing open does, or only what the question cannot tell: the
    grammar admits no abstention, so none is taught (docs/adr/0004)."""
    best = best_value(prepared)
    if best is None:
        return None
    field, value = best
    why = _fitted(told(prepared)[1].format(value=value), WHY_CHARS)
    return json.dumps({"why": why, "manifest": _manifest(prepared.incident, field, value)})


def _manifest(incident: Incident, field: OpenField, value: object) -> dict[str, Any]:
    return manifest_of((Touched(field.path, field.now, value),), incident.raw.live or {})


def _written(prepared: Prepared, rng: random.Random) -> list[Candidate]:
    """Changes such as the model might write, right and wrong, worded as written ones are."""
    incident = prepared.incident
    if not prepared.fields:
        return []
    if not incident.made.repair:
        field = rng.choice(prepared.fields)
        return [own(incident, field, rng.choice(field.choices))] if rng.random() < 0.5 else []
    path = parse_path(incident.made.repair)
    field = next((field for field in prepared.fields if field.path == path), prepared.fields[0])
    mends = [incident.heals(_manifest(incident, field, value)) for value in field.choices]
    first = mends.index(True) if any(mends) else len(mends)
    small, right = field.choices[:first], [v for v, good in zip(field.choices, mends, strict=True) if good]
    large = field.choices[first + len(right) :]
    best = best_value(prepared)
    # The largest that is too small and the smallest that is enough lie next to each other: the hard pair.
    chosen = {*small[-1:], *right[:1], *large[-1:]} | ({best[1]} if best else set())
    for part in (small, right):
        chosen |= set(rng.sample(part, min(1, len(part))))
    return [own(incident, field, value) for value in sorted(chosen, key=str)]


def own(incident: Incident, field: OpenField, value: object) -> Candidate:
    """A value of an open field as a change that the model wrote."""
    change = Touched(field.path, field.now, value)
    return Candidate(
        WRITTEN, WRITTEN, incident.case.target, change_in_words([change]), _manifest(incident, field, value)
    )


# ---------------------------------------------------------------- files


def incidents(count: int, seed: int, *, families: Sequence[str], held: bool) -> Iterator[Incident]:
    """So many incidents, the families in turn by their share."""
    turns = [family for family in families for _ in range(SHARES.get(family, 1))]
    for number in range(count):
        yield make(turns[number % len(turns)], f"{seed}.{number}", held=held)


def balanced(found: list[Line]) -> list[Line]:
    """The same lines, a Yes weighing as much more than a No as there are more No: over all judgements both
    answers count the same. Unweighed, two thirds No alone hold an undertrained judge below 0.5 (the SmolLM2
    adapter of 114 steps ranked 14 of 16 right and accepted none)."""
    said = [line["completion"] for line in found if line["role"] == "judge"]
    ratio = round(said.count("No") / max(1, said.count("Yes")), 2)
    return [
        line | {"weight": ratio} if line["role"] == "judge" and line["completion"] == "Yes" else line
        for line in found
    ]


TRAINED = tuple(family for family in FAMILIES if family not in HELD_OUT)


def write(folder: Path, *, count: int, seed: int) -> dict[str, int]:
    """train.jsonl (all roles), judge.jsonl (judge only), valid.jsonl (held-out wordings)."""
    folder.mkdir(parents=True, exist_ok=True)
    plans = {
        "train.jsonl": (count, seed, False, True, 0.15),
        "judge.jsonl": (count, seed, False, False, 0.5),
        "valid.jsonl": (max(40, count // 20), seed + 1, True, True, 0.15),
    }
    sizes = {}
    for name, (number, root, held, written, share) in plans.items():
        rng = random.Random(f"{root} {name}")
        found = [
            line
            for incident in incidents(number, root, families=TRAINED, held=held)
            for line in lines(prepare(incident), rng, written_roles=written, detector_share=share)
        ]
        (folder / name).write_text(
            "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in balanced(found)), encoding="utf-8"
        )
        sizes[name] = len(found)
    return sizes


def main(arguments: list[str] | None = None) -> None:
    """The command line; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m tuning.data", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--incidents", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=11)
    given = parser.parse_args(arguments)
    for name, size in write(given.folder, count=given.incidents, seed=given.seed).items():
        print(f"{name}: {size} examples")


if __name__ == "__main__":
    main()
