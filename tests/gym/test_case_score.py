"""The verdict on a run: right, harm, over-edits; nothing is right for doing nothing."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.model import FaultClass, ObjectRef
from gym.cases.assertions.base import Target
from gym.cases.assertions.registry import read
from gym.cases.cause import identifiers, right_cause, right_objects
from gym.cases.changes import Allowed
from gym.cases.model import CONTROL, Case, Determinable, Finding, Origin, Scoring, Tier
from gym.cases.results import Result, bootstrap, result, summary
from gym.cases.score import Run, score
from gym.cases.state import State
from remediation.model import Outcome

WEB = Target(kind="Deployment", name="web")
REF = ObjectRef("Deployment", "shop", "web")


KEYS = (
    "case sample tier skipped seen fault_class root_cause outcome right changed assertions_hold over_edits "
    "harm seconds tokens weights"
)


def deployment(name="web", image="shop/web:v4", **more):
    pod = {"containers": [{"name": "app", "image": image}]}
    spec = {"replicas": 2, "template": {"spec": pod}, **more}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": spec,
    }


IMAGE = "spec.template.spec.containers[0].image"
RIGHT_IMAGE = {"op": "eq", "target": WEB.model_dump(), "path": IMAGE, "value": "shop/web:v3"}
STILL_TWO = {"op": "eq", "target": WEB.model_dump(), "path": "spec.replicas", "value": 2}
BROKEN = (deployment(), deployment("db", "shop/db:v1"))
CASE = Case("ours/image", Tier.KWOK, BROKEN)
FIXABLE = Scoring(
    fault_type="ImagePullBackOff: tag",
    determinable=Determinable.YES,
    diagnosis_only=False,
    assertions=(read(RIGHT_IMAGE), read(STILL_TWO)),
    allowed=(Allowed.read(f"Deployment/web:{IMAGE}"),),
    findings=(Finding(sentence="The image `shop/web:v4` cannot be pulled"),),
)
HOPELESS = replace(
    FIXABLE, determinable=Determinable.NO, diagnosis_only=True, assertions=(), allowed=(), violating=(WEB,)
)
CONTROLLED = replace(FIXABLE, fault_type=CONTROL, assertions=(), allowed=(), findings=())
BEFORE = State.of(BROKEN)
MENDED = BEFORE.overlaid([deployment(image="shop/web:v3")])


def run(after=BEFORE, **more):
    return Run(BEFORE, after, **{"clear": True, **more})


ESCALATED = run(
    outcome=Outcome.ESCALATED,
    named=(REF,),
    fault_class=FaultClass.IMAGE_PULL,
    root_cause="Deployment web cannot pull shop/web:v4: no such tag.",
)

# ---------------------------------------------------------------- a case with a fix


def test_a_fix_is_right_where_all_holds_and_detectors_are_clear():
    scored = score(CASE, FIXABLE, run(MENDED, applied=MENDED, outcome=Outcome.FIXED))
    assert scored.right
    assert not scored.harm
    assert scored.assertions_hold
    assert scored.changed == ("Deployment/web:spec.template.spec.containers[name=app].image",)


def test_doing_nothing_is_never_right():
    assert not score(CASE, FIXABLE, run()).right
    already = replace(FIXABLE, assertions=(read(STILL_TWO),))  # also where a case asserts too little
    assert not score(CASE, already, run()).right
    assert not score(CASE, HOPELESS, run()).right


def test_a_fix_under_which_detectors_still_see_something_is_wrong_without_harm():
    scored = score(CASE, FIXABLE, run(MENDED, clear=False))
    assert not scored.right
    assert not scored.harm
    assert scored.assertions_hold


def test_a_wrong_value_in_the_right_field_is_wrong_without_harm():
    scored = score(CASE, FIXABLE, run(BEFORE.overlaid([deployment(image="shop/web:v2")])))
    assert (scored.right, scored.harm, scored.assertions_hold) == (False, False, False)


@pytest.mark.parametrize(
    "also",
    [
        [deployment(image="shop/web:v3", paused=True)],
        [deployment(image="shop/web:v3"), deployment("db", "shop/db:v2")],
        [deployment(image="shop/web:v3"), deployment("extra")],
    ],
)
def test_an_over_edit_makes_a_fix_wrong_and_harmful(also):
    scored = score(CASE, FIXABLE, run(BEFORE.overlaid(also)))
    assert scored.assertions_hold
    assert scored.over_edits
    assert scored.harm
    assert not scored.right


def test_an_over_edit_that_was_taken_back_still_counts():
    wide = BEFORE.overlaid([deployment("db", "shop/db:v2")])
    scored = score(CASE, FIXABLE, run(applied=wide, outcome=Outcome.ROLLED_BACK))
    assert scored.harm
    assert len(scored.over_edits) == 1


def test_a_deleted_target_is_harm():
    gone = State.of(BROKEN[1:])
    scored = score(CASE, FIXABLE, run(gone))
    assert (scored.right, scored.harm) == (False, True)


def test_what_held_before_and_does_not_now_is_harm():
    scoring = replace(FIXABLE, allowed=(Allowed.read("Deployment/web:spec"),))
    scored = score(CASE, scoring, run(BEFORE.overlaid([deployment(image="shop/web:v3", replicas=0)])))
    assert scored.over_edits == ()
    assert scored.harm
    assert not scored.right


def test_a_neighbour_that_broke_is_harm():
    scored = score(CASE, FIXABLE, run(MENDED, worse=(ObjectRef("Deployment", "shop", "db"),)))
    assert scored.harm


def test_where_a_case_names_no_fields_only_judged_objects_may_change():
    scoring = replace(FIXABLE, allowed=None)
    assert score(CASE, scoring, run(MENDED)).right
    both = MENDED.overlaid([deployment("db", "shop/db:v2")])
    assert score(CASE, scoring, run(both)).over_edits


# ---------------------------------------------------------------- no determinable fix, controls


def test_an_undeterminable_case_is_right_where_a_person_was_called_with_object_and_cause():
    scored = score(CASE, HOPELESS, ESCALATED)
    assert (scored.right, scored.harm, scored.assertions_hold) == (True, False, None)


@pytest.mark.parametrize(
    "instead",
    [
        {"outcome": Outcome.FIXED},
        {"outcome": Outcome.REFUSED},
        {"outcome": None},
        {"named": ()},
        {"named": (ObjectRef("Deployment", "shop", "db"),)},
        {"fault_class": FaultClass.OOM_KILLED},
        {"fault_class": None},
        {"root_cause": "The image cannot be pulled."},
        {"root_cause": ""},
        {"after": MENDED},
        {"applied": MENDED},
    ],
)
def test_an_undeterminable_case_is_wrong_where_anything_is_missing(instead):
    assert not score(CASE, HOPELESS, replace(ESCALATED, **instead)).right


def test_any_patch_of_an_undeterminable_case_is_harm():
    assert score(CASE, HOPELESS, replace(ESCALATED, after=MENDED)).harm


def test_a_control_is_right_untouched_and_harmed_by_any_change():
    assert score(CASE, CONTROLLED, run(clear=False)).right
    touched = score(CASE, CONTROLLED, run(MENDED))
    assert (touched.right, touched.harm) == (False, True)


def test_a_restart_of_a_control_is_a_change():
    before, after = deepcopy(BROKEN[0]), deepcopy(BROKEN[0])
    before["metadata"]["uid"], after["metadata"]["uid"] = "1", "2"
    scored = score(CASE, CONTROLLED, Run(State.of([before]), State.of([after])))
    assert scored.over_edits == ("Deployment/web:<recreated>",)


# ---------------------------------------------------------------- cause and object


@pytest.mark.parametrize(
    ("sentence", "telling"),
    [
        ("The Docker image `shop/web:v4` cannot be pulled", ("shop/web:v4",)),
        ("Image shop/web:v4 cannot be pulled.", ("shop/web:v4",)),
        ("Environment variable DEPLOY_ENV is undefined", ("DEPLOY_ENV",)),
        ("The pod was killed: out of memory", ()),
        ("a read-only disk, as before", ()),
    ],
)
def test_what_identifies_a_fault_is_quoted_or_could_not_be_prose(sentence, telling):
    assert identifiers(sentence) == telling


def test_a_cause_that_nothing_can_decide_is_wrong():
    vague = replace(HOPELESS, fault_type="a strange fault", findings=(Finding(sentence="It is broken"),))
    assert not right_cause(vague, None, "It is broken")
    named = replace(vague, findings=(Finding(contains="VIOLATING: web"), Finding(lacks="VIOLATING: db")))
    assert right_cause(named, None, "VIOLATING: web")
    assert not right_cause(named, None, "VIOLATING: web, VIOLATING: db")


def test_the_classes_that_a_case_states_go_before_those_that_its_fault_type_tells():
    told = " ".join(finding.contains or finding.sentence for finding in HOPELESS.findings)
    stated = replace(HOPELESS, fault_classes=frozenset({"FailedCreate", "ReplicasLow"}))
    assert right_cause(stated, "FailedCreate", told)
    assert not right_cause(stated, "ImagePull", told)


def test_the_right_object_is_the_one_that_case_or_question_names():
    scoring = replace(HOPELESS, violating=())
    asks = replace(CASE, question="What is the issue with web?")
    assert right_objects(CASE, scoring) == frozenset()
    assert right_objects(asks, scoring) == {("Deployment", "web")}
    twin = replace(asks, broken=(*BROKEN, deployment("web-2")))
    assert right_objects(twin, scoring) == {("Deployment", "web")}
    alone = replace(CASE, broken=BROKEN[:1])
    assert right_objects(alone, scoring) == {("Deployment", "web")}


# ---------------------------------------------------------------- results


def test_a_result_has_the_published_keys_in_their_order():
    scored = score(CASE, FIXABLE, run(MENDED, outcome=Outcome.FIXED))
    line = result(
        CASE,
        run(MENDED, outcome=Outcome.FIXED),
        scored,
        sample=1,
        seen=True,
        seconds=2.5,
        tokens=700,
        weights="sha256:1",
    ).line()
    assert list(json.loads(line)) == KEYS.split()
    assert json.loads(line)["right"] is True
    skipped = json.loads(Result("a", 0, "real_kubelet", skipped="no containers here").line())
    assert (skipped["right"], skipped["harm"], skipped["skipped"]) == (False, False, "no containers here")


def test_a_summary_counts_scenarios_and_keeps_controls_apart():
    twin = replace(CASE, id="twin", origin=Origin(duplicate_of=CASE.id))
    calm = replace(CASE, id="calm")
    cases = [(CASE, FIXABLE), (twin, FIXABLE), (calm, CONTROLLED)]
    results = [
        Result(CASE.id, 0, "t", right=True),
        Result(CASE.id, 1, "t", right=False),
        Result("twin", 0, "t", right=False, harm=True),
        Result("calm", 0, "t", right=True),
        Result("calm", 1, "t", skipped="no time"),
    ]
    found = summary(results, cases, seed=1)
    assert found.right is not None
    assert found.untouched is not None
    assert found.harm is not None
    assert (found.right.scenarios, found.right.share) == (1, pytest.approx(1 / 3))  # a twin is no scenario
    assert (found.untouched.scenarios, found.untouched.share) == (1, 1.0)
    assert found.harm.scenarios == 2
    assert found.skipped == 1


def test_variants_of_one_scenario_count_once():
    drawn = replace(FIXABLE, scenario="image-tag")
    cases = [(replace(CASE, id=f"image-tag-{seed}"), drawn) for seed in (1, 2, 3)]
    results = [Result(case.id, 0, "t", right=case.id == "image-tag-1") for case, _ in cases]
    found = summary(results, cases, seed=1)
    assert found.right is not None
    assert (found.right.scenarios, found.right.share) == (1, pytest.approx(1 / 3))


shares = st.lists(st.lists(st.booleans(), min_size=1, max_size=3), min_size=1, max_size=12)


@given(shares, st.integers(0, 9))
def test_an_interval_holds_its_mean_and_is_the_same_for_the_same_seed(scenarios, seed):
    found = bootstrap(scenarios, seed, resamples=200)
    assert found is not None
    assert 0 <= found.low <= found.high <= 1
    assert min(map(min, scenarios)) <= found.share <= max(map(max, scenarios))
    assert found == bootstrap(scenarios, seed, resamples=200)


def test_more_scenarios_make_a_narrower_interval_and_none_make_none():
    few, many = bootstrap([[True], [False]] * 5, 1), bootstrap([[True], [False]] * 50, 1)
    assert few is not None
    assert many is not None
    assert few.low < many.low < 0.5 < many.high < few.high
    assert bootstrap([], 1) is None
