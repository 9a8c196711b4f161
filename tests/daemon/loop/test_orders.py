"""Orders of a person to the daemon: a mistyped name is refused, not recorded."""

import pytest

from daemon.commands import Commands
from daemon.control import CommandError
from store.queries import active_grants, active_pauses
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
