"""A desired manifest is provisioned when absent and put right when it drifts, by code, through the same guards."""

import pytest

from daemon.rounds import read_catalog
from remediation.saga import State
from store.queries import find_cases
from tests.fakes.rig import Rig

WISH = """
apiVersion: intentd.io/v1alpha1
kind: Intent
metadata: {name: settings-exist}
spec:
  mode: auto
  scope: {namespace: shop}
  expectations:
    - type: manifest
      manifest:
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: web-config, namespace: shop}
        data: {level: info}
  cooldown: 1s
  verification: {window: 5s, timeout: 30s}
"""


@pytest.fixture
def rig(tmp_path):
    rig = Rig(tmp_path)
    rig.source.write("wish.yaml", WISH.encode())
    read_catalog(rig.world, rig.memory, rig.source)
    return rig


def settings_of(rig):
    return rig.cluster.object("ConfigMap", "shop", "web-config")["data"]


def test_an_absent_object_is_created_without_asking_a_model(rig):
    case = rig.until(State.CLOSED)
    assert case.outcome == "fixed"
    assert settings_of(rig) == {"level": "info"}
    assert rig.model.asked == []


def test_drift_is_put_right_and_free_fields_are_left_alone(rig):
    rig.until(State.CLOSED)
    rig.turn(10)
    live = rig.cluster.object("ConfigMap", "shop", "web-config")
    live["data"] = {"level": "debug", "extra": "mine"}
    rig.cluster.put(live)
    rig.turn(2)
    rig.until(State.CLOSED)
    assert find_cases(rig.store)[0].outcome == "fixed"
    assert settings_of(rig) == {"level": "info", "extra": "mine"}


def test_a_created_object_that_was_not_wanted_is_deleted_by_undo(rig):
    case = rig.until(State.CLOSED)
    from daemon.commands import Commands

    rig.source.delete("wish.yaml")
    read_catalog(rig.world, rig.memory, rig.source)
    Commands(rig.world, rig.memory)("undo", {"case": case.case_id}, "alice")
    rig.turn(5)
    assert [written.verb for written in rig.cluster.written] == ["create", "delete"]
    assert find_cases(rig.store)[0].outcome == "rolled-back"
