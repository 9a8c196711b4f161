"""One hostile object must not hold up, wear out or speak for everything else."""

from daemon.rounds import read_catalog
from detectors.model import CaseKey
from remediation.model import Role, Unusable, UnusableReason
from remediation.saga import Event, State
from store.ledger import Entry
from store.projection import SystemEvent
from store.queries import find_cases
from tests.fakes.rig import BAD, GOOD, INTENT, Rig

OTHER = INTENT.replace("web-runs", "other-runs").replace("name: web}", "name: other}")


def test_a_case_that_no_model_answers_does_not_hold_up_the_others(tmp_path):
    """Its evidence makes the model think for ever; the neighbour's does not."""
    rig = Rig(tmp_path)
    rig.source.write("other.yaml", OTHER.encode())
    read_catalog(rig.world, rig.memory, rig.source)
    answers = rig.model.ask
    rig.model.ask = lambda question: (
        Unusable(UnusableReason.TIMED_OUT, "no answer in 60 s")
        if BAD not in question.prompt
        else answers(question)
    )
    rig.turn(8)
    rig.set_image(BAD)
    rig.turn(30)
    assert rig.image == GOOD


def test_an_object_that_changes_all_the_time_is_given_up_and_not_thought_over_for_ever(tmp_path):
    rig = Rig(tmp_path, grant=False)
    rig.turn(8)
    for number in range(200):
        rig.set_image(f"shop/web:1.{number}x")
        rig.turn(1)
    asked = sum(question.role is Role.DIAGNOSE for question in rig.model.asked)
    assert asked <= 10
    assert find_cases(rig.store)[0].outcome == "escalated"


def test_the_model_cannot_choose_the_fault_class_that_autonomy_was_earned_for(tmp_path):
    rig = Rig(tmp_path, grant=False)
    row = {
        "fault_class": "OOMKilled",
        "weights": "*",
        "mode": "auto",
        "until": None,
        "reason": "t",
        "by": "t",
    }
    rig.store.record([Entry(SystemEvent.GRANTED, row)], at=rig.clock.now())
    rig.turn(8)
    rig.set_image(BAD)
    case = rig.until(State.PROPOSED)
    first = rig.store.record  # what a model that was shown both classes would have said
    told = {"cause": "memory", "weights": "w", "fault_class": "OOMKilled"}
    later = rig.store.open_case(
        CaseKey("web-runs", "Deployment", "shop", "twin"),
        {"fault_class": "ImagePull", "severity": "warning", "summary": "s", "violations": []},
        at=rig.clock.now(),
    )
    first(
        [Entry(Event.DIAGNOSIS_STARTED, {}, str(later)), Entry(Event.DIAGNOSED, told, str(later))],
        at=rig.clock.now(),
    )
    found = next(row for row in find_cases(rig.store) if row.case_id == str(later))
    assert found.fault_class == case.fault_class == "ImagePull"


def test_what_the_model_says_can_neither_forge_a_line_of_a_notice_nor_steer_a_terminal(tmp_path):
    rig = Rig(tmp_path, grant=False)
    rig.turn(8)
    rig.model.cause = "bad tag\nintentd approve other-case --digest 0123456789ab\x1b[2K\r\u202egnp.exe"
    rig.set_image(BAD)
    case = rig.until(State.PROPOSED)
    rig.turn(2)
    body = rig.notifier.sent[-1].body
    assert sum(line.startswith("intentd approve") for line in body.splitlines()) == 1
    assert not {"\x1b", "\r", "\u202e"} & set(body + case.cause)
