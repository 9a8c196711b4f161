"""Verified or undone: each way in which a case can end, the neighbours of a change, and the neighbours that say
that it was not the change."""

import pytest

from remediation.saga import Event, State
from store.queries import find_cases, last_step
from tests.fakes.manifests import running, waiting
from tests.fakes.rig import BAD, GOOD, INTENT, Rig

API, API_BAD = "shop/api:2.0", "shop/api:2.1x"
NEIGHBOUR = (
    INTENT.replace("web-runs", "api-runs").replace("name: web}", "name: api}").replace("auto", "observe")
)


@pytest.fixture
def rig(tmp_path):
    """Two equal workloads; only `web` may be changed."""
    rig = Rig(tmp_path, f"{INTENT}---{NEIGHBOUR}")
    rig.works.add(API)
    rig.set_image(API, "api")
    rig.turn(8)
    return rig


def of_web(rig):
    return next(row for row in find_cases(rig.store) if row.name == "web")


def live_until(rig, *states, seconds=150):
    for _ in range(seconds):
        rig.turn()
        if any(row.name == "web" and row.state in states for row in find_cases(rig.store)):
            return of_web(rig)
    raise AssertionError([(row.case_id, row.state, row.outcome_reason) for row in find_cases(rig.store)])


def nothing_happens(rig):
    """The change alone mends it."""


def it_goes_away_unaided(rig):
    rig.world.settings.kill_switch.touch()
    rig.turn(3)
    rig.works.add(BAD)
    rig.run_again("web")


def the_change_brings_another_fault(rig):
    rig.works.clear()
    again = waiting("CrashLoopBackOff", restarts=3)
    rig.broken = lambda image: again if image == GOOD else waiting("ImagePullBackOff")
    rig.run_again("web")


def the_change_does_not_help(rig):
    rig.works.discard(GOOD)


def the_model_believes_nothing(rig):
    rig.model.believes = lambda _: 0.02


def a_person_rejects_it(rig):
    from daemon.commands import Commands

    rig.world.settings.kill_switch.touch()
    case = live_until(rig, State.PROPOSED)
    Commands(rig.world, rig.memory)("reject", {"case": case.case_id, "reason": "not today"}, "ann")


@pytest.mark.parametrize(
    ("meanwhile", "outcome", "image"),
    [
        (nothing_happens, "fixed", GOOD),
        (it_goes_away_unaided, "self-resolved", BAD),
        (the_change_brings_another_fault, "masked", BAD),
        (the_change_does_not_help, "rolled-back", BAD),
        (the_model_believes_nothing, "escalated", BAD),
        (a_person_rejects_it, "refused", BAD),
    ],
)
def test_a_case_ends_in_each_of_the_six_ways(rig, meanwhile, outcome, image):
    rig.set_image(BAD)
    meanwhile(rig)
    assert live_until(rig, State.CLOSED).outcome == outcome
    assert rig.image == image
    assert rig.store.verify().intact


# ------------------------------------------------------------ nothing new in the blast radius


def test_a_neighbour_that_breaks_after_the_write_takes_the_change_back(rig):
    rig.set_image(BAD)
    live_until(rig, State.VERIFYING)
    rig.works.discard(API)
    rig.run_again("api")
    case = live_until(rig, State.CLOSED)
    assert case.outcome == "rolled-back"
    assert "newly broken since the change: Deployment/api (ImagePull)" in case.outcome_reason
    assert rig.image == BAD
    assert last_step(rig.store, case.case_id, Event.NOT_HELD).payload["progress"] == "spread"


def test_a_neighbour_that_only_stumbles_does_not_take_the_change_back(rig):
    rig.set_image(BAD)
    live_until(rig, State.VERIFYING)
    rig.works.discard(API)
    rig.run_again("api")
    rig.turn(20)
    assert of_web(rig).state is State.VERIFYING  # quiet for long enough, but not while a neighbour is broken
    rig.works.add(API)
    rig.run_again("api")
    assert live_until(rig, State.CLOSED).outcome == "fixed"
    assert rig.image == GOOD


def test_a_neighbour_whose_own_release_breaks_it_is_not_our_doing(rig):
    rig.set_image(BAD)
    live_until(rig, State.VERIFYING)
    rig.set_image(API_BAD, "api")
    assert live_until(rig, State.CLOSED).outcome == "fixed"
    assert rig.image == GOOD


def test_a_neighbour_that_was_broken_before_is_not_our_doing(rig):
    rig.broken = lambda image: waiting("ImagePullBackOff") if image == BAD else running(ready=False)
    rig.set_image(API_BAD, "api")
    rig.turn(3)
    rig.set_image(BAD)
    assert live_until(rig, State.CLOSED).outcome == "fixed"


def test_another_intents_fault_on_the_changed_object_takes_the_change_back(tmp_path):
    ready = """
apiVersion: intentd.io/v1alpha1
kind: Intent
metadata: {name: web-answers}
spec:
  scope: {namespace: shop, kind: Deployment, name: web}
  expectations:
    - {type: metric, query: up, operator: "<", threshold: 2}
"""
    from tests.fakes.world import reading

    rig = Rig(tmp_path, f"{INTENT}---{ready}")
    rig.metrics.readings["web-answers/0"] = reading(held=[1.0])
    rig.turn(8)
    rig.set_image(BAD)
    live_until(rig, State.VERIFYING)
    rig.metrics.readings["web-answers/0"] = reading(broken=[3.0])
    for _ in range(150):
        rig.turn()
        case = next(row for row in find_cases(rig.store) if row.intent == "web-runs")
        if case.state is State.CLOSED:
            break
    assert case.outcome == "rolled-back"
    assert rig.image == BAD


# ------------------------------------------------------------ whose doing it was


@pytest.mark.parametrize("killed", [False, True])
def test_where_an_equal_untreated_workload_recovers_at_once_the_fix_is_not_claimed(rig, killed):
    """A registry was away; both images are there again the moment we changed one of the two Deployments."""
    rig.set_image(API_BAD, "api")
    rig.set_image(BAD)
    live_until(rig, State.VERIFYING)
    if killed:
        rig.restart()
    rig.works |= {API_BAD, BAD}
    rig.run_again("api")
    case = live_until(rig, State.CLOSED)
    assert case.outcome == "self-resolved"
    assert "Deployment/api had ImagePull too and recovered without a change" in case.outcome_reason
    assert [row.outcome for row in find_cases(rig.store)].count("fixed") == 0


def test_where_the_untreated_one_stays_broken_the_fix_is_ours(rig):
    rig.set_image(API_BAD, "api")
    rig.set_image(BAD)
    assert live_until(rig, State.CLOSED).outcome == "fixed"


def test_a_neighbour_that_a_person_mended_is_no_control(rig):
    rig.set_image(API_BAD, "api")
    rig.set_image(BAD)
    live_until(rig, State.VERIFYING)
    rig.set_image(API, "api")
    assert live_until(rig, State.CLOSED).outcome == "fixed"


def test_a_change_that_proved_nothing_can_still_be_taken_back(rig):
    from daemon.commands import Commands

    rig.set_image(API_BAD, "api")
    rig.set_image(BAD)
    live_until(rig, State.VERIFYING)
    rig.works |= {API_BAD, BAD}
    rig.run_again("api")
    case = live_until(rig, State.CLOSED)
    Commands(rig.world, rig.memory)("undo", {"case": case.case_id}, "ann")
    rig.turn(5)
    assert rig.image == BAD
    assert of_web(rig).outcome == "rolled-back"
