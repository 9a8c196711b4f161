"""The synthetic incidents: true labels, answers that our own strict reading accepts, splits that do not leak."""

from __future__ import annotations

import json
import random

import pytest

from remediation.answers import parse_cause, parse_repair
from remediation.model import Answer, Unusable
from remediation.prompt import shown
from tuning.data import TRAINED, balanced, lines, prepare, repair_answer, write
from tuning.incidents import FAMILIES, make
from tuning.incidents.families import HELD_OUT

SEEDS = ("a", "b", "c")
WRITES = ("oom_never_healthy",)


def prepared(family, seed, held=False):
    return prepare(make(family, seed, held=held))


def of(family, seed="a", *, held=False):
    rng = random.Random(seed)
    return list(lines(prepared(family, seed, held), rng, written_roles=True, detector_share=0.0))


def answer(text):
    return Answer(text, None, 1, 1, 0.0, "w")


@pytest.mark.parametrize("family", FAMILIES)
def test_near_misses_never_mend_and_where_a_change_mends_one_is_among_the_candidates(family):
    for seed in SEEDS:
        found = prepared(family, seed)
        assert not any(found.incident.heals(miss.manifest) for miss in found.incident.near_misses())
        healing = [found.incident.heals(candidate.manifest) for candidate in found.candidates]
        if not found.incident.mendable:
            assert not any(healing)
        elif family not in (*WRITES, "image_name"):
            assert any(healing)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_causes_that_are_taught_pass_our_own_strict_reading(family):
    found = prepared(family, "a")
    ids = [item.id for item in shown(found.evidence)]
    taught = [line["completion"] for line in of(family) if line["role"] == "diagnose"]
    assert taught
    for text in taught:
        read = parse_cause(answer(text), ids, [found.incident.case.fault_class])
        assert not isinstance(read, Unusable), read


@pytest.mark.parametrize("seed", [str(n) for n in range(12)])
def test_a_taught_manifest_is_offered_and_mends(seed):
    found = prepared("oom_never_healthy", seed)
    taught = repair_answer(found)
    if taught is None:
        return
    read = parse_repair(answer(taught), found.fields)
    assert not isinstance(read, Unusable), read
    repair, changes = read
    assert found.incident.heals(repair.manifest)
    assert changes[0][1] in [value for field in found.fields for value in field.choices]


def test_no_number_is_taught_that_the_question_does_not_show():
    shown_or_not = set()
    for seed in range(40):
        found = prepared("oom_never_healthy", str(seed))
        need = found.incident.made.why.split()[2]
        for line in of("oom_never_healthy", str(seed)):
            incident = line["prompt"][1]["content"].split("\n\n")[0]
            shows = f"{need} M" in incident or f"{need}M" in incident
            shown_or_not.add(shows)
            if not shows:
                assert f"{need} MiB" not in line["completion"]
                assert f"{need} MiB" not in line["prompt"][1]["content"]
    assert shown_or_not == {True, False}


def test_every_example_is_one_of_three_roles_and_a_judgement_is_yes_or_no():
    for family in FAMILIES:
        for line in of(family):
            assert line["role"] in {"judge", "diagnose", "repair"}
            assert line["role"] != "judge" or line["completion"] in {"Yes", "No"}
            assert "<|" not in line["prompt"][1]["content"]


def test_both_answers_are_taught():
    rng = random.Random(0)
    said = [
        line["completion"]
        for family in TRAINED
        for line in lines(prepared(family, "x"), rng, written_roles=False, detector_share=0.5)
    ]
    assert 0.15 < said.count("Yes") / len(said) < 0.6


def test_over_all_judgements_a_yes_counts_as_much_as_a_no():
    rng = random.Random(0)
    found = balanced(
        [
            line
            for family in TRAINED
            for line in lines(prepared(family, "x"), rng, written_roles=True, detector_share=0.5)
        ]
    )
    weight = {
        said: sum(line["weight"] for line in found if line["role"] == "judge" and line["completion"] == said)
        for said in ("Yes", "No")
    }
    assert weight["Yes"] == pytest.approx(weight["No"], rel=0.02)
    assert all(line["weight"] == 2.0 for line in found if line["role"] == "repair")


def test_written_limits_are_judged_on_both_sides_of_what_is_enough():
    sides = set()
    for seed in range(20):
        found = prepared("oom_never_healthy", str(seed))
        need = next(field.now for field in found.fields)
        for line in of("oom_never_healthy", str(seed)):
            if line["role"] == "judge" and "(a new value)" in line["prompt"][1]["content"]:
                change = line["prompt"][1]["content"].split("Change: ")[1].splitlines()[0]
                if f"memory limit of container {found.incident.case.primary.container} from {need}" in change:
                    sides.add((line["completion"], "Gi" in change))
    assert sides >= {("Yes", False), ("No", False), ("No", True)}


def test_the_same_seed_writes_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        write(tmp_path / name, count=24, seed=5)
    for file in ("train.jsonl", "judge.jsonl", "valid.jsonl"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_held_out_families_are_never_trained_on_and_held_out_wordings_differ(tmp_path):
    assert not set(TRAINED) & set(HELD_OUT)
    write(tmp_path, count=30, seed=5)
    groups = {json.loads(text)["group"] for text in (tmp_path / "train.jsonl").read_text().splitlines()}
    assert not any(group.startswith(HELD_OUT) for group in groups)
    trained = {
        make("disk_full", str(n), held=False).raw.logs[k]
        for n in range(8)
        for k in make("disk_full", str(n), held=False).raw.logs
    }
    held = {
        make("disk_full", str(n), held=True).raw.logs[k]
        for n in range(8)
        for k in make("disk_full", str(n), held=True).raw.logs
    }
    assert not {text.splitlines()[-1] for text in trained} & {
        text.splitlines()[-1] for text in held if "space" in text or "quota" in text
    }
