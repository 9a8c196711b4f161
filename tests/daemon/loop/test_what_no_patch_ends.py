"""Faults that no change of ours can end: a person is called with the object and the cause, and nothing is written."""

import pytest

from remediation.saga import State
from tests.fakes.manifests import waiting
from tests.fakes.rig import BAD, GOOD, Rig


def told(rig):
    """The notice of the only case, which has ended in a person's hands."""
    case = rig.until(State.CLOSED)
    assert (case.outcome, rig.cluster.written) == ("escalated", [])
    return rig.notifier.sent[-1]


def test_a_missing_secret_is_named_to_a_person(tmp_path):
    rig = Rig(tmp_path)
    rig.works.clear()
    rig.broken = lambda _: waiting("CreateContainerConfigError", 'secret "db-login" not found')
    rig.set_image(GOOD)
    notice = told(rig)
    assert "Deployment/web in shop: SecretReference" in notice.title
    assert "db-login" in notice.body


@pytest.mark.parametrize("finalizers", [["example.com/backup"], []])
def test_a_pod_that_does_not_go_is_named_though_a_better_image_is_known(tmp_path, finalizers):
    """The known good image differs from the present one: a change that could be made, and would end nothing."""
    rig = Rig(tmp_path)
    rig.turn(8)
    rig.works.add(BAD)
    rig.set_image(BAD)
    (stuck,) = rig.cluster.list_now("Pod", "shop")
    stuck = {**stuck, "metadata": {**stuck["metadata"], "name": "web-old", "uid": "uid-of-the-old-pod"}}
    stuck["metadata"] |= {"deletionTimestamp": "2025-03-01T10:00:00Z", "finalizers": finalizers}
    rig.cluster.put(stuck)
    assert "Deployment/web in shop: StuckTerminating" in told(rig).title


def test_without_a_controller_a_person_is_called_and_the_newest_spec_is_left_alone(tmp_path):
    rig = Rig(tmp_path)
    rig.turn(8)
    rig.cluster.react = None  # kube-controller-manager is gone
    live = rig.cluster.object("Deployment", "shop", "web")
    live["spec"]["template"]["spec"]["containers"][0]["image"] = BAD
    live["metadata"]["managedFields"] = [{"manager": "kubectl", "time": "2025-03-01T10:00:00Z"}]
    rig.cluster.put(live)
    assert "Deployment/web in shop: GenerationNotObserved" in told(rig).title
    assert rig.image == BAD
