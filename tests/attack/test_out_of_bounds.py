"""Values that look as if they were inside the bounds, or as if nobody else owned the field."""

import pytest

from daemon.commands import Commands
from daemon.control import CommandError
from daemon.records import planned
from detectors.model import Gap
from remediation.model import Candidate, NoPlan, Patch, RawEvidence
from remediation.plan import plan_change
from remediation.saga import State
from tests.fakes.manifests import ref
from tests.fakes.rig import BAD, Rig
from tests.remediation.guards.ground import CONTAINER, LIVE, app, context, intent, verdict


@pytest.mark.parametrize("zero", ["0", "0Mi", "0.0", 0])
@pytest.mark.parametrize("resource", ["memory", "cpu", "ephemeral-storage"])
def test_a_limit_of_zero_is_no_limit_at_all_and_beyond_every_bound(zero, resource):
    entry = {"path": f"{CONTAINER}.resources.limits.*", "max": "96Mi"}
    change = app(resources={"limits": {resource: zero}})
    found = verdict("editable", context(change, intent=intent(editable=[entry])))
    assert (found.allowed, found.reason) == (False, "Unlimited")


CONTROLS = "\u00ad\u061c\u180e\u2028\u2029\U000e0041\ufff9"
SHOWN_AS_NOTHING = "\u034f\u115f\u1160\u17b4\u180b\u3164\ufe00\ufe0f\uffa0\ufff0\U000e0100\U000e0fff"


@pytest.mark.parametrize("hidden", [*CONTROLS, *SHOWN_AS_NOTHING])
def test_a_value_that_reads_like_another_is_refused(hidden):
    change = app(env=[{"name": "MODE", "value": f"fa{hidden}st"}])
    plan = plan_change(Candidate("c1", "t", ref(LIVE), "s", change), LIVE)
    assert isinstance(plan, NoPlan)
    assert plan.reason == "HiddenCharacter"


@pytest.mark.parametrize("value", ["schön", "한글", "日本語", "naïve", "भाषा", "👍", "a\tb\nc"])
def test_a_value_in_any_script_is_read_as_it_is(value):
    change = app(env=[{"name": "MODE", "value": value}])
    assert isinstance(plan_change(Candidate("c1", "t", ref(LIVE), "s", change), LIVE), Patch)


@pytest.mark.parametrize("reason", ["Forbidden", "Partial", "TimedOut"])
def test_replicas_are_an_unread_autoscalers_until_somebody_has_looked(reason):
    plan = plan_change(Candidate("c1", "t", ref(LIVE), "s", {"spec": {"replicas": 3}}), LIVE)
    raw = RawEvidence(live=LIVE, gaps=(Gap("HorizontalPodAutoscaler list", reason, "no"),))
    assert "spec.replicas" in planned("x-1", plan, "s", raw).payload["reserved"]
    assert planned("x-1", plan, "s", RawEvidence(live=LIVE)).payload["reserved"] == {}


@pytest.mark.parametrize("length", [1, 4, 11])
def test_an_approval_names_enough_of_its_digest_to_mean_no_other(tmp_path, length):
    rig = Rig(tmp_path, grant=False)
    rig.turn(8)
    rig.set_image(BAD)
    case = rig.until(State.PROPOSED)
    orders = Commands(rig.world, rig.memory)
    with pytest.raises(CommandError, match="12"):
        orders("approve", {"case": case.case_id, "digest": case.digest[:length]}, "alice")
    assert orders("approve", {"case": case.case_id, "digest": case.digest[:12]}, "alice")
