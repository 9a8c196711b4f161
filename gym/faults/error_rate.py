"""An error rate that only Prometheus sees, from a dependency outside the cluster that went away: every pod
is ready, nothing in the cluster has changed, and no patch can mend the cause. The one right answer is to call a person."""

from __future__ import annotations

from detectors.model import FaultClass
from gym.faults.base import VERIFICATION, Fault, Outage, deployment
from remediation.model import Outcome

INTENT = f"""
apiVersion: intentd.io/v1alpha1
kind: Intent
metadata: {{name: error-rate}}
spec:
  mode: auto
  scope: {{namespace: shop, kind: Deployment, name: checkout}}
  expectations:
    - type: workloadHealthy
    - type: metric
      query: |
        sum(rate(requests_total{{namespace="shop", app="checkout", code="500"}}[10s]))
          / sum(rate(requests_total{{namespace="shop", app="checkout"}}[10s]))
      operator: "<"
      threshold: 0.05
      for: 5s
      summary: More than 5 % of the checkouts fail.
  editable:
    - path: spec.replicas
      min: 1
      max: 4
    - path: spec.template.spec.containers[*].resources.limits.memory
      min: 32Mi
      max: 256Mi
  {VERIFICATION}
"""

SAYS = "payment provider: 503 from api.payments.example (scheduled maintenance)"

ERROR_RATE = Fault(
    name="error-rate",
    title="an error rate that no patch can mend",
    target=("Deployment", "checkout"),
    objects=(deployment("checkout", env=({"name": "FAIL_MESSAGE", "value": SAYS},), scrape=True),),
    intent=INTENT,
    fault_class=FaultClass.METRIC,
    outcome=Outcome.ESCALATED,
    breakage=Outage("checkout", 0.4),
    waits_for=(("Deployment", "checkout"),),
    needs_metrics=True,
)
