"""A folder of cases: one folder a case, below any number of folders (`SOURCE/NAME/case.json`).

An `index.jsonl` at the top, where there is one, must list just these cases. A case with a problem is not
loaded; the others are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from gym.cases.load import CASE, CaseRefused, load_case
from gym.cases.mistakes import Mistake, mistakes
from gym.cases.model import Determinable, Scenario, Tier
from gym.paths import GymError
from intents.problems import Problem

INDEX = "index.jsonl"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a folder holds: the usable cases in the order of the index or of their names, and all problems."""

    scenarios: tuple[Scenario, ...]
    problems: tuple[Problem, ...]


class _IndexRow(BaseModel):
    """A line of index.jsonl: fields of the case, repeated."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    id: str
    source: str = ""
    licence: str | None = None
    fault_type: str
    environment_tier: Tier
    fix_determinable: Determinable
    diagnosis_only: bool
    duplicate_of: str | None = None
    recommended_split: str | None = None


def load_folder(root: Path) -> Loaded:
    """Every case below this folder; the folder of a single case is one too. Raises GymError where there is
    none at all."""
    folders = sorted(path.parent for path in root.rglob(CASE))
    if not folders:
        raise GymError(f"{root} holds no {CASE}", "Name a folder of cases (docs/cases.md)")
    found: dict[str, Scenario] = {}
    problems: list[Problem] = []
    refused = []
    for folder in folders:
        try:
            scenario = load_case(folder)
        except CaseRefused as error:
            problems += error.problems
            refused.append(folder)
            continue
        if scenario.case.id in found:
            problems.append(
                _problem(folder / CASE, f"case {scenario.case.id} is defined twice", "Rename one")
            )
        found.setdefault(scenario.case.id, scenario)
    index = root / INDEX
    if index.exists():
        rows = _read_index(index, problems)
        if not refused:
            problems += _beside_index(index, rows, found)
        order = {name: place for place, name in enumerate(rows)}
        found = dict(sorted(found.items(), key=lambda item: order.get(item[0], len(order))))
    return Loaded(tuple(found.values()), tuple(problems))


def _read_index(path: Path, problems: list[Problem]) -> dict[str, _IndexRow]:
    rows: dict[str, _IndexRow] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = _IndexRow.model_validate_json(line)
        except ValidationError as error:
            problems += [_at_line(mistake, path, number) for mistake in mistakes(error, (), _IndexRow)]
            continue
        rows[row.id] = row
    return rows


def _at_line(mistake: Mistake, path: Path, number: int) -> Problem:
    found = mistake.problem(str(path))
    return Problem(found.file, number, found.field, found.message, found.remedy)


def _beside_index(path: Path, rows: dict[str, _IndexRow], found: dict[str, Scenario]) -> Iterable[Problem]:
    for name in sorted(rows.keys() - found.keys()):
        yield _problem(path, f"case {name} has no folder", "Remove its line, or add the folder")
    for name in sorted(found.keys() - rows.keys()):
        yield _problem(path, f"case {name} is not listed", "Add a line for it")
    for name in sorted(rows.keys() & found.keys()):
        case, scoring = found[name].case, found[name].scoring
        row = rows[name]
        stated = (
            row.fault_type,
            row.environment_tier,
            row.fix_determinable,
            row.diagnosis_only,
            row.duplicate_of,
        )
        here = (
            scoring.fault_type,
            case.tier,
            scoring.determinable,
            scoring.diagnosis_only,
            case.origin.duplicate_of,
        )
        if stated != here:
            yield _problem(path, f"the line of {name} differs from its {CASE}", "Make them agree")


def _problem(path: Path, message: str, remedy: str) -> Problem:
    return Problem(str(path), 0, "", message, remedy)
