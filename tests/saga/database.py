"""A StatefulSet of which a field is wrong that can never change: what the daemon mends by deleting it and creating
it anew. Each trial has its own: a fault that comes back while no daemon looks waits (`reopen_after`)."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from kubernetes import client

from tests.saga.lane import Lane

WRONG, RIGHT = "wrong", "db"
"""Names of its governing Service (`spec.serviceName`)."""

INTENT = """
apiVersion: intentd.io/v1alpha1
kind: Intent
metadata: {{name: db-as-written}}
spec:
  mode: auto
  scope: {{namespace: {namespace}, kind: StatefulSet, name: {name}}}
  expectations:
    - type: manifest
      manifest:
        apiVersion: apps/v1
        kind: StatefulSet
        metadata: {{name: {name}, namespace: {namespace}}}
        spec: {{serviceName: db}}
  recreate: [StatefulSet]
  cooldown: 0s
  budget: {{changes: 1000, per: 1m}}
  verification: {{window: 500ms, timeout: 60s}}
"""


@dataclass(frozen=True, slots=True)
class Database:
    """What a trial left there: the incarnation that a person made, the Service that it must name now, and our
    effective requests since (two a recreation)."""

    name: str
    case_id: str
    uid: str
    service: str
    writes: int


def put_wrong(lane: Lane) -> tuple[str, str]:
    """A new StatefulSet whose Service has the wrong name, and an intent that says the right one. Answers its name and
    uid."""
    lane.close_process()  # one life sees all of it from its start
    _may_recreate(lane)
    name = f"db-{lane.mark()}"
    made = lane.apps.create_namespaced_stateful_set(lane.namespace, _stateful_set(name))
    (lane.folder / "intents" / "db.yaml").write_text(INTENT.format(namespace=lane.namespace, name=name))
    lane.restart()
    return name, str(made.metadata.uid)


def drop(lane: Lane, name: str) -> None:
    """Nothing of it is left: no later trial sees it, or the process that saw it."""
    lane.close_process()
    (lane.folder / "intents" / "db.yaml").unlink()
    lane.apps.delete_namespaced_stateful_set(name, lane.namespace)


def _stateful_set(name: str) -> dict[str, object]:
    labels = {"app": name}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "app", "image": "example.com/app:1"}]},
    }
    return {
        "metadata": {"name": name},
        "spec": {
            "replicas": 0,
            "serviceName": WRONG,
            "selector": {"matchLabels": labels},
            "template": template,
        },
    }


def _may_recreate(lane: Lane) -> None:
    """Bind the right in this namespace, as docs/recreate.md says."""
    name, _, account = lane.account.partition("/")
    body = {
        "metadata": {"name": "intentd-recreate"},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "intentd-recreate",
        },
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": name}],
    }
    rights = client.RbacAuthorizationV1Api(lane.apps.api_client)
    with contextlib.suppress(client.ApiException):  # it is there, or the first request of the daemon says so
        rights.create_namespaced_role_binding(lane.namespace, body)
