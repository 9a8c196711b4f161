"""Workloads that share a cause are worked on one after the other, a person is called once, and flapping is one case."""

import pytest

from remediation.saga import State
from store.queries import find_cases, steps
from tests.fakes.rig import BAD, GOOD, INTENT, Rig

NAMES = ["web", "api", "cart", "mail"]
ALL = INTENT.replace(", kind: Deployment, name: web", "") + "  budget: {changes: 10, per: 1h}\n"


@pytest.fixture
def rig(tmp_path):
    return Rig(tmp_path, ALL, limits={"storm_targets": 50})


def image_of(rig, name):
    return rig.cluster.object("Deployment", "shop", name)["spec"]["template"]["spec"]["containers"][0][
        "image"
    ]


def put_all(rig, image):
    for name in NAMES:
        rig.set_image(image, name)


def test_workloads_of_one_bad_image_are_mended_one_after_the_other(rig):
    put_all(rig, GOOD)
    rig.turn(8)
    put_all(rig, BAD)
    for _ in range(200):
        rig.turn()
        unfinished = [row for row in find_cases(rig.store) if row.state is not State.CLOSED]
        assert len(unfinished) <= 1
        if all(image_of(rig, name) == GOOD for name in NAMES) and not unfinished:
            break
    assert {row.name: row.outcome for row in find_cases(rig.store)} == dict.fromkeys(NAMES, "fixed")


def test_where_no_change_is_known_the_model_is_asked_once_and_a_person_is_called_once_for_all(rig):
    rig.works.clear()
    put_all(rig, BAD)
    rig.turn(20)
    cases = find_cases(rig.store)
    assert {row.name: row.outcome for row in cases} == dict.fromkeys(NAMES, "escalated")
    (first,) = [row for row in cases if "SameCause" not in row.outcome_reason]
    assert all(first.case_id in row.outcome_reason for row in cases if row is not first)
    (notice,) = rig.notifier.sent
    assert notice.case == first.case_id
    assert all(name in notice.body + notice.title for name in NAMES)
    assert len({question.prompt for question in rig.model.asked}) == len(rig.model.asked) <= 2


def test_who_waits_and_for_what_is_on_record(rig):
    rig.works.clear()
    put_all(rig, BAD)
    rig.turn(2)
    opened = steps(rig.store, find_cases(rig.store)[-1].case_id)[0].payload
    assert opened["cause"] == ["Image", "", BAD]
    assert len(opened["others"]) == 3


def flap(rig, times, *, broken, whole):
    """Broken and whole in turn, so many seconds each."""
    for _ in range(times):
        rig.works.discard(GOOD)
        rig.run_again("web")
        rig.turn(broken)
        rig.works.add(GOOD)
        rig.run_again("web")
        rig.turn(whole)


@pytest.mark.parametrize("whole", [4, 25])
def test_a_fault_that_comes_and_goes_calls_a_person_once_or_twice_and_not_every_time(tmp_path, whole):
    """The window is 10 s: in pauses of 4 s it is never over; after pauses of 25 s it is known how often it comes."""
    rig = Rig(tmp_path)
    rig.model.believes = lambda _: 0.02
    rig.turn(8)
    flap(rig, 12, broken=5, whole=whole)
    assert len(find_cases(rig.store)) <= (1 if whole < 10 else 2)
    assert len(rig.notifier.sent) <= (1 if whole < 10 else 2)


def test_a_fault_that_stays_away_for_twice_its_interval_is_over(tmp_path):
    rig = Rig(tmp_path)
    rig.model.believes = lambda _: 0.02
    rig.turn(8)
    flap(rig, 4, broken=5, whole=25)
    seen = len(find_cases(rig.store))
    rig.turn(90)
    flap(rig, 1, broken=5, whole=5)
    assert len(find_cases(rig.store)) == seen + 1
