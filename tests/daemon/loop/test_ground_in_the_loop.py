"""What workloads stand on, through the whole daemon: a claim is mended, the rest is a person's, told with its cause."""

import pytest

from daemon.rounds import read_catalog
from remediation.saga import State
from store.queries import find_cases
from tests.fakes.rig import Rig

CLAIMS = """
apiVersion: intentd.io/v1alpha1
kind: Intent
metadata: {name: claims}
spec:
  mode: auto
  scope: {namespace: shop}
  expectations:
    - type: objectsHealthy
      kinds: [PersistentVolumeClaim]
  editable:
    - kind: PersistentVolumeClaim
      path: spec.storageClassName
  recreate: [PersistentVolumeClaim]
  cooldown: 1s
  verification: {window: 5s, timeout: 60s}
"""
CLUSTER = """
apiVersion: intentd.io/v1alpha1
kind: Intent
metadata: {name: cluster}
spec:
  mode: propose
  scope: {namespace: shop}
  expectations:
    - type: clusterHealthy
"""


def claim(storage_class):
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": "shop"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
            "storageClassName": storage_class,
        },
        "status": {"phase": "Pending"},
    }


def storage_class(name, *, default):
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": name,
            "annotations": {"storageclass.kubernetes.io/is-default-class": str(default).lower()},
        },
        "provisioner": "rancher.io/local-path",
        "volumeBindingMode": "WaitForFirstConsumer",
    }


def node(ready):
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "n1"},
        "status": {
            "conditions": [
                {
                    "type": "Ready",
                    "status": ready,
                    "reason": "NodeStatusUnknown",
                    "message": "Kubelet stopped posting node status.",
                    "lastTransitionTime": "2026-01-05T09:00:00Z",
                }
            ]
        },
    }


class GroundRig(Rig):
    def begin(self, wish, *items):
        for item in items:
            self.cluster.put(item)
        self.source.write("wish.yaml", wish.encode())
        read_catalog(self.world, self.memory, self.source)
        return self


@pytest.fixture
def rig(tmp_path):
    return GroundRig(tmp_path)


def test_a_claim_of_a_class_that_is_not_there_is_created_anew_with_one_that_is(rig):
    classes = storage_class("standard", default=True), storage_class("archive", default=False)
    rig.model.believes = lambda text: 0.95 if "to standard" in text else 0.05
    rig.begin(CLAIMS, claim("standard-v2"), *classes)
    case = rig.until(State.CLOSED)
    assert (case.fault_class, case.outcome) == ("ClaimPending", "fixed")
    found = rig.cluster.object("PersistentVolumeClaim", "shop", "data")
    assert found["spec"]["storageClassName"] == "standard"
    assert [written.verb for written in rig.cluster.written] == ["delete", "create"]


def test_without_any_class_a_person_is_told_which_one_is_missing(rig):
    rig.begin(CLAIMS, claim("standard-v2"))
    case = rig.until(State.CLOSED)
    assert case.outcome == "escalated"
    assert "PersistentVolumeClaim/data" in rig.notifier.sent[-1].title
    assert rig.cluster.written == []


def test_a_lost_node_is_told_with_its_name_and_nothing_is_written(rig):
    rig.begin(CLUSTER, node("Unknown"))
    case = rig.until(State.CLOSED)
    assert (case.fault_class, case.outcome) == ("NodeNotReady", "escalated")
    assert rig.notifier.sent[-1].title == "intentd needs you: Node/n1: NodeNotReady: NodeStatusUnknown"
    assert len(find_cases(rig.store)) == 1
    assert rig.cluster.written == []
