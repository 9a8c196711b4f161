"""The catalogue of scenarios: every variant loads, proves itself, and gives nothing away."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from detectors.model import FaultClass, ObjectRef
from gym.cases.cause import identifiers
from gym.cases.changes import changes, over_edits
from gym.cases.check import self_check
from gym.cases.folder import load_folder
from gym.cases.load import load_case
from gym.cases.model import Determinable, Expected
from gym.cases.model import Scenario as Loaded
from gym.cases.score import Run, score
from gym.cases.world import state_of, visible
from gym.catalogue import BY_NAME, CATALOGUE, FAMILIES
from gym.catalogue.base import MISLEADING, PUBLISHED, TAGS, TWO_FAULTS, Scenario
from gym.catalogue.tables import as_markdown
from gym.catalogue.write import chosen, write
from gym.cli import app
from gym.paths import GymError
from remediation.model import Outcome

SEEDS = (1, 2, 3)
ROOT = Path(__file__).parents[2]

each_scenario = pytest.mark.parametrize("scenario", [pytest.param(one, id=one.name) for one in CATALOGUE])


@cache
def written(scenario: Scenario, seed: int) -> Mapping[str, str]:
    return scenario.variant(seed)


@pytest.fixture(scope="module")
def variant(tmp_path_factory) -> Any:
    root = tmp_path_factory.mktemp("variants")

    @cache
    def loaded(scenario: Scenario, seed: int) -> Loaded:
        folder = root / f"{scenario.name}-{seed}"
        folder.mkdir()
        for name, text in written(scenario, seed).items():
            (folder / name).write_text(text)
        return load_case(folder)

    return loaded


@each_scenario
def test_every_variant_loads_and_tells_right_from_wrong(scenario, variant):
    for seed in SEEDS:
        assert self_check(variant(scenario, seed)) == (), seed


@each_scenario
def test_the_reference_fix_is_right_and_doing_nothing_is_not(scenario, variant):
    case, scoring = variant(scenario, 1).case, variant(scenario, 1).scoring
    before = state_of(case)
    nothing = score(case, scoring, Run(before, before, clear=True))
    assert nothing.right is (scoring.expected is Expected.NOTHING)
    if scoring.expected is Expected.FIX:
        assert "fixed.reference.yaml" in scoring.fixes
        assert scoring.mistakes, "no example of a mistake"
    for objects in scoring.fixes.values():
        after = before.overlaid(objects)
        assert score(case, scoring, Run(before, after, clear=True)).right
        assert not over_edits(changes(before, after), scoring.may_change)


@each_scenario
def test_an_escalation_is_right_with_the_object_and_the_cause_and_wrong_without(scenario, variant):
    case, scoring = variant(scenario, 1).case, variant(scenario, 1).scoring
    if scoring.expected is not Expected.ESCALATE:
        return
    before = state_of(case)
    said = " ".join(word for finding in scoring.findings for word in identifiers(finding.sentence))
    assert said, "nothing identifies the fault"
    (target, *_) = scoring.violating
    named = ObjectRef(target.kind, "", target.name)

    def right(**changed: Any) -> bool:
        stated = {"outcome": Outcome.ESCALATED, "fault_class": scenario.fault_classes[0], "root_cause": said}
        run = Run(before, before, named=changed.pop("named", (named,)), **{**stated, **changed})
        return score(case, scoring, run).right

    assert right()
    assert not right(outcome=None)
    assert not right(fault_class="Another")
    assert not right(root_cause="something is wrong")
    assert not right(named=(ObjectRef(target.kind, "", f"{target.name}-2"),))


@each_scenario
def test_a_workload_scaled_to_nothing_is_never_right(scenario, variant):
    case, scoring = variant(scenario, 1).case, variant(scenario, 1).scoring
    before = state_of(case)
    for obj in case.broken:
        if obj["kind"] in {"Deployment", "StatefulSet"} and obj["spec"]["replicas"]:
            after = before.overlaid([{**obj, "spec": {**obj["spec"], "replicas": 0}}])
            run = Run(before, after, clear=True, outcome=Outcome.ESCALATED)
            assert not score(case, scoring, run).right


@each_scenario
def test_the_same_seed_gives_the_same_bytes_and_another_one_other_objects(scenario):
    assert scenario.variant(1) == written(scenario, 1)
    assert len({written(scenario, seed)["broken.yaml"] for seed in SEEDS}) == len(SEEDS)


@each_scenario
def test_variants_differ_in_more_than_names(scenario, variant):
    """Namespace and name of what is applied differ between neighbouring seeds."""
    names = [{(obj["metadata"].get("namespace"), obj["metadata"]["name"]) for obj in variant(scenario, seed).case.broken} for seed in SEEDS]  # fmt: skip
    for one, other in ((0, 1), (1, 2), (0, 2)):
        assert not names[one] & names[other]


TELLING = re.compile(
    r"\b(broken|fault|faulty|bug|wrong|mistake|typo|bad|decoy|misleading|control|incident|chaos|intentd|gym)\b",
    re.IGNORECASE,
)


@each_scenario
def test_nothing_that_the_daemon_sees_gives_the_answer_away(scenario, variant):
    for seed in SEEDS:
        loaded = variant(scenario, seed)
        shown = json.dumps(visible(loaded.case), ensure_ascii=False)
        assert TELLING.findall(shown) == []
        assert scenario.name not in shown
        assert loaded.scoring.fault_type == "none" or loaded.scoring.fault_type not in shown
        for finding in loaded.scoring.findings:
            assert finding.sentence not in shown
        symptoms = json.dumps([one.model_dump(mode="json") for one in loaded.case.symptoms])
        assert TELLING.findall(symptoms) == []


@each_scenario
def test_a_symptom_belongs_to_a_container_that_is_there(scenario, variant):
    for seed in SEEDS:
        case = variant(scenario, seed).case
        objects = {(obj["kind"], obj["metadata"]["name"]): obj for obj in (*case.broken, *case.inventory)}
        for symptom in case.symptoms:
            assert symptom.target is not None
            obj = objects[symptom.target.kind, symptom.target.name]
            if symptom.container is not None:
                assert f'"name": "{symptom.container}"' in json.dumps(obj)
            assert symptom.model_extra == {}


def test_every_class_is_one_that_detectors_know():
    named = {one for scenario in CATALOGUE for one in scenario.fault_classes}
    assert named <= {member.value for member in FaultClass}


def test_no_two_scenarios_have_one_name():
    assert len(BY_NAME) == len(CATALOGUE)
    assert all(scenario.tags <= TAGS for scenario in CATALOGUE)


def test_the_catalogue_is_as_wide_as_it_says():
    sorts = Counter(
        "control" if one.control else "hopeless" if one.determinable is Determinable.NO else "fixable"
        for one in CATALOGUE
    )
    tags = Counter(tag for one in CATALOGUE for tag in one.tags)
    assert sorts["fixable"] + sorts["hopeless"] >= 60
    assert sorts["hopeless"] >= 20
    assert sorts["control"] >= 10
    assert tags[TWO_FAULTS] >= 6
    assert tags[MISLEADING] >= 6
    assert tags[PUBLISHED] == 6


def test_the_right_change_is_missing_from_about_a_quarter_of_the_candidate_lists():
    lists = [
        one.candidates_lack_right(seed)
        for one in CATALOGUE
        if not one.control and one.determinable is not Determinable.NO
        for seed in SEEDS
    ]
    assert 0.2 <= sum(lists) / len(lists) <= 0.3


def test_a_folder_of_cases_is_written_with_its_index_and_read_back(tmp_path):
    family = FAMILIES[0]
    count = write(chosen([family]), tmp_path / "cases", seed=5, variants=2)
    loaded = load_folder(tmp_path / "cases")
    assert loaded.problems == ()
    assert len(loaded.scenarios) == count == 2 * len(chosen([family]))
    assert {one.scoring.family for one in loaded.scenarios} == {family}
    assert {one.case.origin.source for one in loaded.scenarios} == {"catalogue"}
    with pytest.raises(GymError, match="is not empty"):
        write(chosen([family]), tmp_path / "cases", seed=5, variants=2)


def test_a_family_that_is_not_known_is_refused_with_the_one_that_is_meant():
    with pytest.raises(GymError, match=r"no family 'imag'.*image"):
        chosen(["imag"])


def test_the_page_of_faults_is_up_to_date():
    assert (ROOT / "docs" / "faults.md").read_text() == as_markdown(), (
        "run: python -m gym catalogue --markdown > docs/faults.md"
    )


def test_the_command_lists_writes_and_prints(tmp_path):
    runner = CliRunner()
    listed = runner.invoke(app, ["catalogue", "--list", "image"])
    assert listed.exit_code == 0
    assert "image-tag" in listed.output
    written = runner.invoke(app, ["catalogue", "--out", str(tmp_path / "c"), "--variants", "1", "image"])
    assert written.exit_code == 0, written.output
    assert (tmp_path / "c" / "index.jsonl").exists()
    assert runner.invoke(app, ["catalogue"]).exit_code == 2
    assert runner.invoke(app, ["catalogue", "--markdown"]).output == as_markdown()


@each_scenario
def test_what_is_written_is_read_back_as_it_was_meant(scenario, variant):
    """YAML 1.1 writes what YAML 1.2 reads: no value changes its type on the way."""
    for seed in SEEDS:
        meant, case = scenario.sketch(seed), variant(scenario, seed).case
        assert case.broken == tuple(meant.bad.values())
        assert case.inventory == tuple(meant.inventory)
