"""Recorded samples judged again: the live verdict comes out of the live plan, and baselines get no more than they did."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gym.replay.baselines import Baseline, line, live_again, scored
from gym.replay.world import same_case
from remediation.model import Outcome
from tests.gym.recordings import (
    CONTROLLED,
    HOPELESS,
    REF,
    SCENARIO,
    candidate,
    deployment,
    plan_for,
    recorded,
    thought,
    with_image,
)

GOOD, WRONG = with_image("shop/web:v3"), with_image("shop/web:v2")
TOO_MUCH = {"spec": {"replicas": 3, **GOOD["spec"]}}
MENDED, TRIED = deployment("shop/web:v3"), deployment("shop/web:v2")


def live(manifest, applied, after, outcome, *, clear):
    """A sample in which a plan was applied."""
    told = thought(plan=plan_for(manifest), manifest=manifest, cause="the tag shop/web:v4 does not exist")
    return recorded(told, applied=[applied], after=[after], outcome=outcome, clear=clear)


@pytest.mark.parametrize(
    "sample",
    [
        live(GOOD, MENDED, MENDED, Outcome.FIXED, clear=True),
        live(WRONG, TRIED, deployment(), Outcome.ROLLED_BACK, clear=False),
        live(
            TOO_MUCH, deployment("shop/web:v3", 3), deployment("shop/web:v3", 3), Outcome.FIXED, clear=False
        ),
    ],
    ids=["mended", "taken back", "with an over-edit"],
)
def test_replay_of_the_plan_that_was_applied_gives_the_live_verdict(sample):
    result, recording = sample
    again = live_again(SCENARIO, recording)
    assert again is not None
    assert (again.right, again.harm, again.changed, again.over_edits) == (
        result.right,
        result.harm,
        result.changed,
        result.over_edits,
    )
    assert same_case(SCENARIO, result, recording)


def test_a_recreated_object_counts_as_the_live_one_did():
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "namespace": "shop", "uid": "u1"},
        "spec": {"nodeName": "n1", "containers": [{"name": "app", "image": "a", "command": ["x"]}]},
    }
    manifest = {"spec": {"containers": [{"name": "app", "command": ["y"]}]}}
    from detectors.model import ObjectRef
    from gym.replay.world import Write, run_of
    from remediation.model import Candidate, Recreate
    from remediation.plan import plan_change

    plan = plan_change(Candidate("c1", "x", ObjectRef("Pod", "shop", "web"), "", manifest), pod)
    assert isinstance(plan, Recreate)
    _, recording = recorded(thought(kind="Pod"), scenario=CONTROLLED, before=[pod])
    run = run_of(CONTROLLED, recording, Write(plan, "StartError", ""))
    [after] = run.after.objects.values()
    assert after["spec"]["containers"][0]["command"] == ["y"]
    assert after["metadata"]["uid"] not in {"", "u1"}


def test_a_case_that_was_written_anew_is_not_the_recorded_one():
    result, recording = live(GOOD, MENDED, MENDED, Outcome.FIXED, clear=True)
    elsewhere = {**deployment(), "metadata": {"name": "api", "namespace": "shop"}}
    other = replace(SCENARIO, case=replace(SCENARIO.case, broken=(elsewhere,)))
    assert not same_case(other, result, recording)
    stricter = replace(SCENARIO, scoring=replace(SCENARIO.scoring, allowed=()))
    assert not same_case(stricter, result, recording)


# ---------------------------------------------------------------- baselines


def verdicts(recording, scenario=SCENARIO):
    found = {baseline: scored(baseline, scenario, recording) for baseline in Baseline}
    return {baseline.name: one.right for baseline, one in found.items() if one is not None}


def test_the_first_candidate_is_taken_without_asking_and_only_earlier_ones_roll_back():
    told = thought(candidates=(candidate(1, WRONG), candidate(2, GOOD, "previous-revision")))
    _, recording = recorded(told)
    assert verdicts(recording) == {"NOTHING": False, "RESTART": False, "ROLL_BACK": True, "FIRST": False}
    first = scored(Baseline.FIRST, SCENARIO, recording)
    assert first is not None
    assert first.changed == ("Deployment/web:spec.template.spec.containers[name=app].image",)


def test_without_a_candidate_a_person_is_called_in_the_detectors_words_and_never_in_the_models():
    _, recording = recorded(thought(cause="the moon"), scenario=HOPELESS, named=(REF,))
    assert verdicts(recording, HOPELESS) == {
        "NOTHING": False,
        "RESTART": False,
        "ROLL_BACK": True,
        "FIRST": True,
    }


def test_where_nothing_was_seen_no_baseline_acts_and_a_control_stays_right():
    _, recording = recorded(scenario=CONTROLLED, outcome=None)
    assert verdicts(recording, CONTROLLED) == dict.fromkeys(
        ("NOTHING", "RESTART", "ROLL_BACK", "FIRST"), True
    )
    _, unseen = recorded(outcome=None)
    assert not any(verdicts(unseen).values())


def test_a_control_that_a_candidate_would_change_is_wrong_and_harmed():
    told = thought(candidates=(candidate(1, GOOD, "last-known-good"),))
    _, recording = recorded(told, scenario=CONTROLLED)
    first = scored(Baseline.FIRST, CONTROLLED, recording)
    assert first is not None
    assert (first.right, first.harm) == (False, True)


def test_a_candidate_that_no_longer_changes_anything_gives_way_to_the_next():
    told = thought(candidates=(candidate(1, with_image("shop/web:v4")), candidate(2, GOOD)))
    _, recording = recorded(told)
    assert verdicts(recording)["FIRST"]


def test_the_model_alone_is_scored_only_where_it_was_asked_to_write():
    line_, not_asked = recorded(thought(candidates=(candidate(1, GOOD),), questions=({"role": "judge"},)))
    assert scored(Baseline.MODEL_ALONE, SCENARIO, not_asked) is None
    assert line(Baseline.MODEL_ALONE, SCENARIO, line_, not_asked).skipped is not None
    asked = ({"role": "diagnose"}, {"role": "repair"})
    _, wrote = recorded(thought(questions=asked, wrote_manifest=True, manifest=GOOD))
    assert verdicts(wrote)["MODEL_ALONE"]
    _, nothing = recorded(thought(questions=asked, unusable="Abstained"))
    assert not verdicts(nothing)["MODEL_ALONE"]


def test_a_skipped_sample_is_skipped_for_every_baseline():
    result, _ = recorded(thought())
    skipped = replace(result, skipped="no such kind")
    assert {line(each, SCENARIO, skipped, None).skipped for each in Baseline} == {"no such kind"}
