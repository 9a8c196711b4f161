"""Between the write that got no answer and its repetition the world goes on: what was withdrawn stays withdrawn."""

import pytest

from daemon.commands import Commands
from daemon.rounds import read_catalog
from remediation.saga import State
from store.queries import changes_since, find_cases
from tests.fakes.cluster import Mishap
from tests.fakes.rig import BAD, GOOD, INTENT, Rig


@pytest.fixture
def rig(tmp_path):
    rig = Rig(tmp_path)
    rig.turn(8)
    rig.cluster.mishaps.extend([None, Mishap.LOST_BEFORE])  # the dry run is answered, the write is lost
    rig.set_image(BAD)
    rig.until(State.APPLYING)
    assert rig.image == BAD
    return rig


def test_a_lost_write_is_not_sent_again_while_a_person_asked_for_quiet(rig):
    orders = Commands(rig.world, rig.memory)
    orders("pause", {"scope": "all", "reason": "I work on web", "for": "1h"}, "alice")
    rig.turn(300)
    assert (rig.image, rig.cluster.written) == (BAD, [])
    orders("resume", {"scope": "all"}, "alice")
    assert rig.until(State.CLOSED).outcome == "fixed"
    assert rig.image == GOOD


def test_a_lost_write_is_not_sent_again_for_an_intent_that_is_gone(rig):
    rig.source.delete("web.yaml")
    read_catalog(rig.world, rig.memory, rig.source)
    rig.turn(300)
    assert (rig.image, rig.cluster.written) == (BAD, [])
    assert find_cases(rig.store)[0].state is State.CLOSED


def test_a_lost_write_is_not_sent_again_when_the_intent_only_observes_now(rig):
    rig.source.write("web.yaml", INTENT.replace("mode: auto", "mode: observe").encode())
    read_catalog(rig.world, rig.memory, rig.source)
    rig.turn(300)
    assert (rig.image, rig.cluster.written) == (BAD, [])


def test_a_lost_write_that_is_still_allowed_is_charged_once(rig):
    assert rig.until(State.CLOSED).outcome == "fixed"
    assert len(rig.cluster.written) == len(changes_since(rig.store, 0.0)) == 1
