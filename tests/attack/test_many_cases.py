"""A tenant breaks thousands of its own objects: what is in flight is still finished, and looking goes on."""

from daemon.look import MOST_AT_ONCE
from detectors.model import CaseKey
from remediation.saga import Event, State
from store.queries import open_cases, wanted_back
from tests.fakes.cluster import FakeCluster
from tests.fakes.manifests import deployment
from tests.fakes.rig import BAD, INTENT, Rig

OPENED = {"fault_class": "ImagePull", "severity": "critical", "summary": "s", "violations": []}


def flood(rig, number):
    for count in range(number):
        rig.store.open_case(
            CaseKey("web-runs", "Deployment", "shop", f"x{count}"), OPENED, at=rig.clock.now() + 1
        )


def test_an_undo_is_not_forgotten_behind_hundreds_of_newer_cases(tmp_path):
    rig = Rig(tmp_path)
    rig.turn(8)
    rig.works.clear()
    rig.set_image(BAD)
    case = rig.until(State.VERIFYING)
    while wanted_back(rig.store, case.case_id) is None:
        rig.clock.advance(1.0)
        rig.cycle.look_once()
    flood(rig, 600)
    assert len(open_cases(rig.store)) == 601
    rig.cycle.act_once()
    assert rig.image == BAD
    assert Event.ROLLED_BACK in rig.events(case.case_id)


def test_two_intents_do_not_change_one_object_at_once_however_many_cases_are_open(tmp_path):
    rig = Rig(tmp_path)
    rig.turn(8)
    rig.set_image(BAD)
    verifying = rig.until(State.VERIFYING)
    flood(rig, 600)
    twin = next(row for row in open_cases(rig.store) if row.case_id != verifying.case_id)
    assert not rig.cycle._may_try(_with_plan_of(verifying, twin))


def _with_plan_of(one, other):
    from dataclasses import replace

    return replace(other, plan=one.plan, state=State.PROPOSED)


def test_one_look_opens_only_so_many_cases_that_the_watchdog_is_fed(tmp_path):
    rig = Rig(tmp_path, INTENT.replace("kind: Deployment, name: web}", "kind: Deployment}"))
    for count in range(MOST_AT_ONCE + 50):
        _absent_pods(rig.cluster, f"x{count}")
    rig.clock.advance(1.0)
    rig.cycle.look_once()
    assert len(open_cases(rig.store)) == MOST_AT_ONCE
    rig.clock.advance(1.0)
    rig.cycle.look_once()
    assert len(open_cases(rig.store)) == MOST_AT_ONCE + 50


def _absent_pods(cluster: FakeCluster, name: str) -> None:
    item = deployment(name)
    item["metadata"] |= {"uid": f"uid-of-{name}", "generation": 1}
    item["status"] = {
        "observedGeneration": 1,
        "conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}],
    }
    cluster.put(item)
