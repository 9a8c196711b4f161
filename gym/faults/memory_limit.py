"""A memory limit too small, in a workload that was never healthy: nothing to go back to, so code has no
candidate. The log says how much the program loads; the model must write the limit itself."""

from __future__ import annotations

from detectors.model import FaultClass
from gym.faults.base import VERIFICATION, Fault, RightField, deployment
from intents.units import parse_quantity
from remediation.model import Outcome

WORKING_SET_MIB = 96
LIMIT = "48Mi"
MOST = "512Mi"

INTENT = f"""
apiVersion: intentd.io/v1alpha1
kind: Intent
metadata: {{name: memory-limit}}
spec:
  mode: auto
  scope: {{namespace: shop, kind: Deployment, name: catalog}}
  expectations:
    - type: workloadHealthy
  editable:
    - path: spec.template.spec.containers[*].resources.limits.memory
      min: 16Mi
      max: {MOST}
  {VERIFICATION}
"""


def _holds_the_working_set(value: object) -> bool:
    return isinstance(value, str) and WORKING_SET_MIB * 2**20 < parse_quantity(value) <= parse_quantity(MOST)


MEMORY_LIMIT = Fault(
    name="memory-limit",
    title="a memory limit too small, never healthy",
    target=("Deployment", "catalog"),
    objects=(
        deployment("catalog", env=({"name": "ALLOCATE_MIB", "value": str(WORKING_SET_MIB)},), memory=LIMIT),
    ),
    intent=INTENT,
    fault_class=FaultClass.OOM_KILLED,
    outcome=Outcome.FIXED,
    fixed=(
        RightField(
            "spec.template.spec.containers[name=app].resources.limits.memory",
            _holds_the_working_set,
            f"holds {WORKING_SET_MIB} MiB and what the program itself needs",
        ),
    ),
)
