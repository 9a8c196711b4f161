"""Faults of Jobs, Ingresses and the like through the whole daemon: mended where something may be written, else a person
is told which object and why."""

from datetime import UTC, datetime

import pytest

from daemon.rounds import read_catalog
from remediation.saga import State
from tests.fakes.rig import Rig

WISH = """
apiVersion: intentd.io/v1alpha1
kind: Intent
metadata: {name: objects}
spec:
  mode: auto
  scope: {namespace: shop}
  expectations:
    - type: objectsHealthy
  editable:
    - {kind: Job, path: "spec.template.spec.containers[*].resources.limits.memory", max: 1Gi}
    - {kind: Service, path: "spec.ports[*].targetPort"}
  recreate: [Job]
  cooldown: 1s
  verification: {window: 5s, timeout: 30s}
"""
OLD = "2020-01-01T00:00:00Z"


class ObjectsRig(Rig):
    def begin(self):
        self.source.write("web.yaml", WISH.encode())
        read_catalog(self.world, self.memory, self.source)
        return self

    def told(self):
        """The one case that a person was told of, with what was said."""
        case = self.until(State.CLOSED)
        assert case.outcome == "escalated"
        return case, self.notifier.sent[-1]


@pytest.fixture
def rig(tmp_path):
    return ObjectsRig(tmp_path).begin()


def job(limit="64Mi"):
    container = {"name": "app", "image": "shop/import:1", "resources": {"limits": {"memory": limit}}}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "import", "namespace": "shop", "creationTimestamp": OLD},
        "spec": {
            "backoffLimit": 0,
            "template": {"spec": {"restartPolicy": "Never", "containers": [container]}},
        },
    }


def killed_at_its_limit(rig):
    """What the Job controller and the kubelet write of a Job without enough memory."""
    said = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "lastTransitionTime": OLD}
    live = rig.cluster.put({**job(), "status": {"startTime": OLD, "failed": 1, "conditions": [said]}})
    ended = {"exitCode": 137, "reason": "OOMKilled", "finishedAt": OLD}
    owner = {"kind": "Job", "name": "import", "uid": live["metadata"]["uid"], "controller": True}
    rig.cluster.put(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "import-x", "namespace": "shop", "ownerReferences": [owner]},
            "spec": {"containers": [{"name": "app", "image": "shop/import:1"}]},
            "status": {
                "phase": "Failed",
                "containerStatuses": [{"name": "app", "state": {"terminated": ended}}],
            },
        }
    )

    def controller(written):
        if written.verb == "create":
            began = datetime.fromtimestamp(rig.clock.now(), UTC).isoformat()
            rig.cluster.put({**written.live, "status": {"startTime": began, "active": 1, "ready": 1}})

    rig.cluster.react = controller


def test_a_job_without_enough_memory_is_created_anew_with_more(rig):
    more = {"resources": {"limits": {"memory": "128Mi"}}}
    rig.model.writes = {"spec": {"template": {"spec": {"containers": [{"name": "app", **more}]}}}}
    killed_at_its_limit(rig)
    case = rig.until(State.CLOSED)
    assert (case.outcome, case.fault_class) == ("fixed", "OOMKilled")
    live = rig.cluster.object("Job", "shop", "import")
    assert live["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"] == "128Mi"


def test_an_ingress_that_leads_nowhere_is_told_to_a_person(rig):
    backend = {"service": {"name": "wbe", "port": {"number": 80}}}
    rule = {"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    rig.cluster.put(
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {"name": "shop", "namespace": "shop", "creationTimestamp": OLD},
            "spec": {"ingressClassName": "nginx", "rules": [rule]},
            "status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.7"}]}},
        }
    )
    case, said = rig.told()
    assert (case.kind, case.name, case.fault_class) == ("Ingress", "shop", "IngressBackend")
    assert "Ingress/shop" in f"{said.title} {said.body}"
    assert "Service wbe" in said.body
    assert rig.cluster.written == []
