"""An image tag that does not exist: a release went out with a tag that nobody had pushed."""

from __future__ import annotations

from detectors.model import FaultClass
from gym.faults.base import IMAGE, VERIFICATION, Breakage, Fault, RightField, deployment, equals, pod_change
from remediation.model import Outcome

INTENT = rf"""
apiVersion: intentd.io/v1alpha1
kind: Intent
metadata: {{name: image-tag}}
spec:
  mode: auto
  scope: {{namespace: shop, kind: Deployment, name: web}}
  expectations:
    - type: workloadHealthy
  editable:
    - path: spec.template.spec.containers[*].image
      pattern: gym\.intentd\.io/workload:v[0-9]+
  {VERIFICATION}
"""

IMAGE_TAG = Fault(
    name="image-tag",
    title="an image tag that does not exist",
    target=("Deployment", "web"),
    objects=(deployment("web"),),
    intent=INTENT,
    fault_class=FaultClass.IMAGE_PULL,
    outcome=Outcome.FIXED,
    breakage=Breakage("Deployment", "web", pod_change({"image": "gym.intentd.io/workload:v4"})),
    fixed=(RightField("spec.template.spec.containers[name=app].image", equals(IMAGE), f"is {IMAGE}"),),
    needs_containers=False,
    waits_for=(("Deployment", "web"),),
)
