"""One case from its folder: `case.json` and manifests in, a scenario or every problem out.

`broken.original.yaml` is never opened: its comments give answers away.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from gym.cases.assertions.base import Target
from gym.cases.assertions.registry import Check, WrongAssertion, read
from gym.cases.changes import Allowed
from gym.cases.context import ClusterContext, ContextFile
from gym.cases.manifests import read_objects, read_one
from gym.cases.mistakes import Mistake, mistakes
from gym.cases.model import (
    Case,
    Determinable,
    Finding,
    Origin,
    Policy,
    Scenario,
    Scoring,
    Symptom,
    Tier,
)
from gym.cases.rules import disagreements
from gym.paths import GymError
from intents.problems import Problem

CASE = "case.json"
_STRICT = ConfigDict(extra="forbid", frozen=True, strict=True)


class CaseRefused(GymError):  # noqa: N818 - the case is refused; whose mistake it is, problems say
    """A case that cannot be used, with every reason."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(map(str, problems)), "Mend the files that are named")
        self.problems = problems


class _Finding(BaseModel):
    model_config = _STRICT

    contains: str = ""
    lacks: str = Field("", alias="notContains")


def _list(value: object) -> object:
    """One text, or none, as several. A tuple, for that is what a strict field takes after a validator."""
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


def _several(value: object) -> object:
    """One symptom, or none, as several."""
    if value is None:
        return ()
    each = [value] if isinstance(value, dict) else value
    return tuple(map(_listed, each)) if isinstance(each, list) else value


def _listed(symptom: object) -> object:
    """A strict field takes tuples, not lists, after a validator in Python."""
    if isinstance(symptom, dict) and isinstance(symptom.get("events"), list):
        return {**symptom, "events": tuple(symptom["events"])}
    return symptom


Texts = Annotated[tuple[str, ...], BeforeValidator(_list)]


class _CaseFile(BaseModel):
    """case.json. What says where a case comes from may be left out; what scores it may not."""

    model_config = _STRICT

    id: str = Field(min_length=1)
    fault_type: str = Field(min_length=1)
    environment_tier: Tier
    fix_determinable: Determinable
    assertions: tuple[dict[str, Any], ...]
    allowed_changes: tuple[str, ...] | None
    diagnosis_only: bool | None = None
    cluster_context: ContextFile = ContextFile()
    simulated_symptom: Annotated[tuple[Symptom, ...], BeforeValidator(_several)] = ()
    question: str | None = None
    expected_finding_source: Annotated[tuple[str | _Finding, ...], BeforeValidator(_list)] = ()
    expected_fix_source: Texts = ()
    violating: tuple[Target, ...] = ()
    compliant: tuple[Target, ...] = ()
    scenario: str = ""
    family: str = ""
    tags: tuple[str, ...] = ()
    fault_classes: tuple[str, ...] = ()
    candidates_lack_right: bool = False
    source: str = ""
    repository: str | None = None
    commit: str | None = None
    source_path: str | None = None
    licence: str | None = None
    recommended_split: str | None = None
    manifest_derived: bool = False
    duplicate_of: str | None = None
    assertions_author: str | None = None
    notes: str | None = None


class _PolicyFile(BaseModel):
    model_config = _STRICT

    kind: str
    title: str = ""
    description: str = ""
    match: dict[str, Any] | None = None
    parameters: dict[str, Any] | None = None


# ---------------------------------------------------------------- one case


