"""A ConfigMap key that does not exist: somebody tidied up the Deployment's reference, not the ConfigMap."""

from __future__ import annotations

from detectors.model import FaultClass
from gym.faults.base import (
    NAMESPACE,
    VERIFICATION,
    Breakage,
    Fault,
    RightField,
    deployment,
    equals,
    pod_change,
)
from remediation.model import Outcome

INTENT = f"""
apiVersion: intentd.io/v1alpha1
kind: Intent
metadata: {{name: config-key}}
spec:
  mode: auto
  scope: {{namespace: shop, kind: Deployment, name: orders}}
  expectations:
    - type: workloadHealthy
  editable:
    - path: spec.template.spec.containers[*].env[*].valueFrom.configMapKeyRef.key
  {VERIFICATION}
"""

CONFIG = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "orders-config", "namespace": NAMESPACE},
    "data": {
        "database.host": "orders-db.shop.svc",
        "database.name": "orders",
        "cache.ttl": "30s",
    },
}


def _from_config(key: str) -> dict[str, object]:
    return {"name": "DATABASE_HOST", "valueFrom": {"configMapKeyRef": {"name": "orders-config", "key": key}}}


CONFIG_KEY = Fault(
    name="config-key",
    title="a ConfigMap key that does not exist",
    target=("Deployment", "orders"),
    objects=(
        CONFIG,
        deployment(
            "orders",
            env=(_from_config("database.host"), {"name": "REQUIRE_ENV", "value": "DATABASE_HOST"}),
        ),
    ),
    intent=INTENT,
    fault_class=FaultClass.CONFIG_REFERENCE,
    outcome=Outcome.FIXED,
    breakage=Breakage("Deployment", "orders", pod_change({"env": [_from_config("database.hostname")]})),
    fixed=(
        RightField(
            "spec.template.spec.containers[name=app].env[name=DATABASE_HOST].valueFrom.configMapKeyRef.key",
            equals("database.host"),
            "is database.host",
        ),
    ),
    waits_for=(("Deployment", "orders"),),
)
