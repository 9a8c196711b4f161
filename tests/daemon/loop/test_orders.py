"""Orders of a person to the daemon: a mistyped name is refused, not recorded."""

import pytest

from daemon.commands import Commands
from daemon.control import CommandError
from store.decisions import active_grants
from store.queries import active_pauses, newest_steps
from tests.fakes.rig import Rig


@pytest.fixture
def rig(tmp_path):
    return Rig(tmp_path, grant=False)


@pytest.mark.parametrize(
    ("verb", "arguments", "says"),
    [
        ("pause", {"scope": "web-run", "reason": "lunch"}, "no intent 'web-run'"),
        ("grant", {"fault_class": "ImagePul", "reason": "good proposals"}, "no fault class 'ImagePul'"),
        ("grant", {"fault_class": "ImagePull", "mode": "atuo", "reason": "good proposals"}, "no mode 'atuo'"),
    ],
)
def test_a_mistyped_name_is_refused_and_leaves_no_row(rig, verb, arguments, says):
    with pytest.raises(CommandError, match=says):
        Commands(rig.world, rig.memory)(verb, arguments, "alice")
    now = rig.clock.now()
    assert active_pauses(rig.store, now) == active_grants(rig.store, now) == ()


def test_an_intent_and_all_can_be_paused(rig):
    orders = Commands(rig.world, rig.memory)
    for scope in ("web-runs", "all"):
        orders("pause", {"scope": scope, "reason": "lunch"}, "alice")
    assert {pause.scope for pause in active_pauses(rig.store, rig.clock.now())} == {"web-runs", "all"}


def test_resuming_what_is_not_paused_says_so_and_leaves_no_row(rig):
    orders, before = Commands(rig.world, rig.memory), newest_steps(rig.store, limit=1)
    told = orders("resume", {"scope": "all"}, "alice")
    assert (told["resumed"], told["paused"]) == (False, [])
    assert newest_steps(rig.store, limit=1) == before


def test_resume_names_what_is_still_held(rig):
    orders = Commands(rig.world, rig.memory)
    orders("pause", {"scope": "web-runs", "reason": "lunch"}, "alice")
    rig.world.settings.kill_switch.touch()
    told = orders("resume", {"scope": "all"}, "alice")
    assert (told["resumed"], told["paused"]) == (False, ["web-runs"])
    assert str(rig.world.settings.kill_switch) in told["kill_switch"]
    assert orders("resume", {"scope": "web-runs"}, "alice")["resumed"]
    assert active_pauses(rig.store, rig.clock.now()) == ()


def test_resuming_an_intent_that_nobody_has_is_refused(rig):
    with pytest.raises(CommandError, match="no intent 'web-run' to resume"):
        Commands(rig.world, rig.memory)("resume", {"scope": "web-run"}, "alice")


def test_a_revoked_grant_no_longer_holds_and_others_are_named(rig):
    orders = Commands(rig.world, rig.memory)
    for fault_class, weights in (("ImagePull", "*"), ("ImagePull", "abc"), ("*", "*")):
        orders("grant", {"fault_class": fault_class, "weights": weights, "reason": "good"}, "alice")
    told = orders("revoke", {"fault_class": "ImagePull", "reason": "it guessed"}, "bob")
    assert told == {"changed": True, "revoked": 2, "still": ["* (auto)"]}
    assert [grant.fault_class for grant in active_grants(rig.store, rig.clock.now())] == ["*"]
    (row,) = newest_steps(rig.store, limit=1)
    assert (row.payload["by"], row.payload["reason"]) == ("bob", "it guessed")
    assert not orders("revoke", {"fault_class": "ImagePull", "reason": "again"}, "bob")["changed"]


def test_an_unknown_verb_is_refused_with_the_known_ones(rig):
    with pytest.raises(CommandError, match="no 'dance': status, approve"):
        Commands(rig.world, rig.memory)("dance", {}, "alice")