def load_case(folder: Path) -> Scenario:
    """The case in this folder. Raises CaseRefused with everything that is wrong."""
    problems: list[Problem] = []
    stated = _read_case(folder / CASE, problems)
    broken = read_objects(folder / "broken.yaml", problems)
    inventory = read_objects(folder / "inventory.yaml", problems, optional=True)
    compliant = read_objects(folder / "compliant.yaml", problems, optional=True)
    policy = _read_policy(folder / "policy_parameters.yaml", problems)
    fixes = {
        path.name: read_objects(path, problems)
        for path in [*folder.glob("fixed.reference.yaml"), *sorted(folder.glob("fixed.alternative*.yaml"))]
    }
    tempting = {path.name: read_objects(path, problems) for path in sorted(folder.glob("mistake*.yaml"))}
    if stated is None:
        raise CaseRefused(tuple(problems))
    file, wrong = str(folder / CASE), list[Mistake]()
    assertions = _read_assertions(stated.assertions, wrong)
    allowed = _read_allowed(stated.allowed_changes, wrong)
    context = ClusterContext(stated.cluster_context.nodes, dict(stated.cluster_context.existing))
    case = Case(
        id=stated.id,
        tier=stated.environment_tier,
        broken=broken,
        inventory=inventory,
        context=context,
        symptom=next(iter(stated.simulated_symptom), None),
        more_symptoms=stated.simulated_symptom[1:],
        question=stated.question or "",
        policy=policy,
        origin=_origin(stated),
    )
    scoring = Scoring(
        fault_type=stated.fault_type,
        determinable=stated.fix_determinable,
        diagnosis_only=_diagnosis_only(stated),
        assertions=assertions,
        allowed=allowed,
        findings=tuple(map(_finding, stated.expected_finding_source)),
        expected_fix=stated.expected_fix_source,
        violating=stated.violating,
        compliant=stated.compliant,
        compliant_objects=compliant,
        fixes=fixes,
        author=stated.assertions_author or "",
        notes=stated.notes or "",
        mistakes=tempting,
        scenario=stated.scenario,
        family=stated.family,
        tags=frozenset(stated.tags),
        fault_classes=frozenset(stated.fault_classes),
        candidates_lack_right=stated.candidates_lack_right,
    )
    if not problems and not wrong:
        wrong += disagreements(case, scoring)
    problems += [mistake.problem(file) for mistake in wrong]
    if problems:
        raise CaseRefused(tuple(problems))
    return Scenario(case, scoring)


def _read_case(path: Path, problems: list[Problem]) -> _CaseFile | None:
    try:
        return _CaseFile.model_validate_json(path.read_bytes())
    except OSError as error:
        problems.append(Problem(str(path), 0, "", error.strerror or "cannot be read", "Write it"))
    except ValidationError as error:
        problems += [mistake.problem(str(path)) for mistake in mistakes(error, (), _CaseFile)]
    return None


def _read_policy(path: Path, problems: list[Problem]) -> Policy | None:
    if not path.exists():
        return None
    value = read_one(path, problems)
    if value is None:
        return None
    try:
        stated = _PolicyFile.model_validate_json(json.dumps(value))
    except ValidationError as error:
        problems += [mistake.problem(str(path)) for mistake in mistakes(error, (), _PolicyFile)]
        return None
    return Policy(stated.kind, stated.title, stated.description, stated.match, stated.parameters)


def _read_assertions(raw: Iterable[dict[str, Any]], wrong: list[Mistake]) -> tuple[Check, ...]:
    checks: list[Check] = []
    for index, one in enumerate(raw):
        try:
            checks.append(read(one, ("assertions", index)))
        except WrongAssertion as error:
            wrong += error.mistakes
    return tuple(checks)


def _read_allowed(raw: tuple[str, ...] | None, wrong: list[Mistake]) -> tuple[Allowed, ...] | None:
    if raw is None:
        return None
    allowed = []
    for index, text in enumerate(raw):
        try:
            allowed.append(Allowed.read(text))
        except ValueError as error:
            remedy = "Write Kind/name:path-prefix or Kind/name:<created>"
            wrong.append(Mistake(("allowed_changes", index), str(error), remedy))
    return tuple(allowed)


def _diagnosis_only(stated: _CaseFile) -> bool:
    if stated.diagnosis_only is None:
        return stated.fix_determinable is Determinable.NO
    return stated.diagnosis_only


def _finding(stated: str | _Finding) -> Finding:
    if isinstance(stated, str):
        return Finding(sentence=stated)
    return Finding(contains=stated.contains, lacks=stated.lacks)


def _origin(stated: _CaseFile) -> Origin:
    return Origin(
        source=stated.source,
        repository=stated.repository or "",
        commit=stated.commit or "",
        path=stated.source_path or "",
        licence=stated.licence or "",
        split=stated.recommended_split or "",
        manifest_derived=stated.manifest_derived,
        duplicate_of=stated.duplicate_of,
    )
