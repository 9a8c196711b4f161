"""A Service selector that matches nothing: a label was renamed on one side only."""

from __future__ import annotations

from detectors.model import FaultClass
from gym.faults.base import NAMESPACE, VERIFICATION, Breakage, Fault, RightField, deployment, equals
from remediation.model import Outcome

INTENT = f"""
apiVersion: intentd.io/v1alpha1
kind: Intent
metadata: {{name: service-selector}}
spec:
  mode: auto
  scope: {{namespace: shop, kind: Service, name: cart}}
  expectations:
    - type: endpointsPresent
      service: cart
  editable:
    - kind: Service
      path: spec.selector.app
  {VERIFICATION}
"""

SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "cart", "namespace": NAMESPACE, "labels": {"app": "cart"}},
    "spec": {"selector": {"app": "cart"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
}

SERVICE_SELECTOR = Fault(
    name="service-selector",
    title="a Service selector that matches nothing",
    target=("Service", "cart"),
    objects=(SERVICE, deployment("cart")),
    intent=INTENT,
    fault_class=FaultClass.NO_ENDPOINTS,
    outcome=Outcome.FIXED,
    breakage=Breakage("Service", "cart", {"spec": {"selector": {"app": "shopping-cart"}}}),
    fixed=(RightField("spec.selector.app", equals("cart"), "is cart"),),
    needs_containers=False,
    waits_for=(("Service", "cart"),),
)
